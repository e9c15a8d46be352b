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

from common.settings import SettingsError
from tests.support.fakes.local_units import Terminal
from tests.support.ports import PORTS, free_settings
from tests.support.signals import taken
from verification.cli import COMMANDS, Console, Row, main, parser
from verification.commands.clean import refuse_in_use, remove, run
from verification.commands.run import Output, make_plan, shown_path
from verification.errors import CannotRunError
from verification.kafka.runtime import cache_folder
from verification.run.endings import endings_interrupt
from verification.run.messages import Messages

pytestmark = pytest.mark.timing


def console(**environ: str) -> Console:
    """Return a console over memory."""
    return Console(environ, io.StringIO(), io.StringIO(), io.BytesIO())


def written(stream: object) -> str:
    """Return what was written to a console's stream."""
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


class TestMain:
    """Commands are found, run, and their refusals told."""

    @pytest.mark.parametrize("argv", [[], ["nothing"], ["clean", "--what"]])
    def test_nonsense_is_status_3(self, argv: list[str]) -> None:
        """A command line that makes no sense is one line on standard error."""
        at = console()
        assert main(argv, at) == 3
        assert written(at.err).startswith("python -m verification")
        assert written(at.err).count("\n") == 1

    def test_a_wrong_setting_is_status_2(self) -> None:
        """A setting's error is told without a traceback."""
        at = console(RUN_KAFKA_PORT="x")
        assert main(["clean"], at) == 2
        assert written(at.err).startswith("RUN_KAFKA_PORT='x': ")

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

    def test_removes_what_is_there(self, tmp_path: Path) -> None:
        """Existing folders go and are named; others are passed over."""
        there = tmp_path / "a"
        (there / "b").mkdir(parents=True)
        at = console()
        remove([there, tmp_path / "c", there / "b"], at)
        assert list(tmp_path.iterdir()) == []
        assert written(at.out) == f"removed {there}\n"

    def test_data_and_cache_go_on_demand(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Data goes always, the user's cache with --cache alone."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        project = tmp_path / "project"
        for cache, left in ((False, {"cache", "project"}), (True, {"project"})):
            (project / ".data" / "kafka").mkdir(parents=True)
            cache_folder().mkdir(parents=True, exist_ok=True)
            assert run(argparse.Namespace(cache=cache), console(), project) == 0
            assert {path.name for path in tmp_path.iterdir() if any(path.rglob("*"))} == (
                left - {"project"}
            )

    def test_refuses_while_a_broker_runs(self, tmp_path: Path) -> None:
        """Data that a broker has locked stays."""
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

    def test_no_data_is_no_reason_to_refuse(self, tmp_path: Path) -> None:
        """Where nothing ever ran, nothing is in use, and nothing is created."""
        refuse_in_use(tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestPlan:
    """What runs is decided before anything is started."""

    def test_the_embedded_kafka_is_the_default(self) -> None:
        """Without KAFKA_BROKERS, both services are led to the embedded broker."""
        environ = free_settings()
        plan = make_plan(environ, terminal=False)
        assert plan.embedded
        assert plan.environ["KAFKA_BROKERS"] == f"127.0.0.1:{environ['RUN_KAFKA_PORT']}"
        assert plan.topics() == {"bid_requests": 3, "bid_decisions": 3, "bid_requests.dlq": 1}

    def test_a_given_kafka_is_used(self) -> None:
        """With KAFKA_BROKERS no broker is planned, and its port may be taken."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            taken = {"RUN_KAFKA_PORT": str(server.getsockname()[1]), "KAFKA_BROKERS": "a:1,b:2"}
            plan = make_plan({**free_settings(), **taken}, terminal=False)
        assert not plan.embedded
        assert plan.kafka.client_options()["bootstrap_servers"] == ["a:1", "b:2"]

    @pytest.mark.parametrize("name", PORTS)
    def test_a_taken_port_names_its_setting(self, name: str) -> None:
        """Each of the ports is looked at before the start."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            taken = {name: str(server.getsockname()[1])}
            with pytest.raises(CannotRunError, match=f"set {name} to another port"):
                make_plan({**free_settings(), **taken}, terminal=False)

    def test_wrong_settings_start_nothing(self) -> None:
        """The services' Kafka settings are checked here, too."""
        with pytest.raises(SettingsError, match="^KAFKA_BROKERS"):
            make_plan({"KAFKA_BROKERS": "nonsense"}, terminal=False)

    def test_logs_fit_the_reader(self) -> None:
        """Readable on a terminal, JSON elsewhere, unless the user says otherwise."""
        assert make_plan(free_settings(), terminal=True).environ["LOG_FORMAT"] == "console"
        assert make_plan(free_settings(), terminal=False).environ["LOG_FORMAT"] == "json"
        chosen = {**free_settings(), "LOG_FORMAT": "json"}
        assert make_plan(chosen, terminal=True).environ["LOG_FORMAT"] == "json"

    def test_services_run_with_this_python(self) -> None:
        """Both services are modules of this environment, asked at the ports that give reasons."""
        environ = free_settings()
        consumer, ingest = make_plan(environ, terminal=False).services()
        assert (consumer.name, ingest.name) == ("consumer", "ingest")
        assert ingest.command == (sys.executable, "-m", "app")
        assert consumer.command == (sys.executable, "-m", "consumer")
        assert str(ingest.port) == environ["INGEST_ADMIN_PORT"]


class TestOutput:
    """Standard output is the services' alone."""

    def test_logs_wait_and_errors_do_not(self) -> None:
        """Log lines are held for the banner; what a service complains of is said at once."""
        at = console()
        output = Output.of(at.raw.write, Messages(at.err))
        output.logs.attach(io.BytesIO(b"{}\n")).join(5)
        output.errors.attach(io.BytesIO(b"oops \xff\n")).join(5)
        assert isinstance(at.raw, io.BytesIO)
        assert (at.raw.getvalue(), written(at.err)) == (b"", "oops \\xff\n")
        output.logs.finish()
        assert at.raw.getvalue() == b"{}\n"

    def test_a_terminal_gets_everything(self) -> None:
        """What is said on a terminal erases the passing status first."""
        stream = Terminal()
        messages = Messages(stream)
        output = Output.of(console().raw.write, messages)
        messages.show("waiting")
        output.errors.attach(io.BytesIO(b"oops\n")).join(5)
        assert stream.getvalue().endswith("\r\x1b[Koops\n")


class TestEndings:
    """SIGTERM and a closed terminal end a run as Ctrl-C does."""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_they_interrupt(self, number: signal.Signals) -> None:
        """Each raises KeyboardInterrupt in the main thread, and only inside."""
        # under nohup it would be ignored, which is the next test
        with taken(number, signal.SIG_DFL):
            with endings_interrupt(), pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
            assert signal.getsignal(number) == signal.SIG_DFL

    def test_a_second_one_tears_nothing(self) -> None:
        """After the first one, and in whatever is held, a signal is noted and raises nothing."""
        with endings_interrupt():
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
        with endings_interrupt() as endings:
            endings.hold()
            signal.raise_signal(signal.SIGTERM)

    def test_stopping_is_hurried_by_the_next_one(self) -> None:
        """While units are stopped the next signal interrupts, and a third one nothing."""
        with endings_interrupt() as endings:
            endings.hold()
            with pytest.raises(KeyboardInterrupt), endings.hurried():
                signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    def test_one_that_came_before_hurries_as_well(self) -> None:
        """A signal that was noted interrupts the stopping as it begins."""
        stopped = []
        with endings_interrupt() as endings:
            endings.hold()
            signal.raise_signal(signal.SIGTERM)
            with pytest.raises(KeyboardInterrupt), endings.hurried():
                stopped.append("a unit")
        assert stopped == []

    def test_nohup_is_respected(self) -> None:
        """Who ignores a closing terminal is not interrupted by it."""
        with taken(signal.SIGHUP, signal.SIG_IGN), endings_interrupt():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_paths_are_shown_as_one_types_them(tmp_path: Path) -> None:
    """Inside the folder a path is relative, outside it is not."""
    assert shown_path(tmp_path / "a" / "python", tmp_path) == str(Path("a", "python"))
    assert shown_path(Path("/usr/bin/python"), tmp_path) == "/usr/bin/python"
