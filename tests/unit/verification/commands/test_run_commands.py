"""The command line, `clean`, and what `run` decides before it starts anything."""

from __future__ import annotations

import argparse
import io
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import PORTS, free_settings
from tests.support.signals import taken
from verification.cli import COMMANDS, Console, Row, main, parser
from verification.commands.clean import refuse_in_use, run
from verification.commands.run import Output, make_plan, shown_path
from verification.errors import CannotRunError
from verification.kafka.runtime import cache_folder
from verification.run.endings import endings_interrupt
from verification.run.messages import Messages

pytestmark = [pytest.mark.timing, pytest.mark.promise("two-commands")]


def console(**environ: str) -> Console:
    """Return a console over memory."""
    return Console(environ, io.StringIO(), io.StringIO(), io.BytesIO())


class TestMain:
    """Commands are found, run, and their refusals told."""

    @pytest.mark.parametrize(
        ("argv", "code", "said"),
        [
            ([], 3, "python -m verification"),
            (["nothing"], 3, "python -m verification"),
            (["clean", "--what"], 3, "python -m verification"),
            (["clean"], 2, "RUN_KAFKA_PORT='x': "),
        ],
    )
    def test_what_cannot_be_is_one_line(self, argv: list[str], code: int, said: str) -> None:
        """A command line that makes no sense is status 3, a wrong setting status 2."""
        at = console(RUN_KAFKA_PORT="x")
        assert main(argv, at) == code
        assert isinstance(at.err, io.StringIO)
        assert at.err.getvalue().startswith(said)
        assert at.err.getvalue().count("\n") == 1

    @pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
    def test_every_command_of_the_table_loads(self, row: Row) -> None:
        """Each row leads to a module with arguments and a function to run."""
        text = parser(COMMANDS, row.name).format_help()
        assert row.help in text

    def test_only_the_chosen_command_is_imported(self) -> None:
        """A command that cannot be imported does not keep the others from running."""
        rows = [*COMMANDS, Row("broken", "no.such.module", "never")]
        assert main(["clean", "--nonsense"], console(), rows) == 3
        with pytest.raises(ModuleNotFoundError):
            main(["broken"], console(), rows)


LOCKER = """
import fcntl, sys, time
file = open(sys.argv[1], "wb")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(60)
"""


