"""Answers as they came over the wire, read as strictly as RFC 9110 and RFC 9112 allow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

_HEAD_END = b"\r\n\r\n"
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) [\t -~]*")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*?)[ \t]*")
_WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_ERRORS_FROM = 400


class Garbage(Exception):
    """What came is no HTTP response."""


@dataclass(frozen=True)
class WireAnswer:
    """One response: its status, its fields by their lower-case names, and its body."""

    status: int
    fields: dict[str, list[str]]
    body: bytes

    @property
    def is_interim(self) -> bool:
        return self.status < HTTPStatus.OK

    @property
    def ends_connection(self) -> bool:
        options = ",".join(self.fields.get("connection", []))
        return "close" in {option.strip().lower() for option in options.split(",")}

    def faults(self, *, to_head: bool) -> Iterator[str]:
        """Say what no answer of ours may look like."""
        if self.is_interim:
            return
        for name in ("date", "content-length", "content-type"):
            if len(self.fields.get(name, [])) != 1:
                yield f"{self.status} has {len(self.fields.get(name, []))} {name} fields"
        if not all(map(_is_date, self.fields.get("date", []))):
            yield f"{self.status} has a Date that is none"
        if "transfer-encoding" in self.fields:
            yield f"{self.status} has a Transfer-Encoding"
        if self.status >= _ERRORS_FROM:
            yield from self._faults_of_problem(to_head=to_head)

    def _faults_of_problem(self, *, to_head: bool) -> Iterator[str]:
        if self.fields.get("content-type") != ["application/problem+json"]:
            yield f"{self.status} is {self.fields.get('content-type')} and not problem+json"
        elif not to_head and _problem_status(self.body) != self.status:
            yield f"{self.status} has a problem document of another status: {self.body!r}"


def read_answers(received: bytes, heads: int = 0) -> tuple[list[WireAnswer], bytes]:
    """Return the whole responses in what came, and what is left over.

    The first `heads` final ones are answers to HEAD. Raises Garbage for what is no response.
    """
    answers: list[WireAnswer] = []
    rest = received
    while _HEAD_END in rest:
        finals = sum(not answer.is_interim for answer in answers)
        found = _read_one(rest, to_head=finals < heads)
        if found is None:
            break
        answer, rest = found
        answers.append(answer)
    if rest and not b"HTTP/1.".startswith(rest[:7]):
        raise Garbage(f"{rest[:60]!r} where an answer should begin")
    return answers, rest


def _read_one(received: bytes, *, to_head: bool) -> tuple[WireAnswer, bytes] | None:
    head, _, rest = received.partition(_HEAD_END)
    status, fields = _read_head(head)
    length = int("".join(fields.get("content-length", ["0"])))
    if to_head or status < HTTPStatus.OK or status in _WITHOUT_BODY:
        length = 0
    if len(rest) < length:
        return None
    return WireAnswer(status, fields, rest[:length]), rest[length:]


def _read_head(head: bytes) -> tuple[int, dict[str, list[str]]]:
    status_line, *lines = head.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(status_line)
    if status is None:
        raise Garbage(f"{status_line[:60]!r} where a status line should be")
    fields: dict[str, list[str]] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise Garbage(f"{line[:60]!r} where a field should be")
        fields.setdefault(field[1].decode().lower(), []).append(field[2].decode())
    return int(status[1]), fields


def _problem_status(body: bytes) -> object:
    try:
        problem = json.loads(body)
    except ValueError:
        return None
    return problem.get("status") if isinstance(problem, dict) else None


def _is_date(value: str) -> bool:
    try:
        return parsedate_to_datetime(value).tzinfo is not None and value.endswith(" GMT")
    except ValueError:
        return False
