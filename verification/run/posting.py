"""Posting files to the ingest, and what their names say must come back."""

from __future__ import annotations

import json
import mimetypes
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from verification.errors import CannotRunError, UsageError

ACCEPTED = 202
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Outcome:
    """One file's answer: its status, the expected one, a word on it, and how long it took."""

    file: Path
    expected: int
    status: int
    detail: str
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether the status is the one that the file's name asks for."""
        return self.status == self.expected


def expected_status(file: Path) -> int:
    """Return the status that `refused/<status>-<name>` asks for; 202 for a file elsewhere."""
    if file.parent.name != "refused":
        return ACCEPTED
    head, _, _ = file.name.partition("-")
    if not head.isdecimal():
        message = f"{file}: a refused sample's name starts with its status, as in 400-id-empty.json"
        raise UsageError(message)
    return int(head)


def sample_files(folder: Path) -> list[Path]:
    """Return the samples under `folder`: first those to accept, then those to refuse."""
    return [*sorted(folder.glob("*.json")), *sorted((folder / "refused").glob("[0-9]*-*"))]


def post_all(files: Iterable[Path], url: str) -> Iterator[Outcome]:
    """Post the files one after the other over one connection; CannotRunError without an answer."""
    parts = urlsplit(url)
    try:
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    except (ValueError, HTTPException) as error:
        message = f"{url}: {error}"
        raise UsageError(message) from error
    try:
        for file in files:
            yield _post(connection, parts.path or "/", file)
    except (OSError, HTTPException) as error:
        message = f"{url} does not answer ({type(error).__name__}: {error}): is `make run` up?"
        raise CannotRunError(message) from error
    finally:
        connection.close()


def _post(connection: HTTPConnection, path: str, file: Path) -> Outcome:
    expected = expected_status(file)
    try:
        body = file.read_bytes()
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise UsageError(message) from error
    began = time.monotonic()
    connection.request("POST", path, body, _headers(file))
    answer = connection.getresponse()
    text = answer.read()
    return Outcome(file, expected, answer.status, _detail(text), time.monotonic() - began)


def _headers(file: Path) -> dict[str, str]:
    kind, encoding = mimetypes.guess_type(file.name)
    headers = {"Content-Type": kind or "application/octet-stream"}
    return headers if encoding is None else headers | {"Content-Encoding": encoding}


def _detail(text: bytes) -> str:
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        answer = json.loads(text)
        if "offset" in answer:
            return f"{answer['topic']}[{answer['partition']}]@{answer['offset']} {answer['id']}"
        errors = answer.get("errors", ())
        found = "; ".join(f"{error['path']}: {error['message']}" for error in errors)
        return found or str(answer["title"])
    return text[:80].decode(errors="replace")
