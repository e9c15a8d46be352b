"""Tests are held at random, continued whatever happens, and judged by all of their runs."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.stress.__main__ import enough, run_once, selected, stress
from tests.stress.standstill import GOES_S, STANDS_S, held, stalling
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

DICE = random.Random(1)  # noqa: S311  no secret
WELL = (0, 2)


@dataclass(eq=False)
class FakeProcess:
    """Runs, stands or is gone, and notes what is done to it."""

    state: str = psutil.STATUS_RUNNING
    done: list[str] = field(default_factory=list)

    def status(self) -> str:
        """Return its state, if there is one."""
        if not self.state:
            raise psutil.NoSuchProcess(1)
        return self.state

    def suspend(self) -> None:
        """Stand still."""
        self.done.append("suspend")
        self.state = psutil.STATUS_STOPPED

    def resume(self) -> None:
        """Go on."""
        self.done.append("resume")
        self.state = psutil.STATUS_RUNNING


class TestHeld:
    """Every process of the family, and no other."""

    def test_all_stand_and_all_go_on(self) -> None:
        """Each is stopped once and continued once."""
        family = [FakeProcess(), FakeProcess()]
        with held(lambda: family):
            assert [it.state for it in family] == [psutil.STATUS_STOPPED] * 2
        assert [it.done for it in family] == [["suspend", "resume"]] * 2

    def test_what_was_begun_meanwhile_stands_too(self) -> None:
        """A process that another one started just before it was stopped is found."""
        first, late = FakeProcess(), FakeProcess()
        with held(lambda: [first, late] if first.done else [first]):
            assert late.state == psutil.STATUS_STOPPED
        assert late.state == psutil.STATUS_RUNNING

    @pytest.mark.parametrize("state", [psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, ""])
    def test_what_does_not_run_is_left_alone(self, state: str) -> None:
        """What a test has stopped itself is not continued, and what is gone does not matter."""
        process = FakeProcess(state)
        with held(lambda: [process]):
            pass
        assert process.done == []

    def test_an_interruption_continues_all(self) -> None:
        """Ctrl-C leaves nothing standing."""
        process = FakeProcess()
        with pytest.raises(KeyboardInterrupt), held(lambda: [process]):
            raise KeyboardInterrupt
        assert process.state == psutil.STATUS_RUNNING


class TestStalling:
    """From the beginning of a command to its end."""

    def test_it_stands_between_two_waits(self) -> None:
        """The time that it goes and the time that it stands are random, within their bounds."""
        time, waited, process = FakeTime(), list[float](), FakeProcess()

        def wait(seconds: float) -> int:
            waited.append(seconds)
            if len(waited) <= 20:
                raise subprocess.TimeoutExpired("pytest", seconds)
            return 1

        assert stalling(wait, lambda: [process], DICE, time.sleep) == (1, 20)
        assert process.done == ["suspend", "resume"] * 20
        assert all(GOES_S[0] <= seconds <= GOES_S[1] for seconds in waited)
        assert all(STANDS_S[0] <= seconds <= STANDS_S[1] for seconds in time.slept_s)
        assert len(set(waited)) > 1

    def test_a_real_command_with_a_child(self, tmp_path: Path) -> None:
        """An interruption ends it and leaves neither it nor its child standing."""
        pids = tmp_path / "pids"
        child = "import time; time.sleep(600)"
        code = (
            "import os, subprocess, sys, pathlib; "
            f"child = subprocess.Popen([sys.executable, '-c', {child!r}]); "
            f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child.pid}}\\n'); "
            "child.wait()"
        )

        class Interrupting(random.Random):
            def uniform(self, least: float, most: float) -> float:
                if (least, most) == STANDS_S:
                    raise KeyboardInterrupt
                eventually(lambda: pids.exists() and pids.read_text().endswith("\n"), "a child")
                return 0.0

        with pytest.raises(KeyboardInterrupt):
            run_once([sys.executable, "-c", code], Interrupting())
        started = [int(pid) for pid in pids.read_text().split()]
        assert not psutil.pid_exists(started[0])
        orphan = psutil.Process(started[1])
        assert orphan.status() != psutil.STATUS_STOPPED
        orphan.kill()


class TestVerdict:
    """What one reads at the end."""

    @pytest.mark.parametrize(
        ("runs", "code", "said"),
        [
            ([WELL, WELL], 0, "2 runs, 4 stalls, 0 runs failed, SEED=7\n"),
            ([WELL, (1, 3), WELL], 1, "3 runs, 7 stalls, 1 runs failed, SEED=7\n"),
            ([(5, 0)], 1, "1 runs, 0 stalls, 1 runs failed, SEED=7\n"),
        ],
    )
    def test_summary(self, runs: list[tuple[int, int]], code: int, said: str) -> None:
        """One run that fails, or has no test to run, is a failure."""
        out, coming = io.StringIO(), iter(runs)
        over: Callable[[int], bool] = lambda done: done == len(runs)  # noqa: E731
        assert stress(lambda _dice: next(coming), over, 7, out) == code
        assert out.getvalue() == said

    def test_enough(self) -> None:
        """So many runs, or runs for so many seconds, and at least one."""
        time = FakeTime()
        thrice, a_minute = enough("3x", time.clock.monotonic), enough("60", time.clock.monotonic)
        assert [thrice(2), thrice(3)] == [False, True]
        assert a_minute(9) is False
        time.sleep(60)
        assert [a_minute(0), a_minute(1)] == [False, True]

    @pytest.mark.parametrize(
        ("test", "arguments"),
        [
            ("tests/unit", ["tests/unit"]),
            ("tests/conftest.py::x", ["tests/conftest.py::x"]),
            ("sink or lag", ["-k", "sink or lag"]),
            ("", ["-m", "timing"]),
        ],
    )
    def test_selection(self, test: str, arguments: list[str]) -> None:
        """A path is a path, anything else an expression; without it, what has to do with time."""
        assert selected(test)[-len(arguments) :] == arguments
