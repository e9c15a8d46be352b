"""A runner that answers from a table instead of starting processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from verification.tools.process import Result

Answer = Callable[[Sequence[str], str], str | Result]


class FakeRunner:
    """Answers by the first row whose words all occur in the command; fails on anything else."""

    def __init__(self) -> None:
        """Know no answer yet."""
        self.calls: list[tuple[str, ...]] = []
        self._rows: list[tuple[tuple[str, ...], Answer]] = []

    def answer(self, *words: str, with_: object = "", code: int = 0, stderr: str = "") -> None:
        """Answer commands that contain `words`: with a text, with JSON, or by a function.

        A later row wins over an earlier one.
        """
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
        """Look the answer up."""
        assert timeout > 0, "every execution is bounded"
        assert env is None, "nothing here needs another environment"
        self.calls.append(tuple(argv))
        for words, answer in self._rows:
            if set(words) <= set(argv):
                found = answer(argv, stdin or "")
                return found if isinstance(found, Result) else Result(tuple(argv), 0, found, "")
        message = f"no answer for {' '.join(argv)}"
        raise AssertionError(message)

    def called(self, *words: str) -> bool:
        """Say whether a command with these words was run."""
        return any(set(words) <= set(call) for call in self.calls)
