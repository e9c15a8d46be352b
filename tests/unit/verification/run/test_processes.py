"""Child processes and services end with their parent, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.support.fakes.http_answers import Answer, HttpAnswers
from tests.support.local_run import gone
from tests.support.waiting import eventually
from verification.project import ROOT
from verification.run.ports import free_port
from verification.run.processes import Child, Command, Tie, spawn
from verification.run.pump import Pump
from verification.run.service import Service, ServicePlan

pytestmark = [pytest.mark.timing, pytest.mark.promise("two-commands")]

TIES: list[Tie] = ["parent", "pipe"] if sys.platform == "linux" else ["pipe"]
SLEEP = ("sleep", "60")


@contextmanager
def started(*arguments: str, tie: Tie | None = None, folder: Path | None = None) -> Iterator[Child]:
    """Start a command with our environment; kill it afterwards and close its stream."""
    child = spawn(Command(arguments, os.environ, folder), stdout=subprocess.PIPE, tie=tie)
    try:
        yield child
    finally:
        child.kill()
        output_of(child).close()


def output_of(child: Child) -> IO[bytes]:
    """Return what the child writes to."""
    stream, _ = child.streams
    assert stream is not None
    return stream


def wait_for_command(pid: int) -> None:
    """Wait until the process has become the command that it was started for."""

    def became() -> bool:
        with suppress(psutil.NoSuchProcess):
            return bool(psutil.Process(pid).name() == SLEEP[0])
        return False

    eventually(became, "the command")


class TestChild:
    """A command in a session of its own."""

    @pytest.mark.parametrize("tie", TIES)
    def test_tells_its_output_and_status(self, tie: Tie, tmp_path: Path) -> None:
        """What the command prints in its folder and returns arrives unchanged."""
        with started("sh", "-c", "pwd; exit 7", tie=tie, folder=tmp_path) as child:
            assert output_of(child).read().decode() == f"{tmp_path.resolve()}\n"
            assert eventually(child.poll, "the end") == 7

    def test_stops_when_asked(self) -> None:
        """A child ends by SIGTERM, in a session that a Ctrl-C at our terminal does not reach."""
        with started(*SLEEP) as child:
            wait_for_command(child.pid)
            assert os.getsid(child.pid) == child.pid != os.getsid(0)
            assert child.stop(5) == -signal.SIGTERM

    def test_is_killed_when_it_does_not_obey(self) -> None:
        """A child that ignores SIGTERM is killed after the time it was given."""
        deaf = "trap '' TERM; echo deaf; while :; do sleep 1; done"
        with started("sh", "-c", deaf) as child:
            assert output_of(child).readline() == b"deaf\n"
            assert child.stop(0.1) == -signal.SIGKILL

    def test_what_it_started_ends_with_it(self) -> None:
        """Killing reaches the whole group, after the leader's own end too."""
        with started("sh", "-c", "sleep 60 >/dev/null & echo $!") as child:
            grandchild = int(output_of(child).read())
            eventually(lambda: child.poll() is not None, "the leader's end")
            assert not gone(grandchild)
            assert child.stop(1) == 0
            eventually(lambda: gone(grandchild), "the grandchild's end")

    def test_what_cannot_be_started(self, tmp_path: Path) -> None:
        """A missing executable is an exit status, as in a shell; a missing folder is an error."""
        command = Command(("/no/such/command",), os.environ)
        child = spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert eventually(child.poll, "the end") == 1
        child.kill()
        with pytest.raises(FileNotFoundError):
            spawn(Command(SLEEP, os.environ, tmp_path / "nowhere"))


