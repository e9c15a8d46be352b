"""Running executables."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.fakes.harness_stubs import Stubs
from tests.support.waiting import eventually
from verification.cluster.tools.process import Result, SubprocessRunner
from verification.errors import ToolFailedError, ToolMissingError, ToolTimeoutError

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]


@pytest.fixture
def stubs(tmp_path: Path) -> Stubs:
    """Lay out executables that are all well."""
    (tmp_path / "bin").mkdir()
    return Stubs(tmp_path / "bin")


@pytest.fixture
def runner(stubs: Stubs, tmp_path: Path) -> SubprocessRunner:
    """Run with the stubs' folder as PATH."""
    return SubprocessRunner({"PATH": str(stubs.folder)}, tmp_path)


def _alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


@pytest.mark.parametrize(
    ("code", "given", "printed"),
    [
        pytest.param("print(sys.argv[1])", ("$(id); `x`|y", None), "$(id); `x`|y\n", id="no shell"),
        pytest.param("print(repr(sys.stdin.read()))", ("", "é\n"), "'é\\n'\n", id="input"),
        pytest.param("print(repr(sys.stdin.read()))", ("", None), "''\n", id="not the terminal's"),
        pytest.param("sys.stdout.buffer.write(b'a\\xff')", ("", None), "a\ufffd", id="no text"),
    ],
)
def test_what_goes_in_and_out(
    stubs: Stubs, runner: SubprocessRunner, code: str, given: tuple[str, str | None], printed: str
) -> None:
    """No shell looks at arguments; text that is given arrives; bytes that are none do no harm."""
    argument, stdin = given
    stubs.write("tool", f"import sys; {code}")
    assert runner.run(["tool", argument], timeout=10, stdin=stdin).stdout == printed


def test_output_and_status(stubs: Stubs, runner: SubprocessRunner) -> None:
    """Both outputs and the status are captured, and a status other than 0 is no exception."""
    stubs.write("tool", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    result = runner.run(["tool", "x"], timeout=10)
    assert (result.code, result.stdout, result.stderr) == (3, "out\n", "err\n")


def test_missing(stubs: Stubs, runner: SubprocessRunner) -> None:
    """A tool that is not there is named, with how to install it."""
    stubs.remove("kind")
    with pytest.raises(ToolMissingError, match="kind is not on the PATH") as caught:
        runner.run(["kind", "version"], timeout=10)
    assert "go install sigs.k8s.io/kind@" in caught.value.hint


def test_hanging_is_ended_with_its_children(
    stubs: Stubs, runner: SubprocessRunner, tmp_path: Path
) -> None:
    """A tool that hangs is killed when its time is up, and so is what it started."""
    pids = tmp_path / "pids"
    code = (
        "import subprocess, sys, os, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}'); "
        "print('halfway', flush=True); time.sleep(600)"
    )
    stubs.write("tool", code)
    said, patience_s = "", 0.25
    while "halfway" not in said:  # a machine that stands still lets it come that far later on
        patience_s *= 2
        with pytest.raises(ToolTimeoutError, match="did not finish within") as caught:
            runner.run(["tool"], timeout=patience_s)
        said = str(caught.value)
    started = [int(pid) for pid in pids.read_text().split()]
    eventually(lambda: not any(map(_alive, started)), "what it started to be gone")


def test_started_and_asked_later(stubs: Stubs, runner: SubprocessRunner, tmp_path: Path) -> None:
    """What is started goes on by itand its end is told even when its time is over."""
    pid = tmp_path / "pid"
    code = f"open({str(pid)!r}, 'w').write(str(os.getpid())); print(len(sys.stdin.read()))"
    stubs.write("tool", f"import os, sys; {code}")
    running = runner.start(["tool"], timeout=0, stdin="x" * 100_000)
    eventually(lambda: pid.exists() and pid.read_text() != "", "it to run")
    eventually(lambda: not _alive(int(pid.read_text())), "it to end")
    assert running.result().stdout == "100000\n"


def test_started_and_ended(stubs: Stubs, runner: SubprocessRunner, tmp_path: Path) -> None:
    """What is started can be ended at once; ending it again changes nothing."""
    pid = tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    stubs.write("tool", code)
    running = runner.start(["tool"], timeout=600)
    eventually(lambda: pid.exists() and pid.read_text() != "", "it to run")
    running.end()
    running.end()
    assert not _alive(int(pid.read_text()))


def test_checked() -> None:
    """Success is passed on; a failure carries command, status and what was said, if anything."""
    result = Result(("kind", "version"), 0, "x", "")
    assert result.checked() is result
    with pytest.raises(ToolFailedError, match=r"`kind get` ended with status 1: boom"):
        Result(("/usr/bin/kind", "get"), 1, "noise", "boom\n").checked()
    with pytest.raises(ToolFailedError, match=r"\(it printed nothing\)"):
        Result((sys.executable,), 1, "", "").checked()
