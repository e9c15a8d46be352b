"""`python -m tests.stress [TEST]`: run tests again and again on a machine that stands still.

TEST is a path or an expression of pytest's -k, by default all that has to do with time. Exits with
0 when every run was green, with 1 otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

import psutil

from tests.stress.standstill import Stoppable, stalling
from tests.support.signals import taken

_PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--kafka=embedded")
_FOLDERS = ("tests/unit", "tests/run", "tests/services/integration", "tests/services/faults")
Run = Callable[[random.Random], tuple[int, int]]


def selected(test: str) -> list[str]:
    """Return pytest's arguments for a path, an expression, or nothing."""
    if test and Path(test.partition("::")[0]).exists():
        return [test]
    return [*_FOLDERS, *(("-k", test) if test else ("-m", "timing"))]


def enough(amount: str, monotonic: Callable[[], float]) -> Callable[[int], bool]:
    """Return what says of a number of runs whether it is `3x` runs, or took so many seconds."""
    if amount.endswith("x"):
        return lambda runs: runs >= int(amount[:-1])
    end = monotonic() + float(amount)
    return lambda runs: runs > 0 and monotonic() >= end


def run_once(command: Sequence[str], dice: random.Random) -> tuple[int, int]:
    """Run the command while it is held now and then; return its status and how often it was."""

    def family() -> Sequence[Stoppable]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return [root, *root.children(recursive=True)]
        return []

    # a session of its own: Ctrl-C comes from here, once, when nothing stands still any more
    with taken(signal.SIGINT, signal.SIG_DFL):  # what was ignored here would be ignored there
        started = subprocess.Popen(command, start_new_session=True)
    with started as process:
        root = psutil.Process(process.pid)
        try:
            return stalling(process.wait, family, dice, time.sleep)
        finally:
            process.send_signal(signal.SIGINT)  # does nothing once it has ended
            process.wait()


def stress(run: Run, over: Callable[[int], bool], seed: int, out: TextIO) -> int:
    """Run until it is over, and say how it went; return the exit status."""
    dice, ended = random.Random(seed), list[tuple[int, int]]()  # noqa: S311  no secret
    while not over(len(ended)):
        ended.append(run(dice))
    failed, stalls = sum(status != 0 for status, _ in ended), sum(count for _, count in ended)
    out.write(f"{len(ended)} runs, {stalls} stalls, {failed} runs failed, SEED={seed}\n")
    return int(failed > 0)


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Run and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("test", nargs="?", default="")
    parser.add_argument("--for", dest="amount", default="60", metavar="SECONDS|RUNSx")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    args, more = parser.parse_known_args(arguments)
    command = [sys.executable, *_PYTEST, *selected(args.test), *more]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is held is continued
    out.write(f"SEED={args.seed}: {' '.join(command[1:])}\n")
    out.flush()
    over = enough(args.amount, time.monotonic)
    return stress(lambda dice: run_once(command, dice), over, args.seed, out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