class TestTies:
    """Nothing outlives its parent."""

    PARENT = textwrap.dedent(
        """
        import os, sys, time
        from verification.run.processes import Command, spawn
        child = spawn(Command(("sleep", "60"), os.environ), tie=sys.argv[1])
        print(child.pid, flush=True)
        time.sleep(60)
        """
    )

    @pytest.mark.parametrize("tie", TIES)
    def test_kill_9_of_the_parent_ends_the_child(self, tie: Tie) -> None:
        """The child is gone soon after its parent was killed without warning."""
        with subprocess.Popen(
            [sys.executable, "-c", self.PARENT, tie], stdout=subprocess.PIPE, cwd=ROOT
        ) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            wait_for_command(pid)
            parent.kill()
        eventually(lambda: gone(pid), "the child's end")

    @pytest.mark.parametrize("tie", TIES)
    def test_the_end_of_the_starting_thread_does_not_end_the_child(self, tie: Tie) -> None:
        """A child belongs to the process, whichever thread started it."""
        child = started(*SLEEP, tie=tie)
        entered: list[Child] = []
        thread = threading.Thread(target=lambda: entered.append(child.__enter__()))
        thread.start()
        thread.join()
        wait_for_command(entered[0].pid)
        assert entered[0].poll() is None
        child.__exit__(None, None, None)

    def test_the_watcher_ends_with_the_child(self) -> None:
        """Where a second process watches, it is gone once the child has ended."""
        with started(*SLEEP, tie="pipe") as child:
            wait_for_command(child.pid)
            (watcher,) = psutil.Process(child.pid).children()
        eventually(lambda: gone(watcher.pid), "the watcher's end")


class Lines:
    """Pumps that collect what a service writes."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.err: list[bytes] = []

    def of(self, script: str, port: int = 9) -> Service:
        """Return a service that runs a shell script."""
        plan = ServicePlan("fake", ("sh", "-c", script), os.environ, "127.0.0.1", port)
        pumps = Pump(self.out.append, bool), Pump(self.err.append, bool)
        for pump in pumps:
            pump.release()
        return Service(plan, *pumps, ROOT)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Begin with none, and with patience: machines that run tests stand still at times."""
    for name in ("_PROBE_S", "_DRAIN_S"):
        monkeypatch.setattr(f"verification.run.service.{name}", 30)
    return Lines()


class TestService:
    """A service is a process with a readiness endpoint."""

    def test_its_lines_arrive_where_they_belong(self, lines: Lines) -> None:
        """Standard output and error each have their pump, complete once it was stopped."""
        unit = lines.of("echo log; echo oops >&2; exit 3")
        unit.launch()
        assert unit.pid is not None
        assert eventually(unit.poll, "the end") == 3
        assert unit.stop(1) == 3
        assert (lines.out, lines.err) == ([b"log\n"], [b"oops\n"])

    def test_before_its_start_there_is_nothing_to_stop(self, lines: Lines) -> None:
        """A service that was never launched has no status and can be stopped and killed."""
        unit = lines.of("true")
        assert (unit.pid, unit.poll(), unit.stop(1)) == (None, None, None)
        unit.kill()

    def test_it_can_be_killed_and_launched_again(self, lines: Lines) -> None:
        """A second launch is a new process."""
        unit = lines.of("echo up; exec sleep 60")
        for _ in range(2):
            unit.launch()
            eventually(lambda: lines.out, "its line")
            lines.out.clear()
            unit.kill()
            assert unit.poll() == -9

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (Answer(200), None),
            (Answer(503, b'{"status":"not ready","reasons":["a","b"]}'), "/readyz says a, b"),
            (Answer(503, b"<html>"), "/readyz says b'<html>'"),
            (Answer(404, b"[]"), "/readyz says b'[]'"),
        ],
    )
    def test_says_why_it_is_not_ready(
        self, answer: Answer, reason: str | None, lines: Lines
    ) -> None:
        """200 is ready; else the reasons of the endpoint, or what it said, are given."""
        with HttpAnswers({"/readyz": answer}) as server:
            assert lines.of("", server.port).blocked_by() == reason

    def test_no_answer_is_a_reason(self, lines: Lines) -> None:
        """A closed port is named."""
        port = free_port()
        told = f"127.0.0.1:{port} does not answer (ConnectionRefusedError)"
        assert lines.of("", port).blocked_by() == told