class TestClean:
    """What was made is removed, nothing else, and not from under a broker."""

    @pytest.mark.parametrize("cache", [False, True])
    def test_removes_what_was_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, cache: bool
    ) -> None:
        """Data goes always, the user's cache with --cache alone; what went is named, once."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        cached, data = cache_folder(), tmp_path / "project" / ".data"
        for folder in (cached, data / "kafka"):
            folder.mkdir(parents=True)
        for went in ([data, *([cached] if cache else [])], []):
            at = console()
            assert run(argparse.Namespace(cache=cache), at, data.parent) == 0
            assert isinstance(at.out, io.StringIO)
            assert at.out.getvalue() == "".join(f"removed {folder}\n" for folder in went)
            assert (data.exists(), cached.exists()) == (False, not cache)

    def test_refuses_while_a_broker_runs(self, tmp_path: Path) -> None:
        """Data that a broker has locked stays; where nothing ever ran, nothing is in use."""
        refuse_in_use(tmp_path)
        assert list(tmp_path.iterdir()) == []
        lock = tmp_path / "logs" / ".lock"
        lock.parent.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", LOCKER, lock], stdout=subprocess.PIPE
        ) as broker:
            assert broker.stdout is not None
            broker.stdout.readline()
            with pytest.raises(CannotRunError, match="is in use: stop `make run` first"):
                refuse_in_use(tmp_path)
            broker.kill()
        refuse_in_use(tmp_path)


class TestPlan:
    """What runs is decided before anything is started."""

    def test_the_embedded_kafka_is_the_default(self) -> None:
        """Without KAFKA_BROKERS both services, of this Python, are led to the embedded broker."""
        environ = free_settings()
        plan = make_plan(environ, terminal=False)
        assert plan.embedded
        assert plan.environ["KAFKA_BROKERS"] == f"127.0.0.1:{environ['RUN_KAFKA_PORT']}"
        assert plan.topics() == {"bid_requests": 3, "bid_decisions": 3, "bid_requests.dlq": 1}
        consumer, ingest = plan.services()
        assert (consumer.name, ingest.name) == ("consumer", "ingest")
        assert ingest.command == (sys.executable, "-m", "app")
        assert consumer.command == (sys.executable, "-m", "consumer")
        assert str(ingest.port) == environ["INGEST_ADMIN_PORT"]

    @pytest.mark.parametrize("name", PORTS)
    def test_a_taken_port_names_its_setting(self, name: str) -> None:
        """Each of the ports is looked at before the start."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            taken = {name: str(server.getsockname()[1])}
            with pytest.raises(CannotRunError, match=f"set {name} to another port"):
                make_plan({**free_settings(), **taken}, terminal=False)

    def test_a_given_kafka_is_used(self) -> None:
        """With KAFKA_BROKERS no broker is planned, and its port may be taken."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            taken = {"RUN_KAFKA_PORT": str(server.getsockname()[1]), "KAFKA_BROKERS": "a:1,b:2"}
            plan = make_plan({**free_settings(), **taken}, terminal=False)
        assert not plan.embedded
        assert plan.kafka.client_options()["bootstrap_servers"] == ["a:1", "b:2"]

    @pytest.mark.parametrize(
        ("given", "terminal", "logs"),
        [({}, True, "console"), ({}, False, "json"), ({"LOG_FORMAT": "json"}, True, "json")],
    )
    def test_logs_fit_the_reader(self, given: dict[str, str], logs: str, *, terminal: bool) -> None:
        """Readable on a terminal, JSON elsewhere, unless the user says otherwise."""
        plan = make_plan({**free_settings(), **given}, terminal=terminal)
        assert plan.environ["LOG_FORMAT"] == logs


def test_logs_wait_and_errors_do_not() -> None:
    """Log lines are held for the banner; what a service complains of is said at once."""
    written, said = io.BytesIO(), io.StringIO()
    output = Output.of(written.write, Messages(said))
    output.logs.attach(io.BytesIO(b"{}\n")).join(5)
    output.errors.attach(io.BytesIO(b"oops \xff\n")).join(5)
    assert (written.getvalue(), said.getvalue()) == (b"", "oops \\xff\n")
    output.logs.finish()
    assert written.getvalue() == b"{}\n"


class TestEndings:
    """SIGTERM and a closed terminal end a run as Ctrl-C does."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_they_interrupt(self, number: signal.Signals) -> None:
        """Each raises KeyboardInterrupt in the main thread once, and only inside."""
        # under nohup it would be ignored, which is the next test
        with taken(number, signal.SIG_DFL):
            with endings_interrupt():
                with pytest.raises(KeyboardInterrupt):
                    signal.raise_signal(number)
                signal.raise_signal(number)
            assert signal.getsignal(number) == signal.SIG_DFL

    def test_nohup_is_respected(self) -> None:
        """Who ignores a closing terminal is not interrupted by it."""
        with taken(signal.SIGHUP, signal.SIG_IGN), endings_interrupt():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN

    def test_one_that_came_before_hurries_as_well(self) -> None:
        """A signal that was noted interrupts the stopping as it begins."""
        stopped = []
        with endings_interrupt() as endings:
            endings.hold()
            signal.raise_signal(signal.SIGTERM)
            with pytest.raises(KeyboardInterrupt), endings.hurried():
                stopped.append("a unit")
        assert stopped == []


def test_paths_are_shown_as_one_types_them(tmp_path: Path) -> None:
    """Inside the folder a path is relative, outside it is not."""
    assert shown_path(tmp_path / "a" / "python", tmp_path) == str(Path("a", "python"))
    assert shown_path(Path("/usr/bin/python"), tmp_path) == "/usr/bin/python"
