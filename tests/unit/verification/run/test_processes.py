"""Child processes end with their parent, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import eventually
from verification.project import ROOT
from verification.run.processes import Child, Command, Tie, default_tie, spawn

pytestmark = pytest.mark.timing

TIES: list[Tie] = ["parent", "pipe"] if sys.platform == "linux" else ["pipe"]
SLEEP = ("sleep", "60")


def start(*arguments: str, tie: Tie | None = None, folder: Path | None = None) -> Child:
    """Start a command with our environment; its output is read by `output_of`."""
    command = Command(arguments or SLEEP, os.environ, folder)
    return spawn(command, stdout=subprocess.PIPE, tie=tie)


def output_of(child: Child) -> bytes:
    """Read all that the child writes and close its stream."""
    stream, _ = child.streams
    assert stream is not None
    with stream:
        return stream.read()


def gone(pid: int) -> bool:
    """Say whether no such process runs (nobody may have collected its status yet)."""
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return True


def became(pid: int, name: str) -> bool:
    """Say whether the process has become the command that it was started for."""
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).name() == name)
    return False


class TestChild:
    """A command in a session of its own."""

    @pytest.mark.parametrize("tie", TIES)
    def test_tells_its_output_and_status(self, tie: Tie) -> None:
        """What the command prints and returns arrives unchanged."""
        child = start("sh", "-c", "echo out; exit 7", tie=tie)
        try:
            assert output_of(child) == b"out\n"
            assert eventually(child.poll, "the end") == 7
        finally:
            child.kill()

    def test_runs_in_the_folder(self, tmp_path: Path) -> None:
        """The working directory is the one that was asked for."""
        child = start("pwd", folder=tmp_path)
        try:
            assert output_of(child).decode().strip() == str(tmp_path.resolve())
        finally:
            child.kill()

    def test_leads_a_session(self) -> None:
        """A Ctrl-C at our terminal does not reach it: its session is another one."""
        child = start()
        try:
            assert os.getsid(child.pid) == child.pid != os.getsid(0)
        finally:
            child.kill()
            output_of(child)

    def test_stops_when_asked(self) -> None:
        """A child that obeys ends by SIGTERM."""
        child = start()
        eventually(lambda: became(child.pid, "sleep"), "the command")
        assert child.stop(5) == -signal.SIGTERM
        output_of(child)

    def test_is_killed_when_it_does_not_obey(self) -> None:
        """A child that ignores SIGTERM is killed after the time it was given."""
        child = start("sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done")
        stream, _ = child.streams
        assert stream is not None
        assert stream.readline() == b"deaf\n"
        assert child.stop(0.1) == -signal.SIGKILL
        output_of(child)

    def test_what_it_started_ends_with_it(self) -> None:
        """Killing reaches the whole group, after the leader's own end too."""
        child = start("sh", "-c", "sleep 60 >/dev/null & echo $!")
        grandchild = int(output_of(child))
        eventually(lambda: child.poll() is not None, "the leader's end")
        assert not gone(grandchild)
        assert child.stop(1) == 0
        eventually(lambda: gone(grandchild), "the grandchild's end")

    def test_a_command_that_is_not_there_ends_with_a_status(self) -> None:
        """A missing executable is an exit status, as in a shell, not an exception here."""
        command = Command(("/no/such/command",), os.environ)
        child = spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert eventually(child.poll, "the end") == 1
        child.kill()

    def test_a_folder_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        """What cannot be started at all is raised to who asked."""
        with pytest.raises(FileNotFoundError):
            start(folder=tmp_path / "nowhere")


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
        root = ROOT
        with subprocess.Popen(
            [sys.executable, "-c", self.PARENT, tie], stdout=subprocess.PIPE, cwd=root
        ) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            eventually(lambda: became(pid, "sleep"), "the command")
            parent.kill()
        eventually(lambda: gone(pid), "the child's end")

    @pytest.mark.parametrize("tie", TIES)
    def test_the_end_of_the_starting_thread_does_not_end_the_child(self, tie: Tie) -> None:
        """A child belongs to the process, whichever thread started it."""
        children: list[Child] = []
        thread = threading.Thread(target=lambda: children.append(start(tie=tie)))
        thread.start()
        thread.join()
        (child,) = children
        eventually(lambda: became(child.pid, "sleep"), "the command")
        assert child.poll() is None
        assert child.stop(5) == -signal.SIGTERM
        output_of(child)

    def test_the_watcher_ends_with_the_child(self) -> None:
        """Where a second process watches, it is gone once the child has ended."""
        child = start(tie="pipe")
        eventually(lambda: became(child.pid, "sleep"), "the command")
        (watcher,) = psutil.Process(child.pid).children()
        child.kill()
        eventually(lambda: gone(watcher.pid), "the watcher's end")
        output_of(child)

    def test_each_system_has_its_tie(self) -> None:
        """Linux has the kernel do it."""
        assert default_tie() == TIES[0]
