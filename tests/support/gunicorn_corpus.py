"""gunicorn's own cases for its parsers, out of its source distribution.

A case is two files: the bytes, with escapes for what an editor would not keep, and a module that
says what is to come of them. The modules are read and not run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.support.corpora import files_in, gunicorn_sources

_ESCAPE = re.compile(rb"\\(?:([rn0t])|x([0-9A-Fa-f]{2}))")
_PLAIN = {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"t": b"\t"}
_WITHOUT_HOST = re.compile(rb"(?m)^([!-~]+ [^ \r\n]+ HTTP/1\.1\r\n)(?!(?:[^\r\n]+\r\n)*?[Hh]ost:)")


@dataclass(frozen=True)
class CorpusCase:
    """One case; `settings` are those of gunicorn's that it needs to be other than by default."""

    name: str
    sent: bytes
    refusal: str | None  # the error of gunicorn's; None: all is well
    methods: tuple[str, ...]  # of the requests, where all is well
    bodies: tuple[bytes, ...]
    settings: frozenset[str]

    def with_hosts(self) -> bytes:
        """Return the bytes with a Host in every request of HTTP/1.1: few of the cases have one."""
        return _WITHOUT_HOST.sub(rb"\1Host: x\r\n", self.sent)


def corpus() -> Iterator[CorpusCase]:
    """Return every case that there is."""
    files = files_in(gunicorn_sources(), r"tests/requests/(in)?valid/[^/]+\.(http|py)")
    for name in sorted(name for name in files if name.endswith(".http")):
        path = PurePosixPath(name)
        yield _case(path, files[name], files[str(path.with_suffix(".py"))].decode())


def _case(path: PurePosixPath, written: bytes, module: str) -> CorpusCase:
    tree = ast.parse(module)
    is_valid = path.parent.name == "valid"
    requests = _requests(tree) if is_valid else []
    return CorpusCase(
        f"{path.parent.name}/{path.stem}",
        _ESCAPE.sub(_unescaped, written.replace(b"\n", b"")),
        None if is_valid else ast.unparse(_values(tree)["request"]),
        tuple(ast.literal_eval(each["method"]) for each in requests),
        tuple(_body(each["body"]) for each in requests),
        frozenset(_settings(tree)),
    )


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return _PLAIN[escape[1]] if escape[1] else bytes.fromhex(escape[2].decode())


def _values(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what each name is set to."""
    return {
        ast.unparse(target): statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    }


def _requests(tree: ast.Module) -> list[dict[str, ast.expr]]:
    values = _values(tree)
    request = values["request"]
    listed = request.elts if isinstance(request, ast.List) else [request]
    named = (values[each.id] if isinstance(each, ast.Name) else each for each in listed)
    return [_members(each) for each in named if isinstance(each, ast.Dict)]


def _members(written: ast.Dict) -> dict[str, ast.expr]:
    return {
        ast.literal_eval(name): value
        for name, value in zip(written.keys, written.values, strict=True)
        if name is not None
    }


def _body(written: ast.expr) -> bytes:
    """Return a body, which some cases write as text, encode or repeat."""
    match written:
        case ast.Call(func=ast.Attribute(value=text)):
            return _body(text)
        case ast.BinOp(left=piece, right=times):
            return _body(piece) * int(ast.literal_eval(times))
        case _:
            body = ast.literal_eval(written)
            return body.encode() if isinstance(body, str) else bytes(body)


def _settings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "cfg.set":
            yield ast.literal_eval(node.args[0])
