"""A runner that answers from a table instead of starting processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from verification.cluster.tools.process import Result

Answer = Callable[[Sequence[str], str], str | Result]


@dataclass
class FakeRunning:
    """A command that goes on until its answer is asked for, or it is ended."""

    argv: tuple[str, ...]
    answer: Callable[[], str | Result]
    ended: list[tuple[str, ...]]

    def result(self) -> Result:
        found = self.answer()
        return found if isinstance(found, Result) else Result(self.argv, 0, found, "")

    def end(self) -> None:
        self.ended.append(self.argv)


class FakeRunner:
    """Answers by the last row whose words all occur in the command; fails on anything else."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.ended: list[tuple[str, ...]] = []
        self._rows: list[tuple[tuple[str, ...], Answer]] = []

    def answer(self, *words: str, with_: object = "", code: int = 0, stderr: str = "") -> None:
        """Answer commands that contain `words`: with a text, with JSON, or by a function."""
        if callable(with_):
            self._rows.insert(0, (words, with_))
            return
        text = with_ if isinstance(with_, str) else json.dumps(with_)
        self._rows.insert(0, (words, lambda argv, _: Result(tuple(argv), code, text, stderr)))

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        assert env is None, "nothing here needs another environment"
        return self.start(argv, timeout=timeout, stdin=stdin).result()

    def start(
        self, argv: Sequence[str], *, timeout: float, stdin: str | None = None
    ) -> FakeRunning:
        assert timeout > 0, "every execution is bounded"
        self.calls.append(tuple(argv))
        for words, answer in self._rows:
            if set(words) <= set(argv):
                return FakeRunning(tuple(argv), partial(answer, argv, stdin or ""), self.ended)
        raise AssertionError(f"no answer for {' '.join(argv)}")

    def called(self, *words: str) -> bool:
        return any(set(words) <= set(call) for call in self.calls)
