"""`make run`, as a user meets it: banner, logs, records kept, deaths mended, nothing left."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.local_run import (
    READY_S,
    STOP_S,
    LocalRun,
    ending,
    environment,
    gone,
    running,
    tool,
)
from tests.support.terminal import OnTerminal
from tests.support.waiting import eventually
from verification.kafka.broker import EmbeddedKafka
from verification.kafka.runtime import Runtime
from verification.project import ROOT

pytestmark = [
    pytest.mark.timing,
    pytest.mark.promise("two-commands"),
    pytest.mark.usefixtures("runtime"),  # so that what runs need not fetch it
]

SAMPLE = ROOT / "samples" / "banner.json"
SAMPLE_ID = json.loads(SAMPLE.read_bytes())["id"]
NAMES = {
    "KAFKA_TOPIC_BID_REQUESTS": "bids",
    "KAFKA_TOPIC_BID_DECISIONS": "answers",
    "KAFKA_TOPIC_DEAD_LETTERS": "given-up",
    "KAFKA_CONSUMER_GROUP": "ours",
}


@pytest.fixture(scope="class")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """Run everything once for the tests of a class, which leave it running."""
    with running(environment(tmp_path_factory.mktemp("run") / "data")) as run:
        yield run


def ready(run: LocalRun, name: str) -> bool:
    """Say whether a service says that it is ready."""
    connection = HTTPConnection("127.0.0.1", int(run.environ[name]), timeout=2)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("GET", "/readyz")
        with connection.getresponse() as answer:
            return answer.status == 200
    return False


def all_gone(pids: list[int]) -> bool:
    """Say whether none of the processes runs."""
    return all(map(gone, pids))


def read_bid(run: LocalRun) -> bytes:
    """Return the sample's bytes as they lie on the topic."""
    return run.tool("topic", "show", "bid_requests", "--key", SAMPLE_ID, "--raw").stdout


class TestRun:
    """The loop runs."""

    def test_a_bid_goes_round(self, run: LocalRun) -> None:
        """The sample gets 202, lies on the topic byte for byte, and is decided."""
        sent = run.tool("send", str(SAMPLE))
        assert sent.returncode == 0, sent.stdout + sent.stderr
        assert read_bid(run) == SAMPLE.read_bytes()
        decisions = partial(run.tool, "topic", "show", "bid_decisions", "--key", SAMPLE_ID)
        eventually(lambda: SAMPLE_ID in decisions().stdout.decode(), "the decision", interval_s=0.3)

    def test_standard_output_is_json_lines_alone(self, run: LocalRun) -> None:
        """Not on a terminal, each line on standard output is one service's JSON object."""
        run.tool("send", str(SAMPLE))

        def told(name: str) -> set[str]:
            return {json.loads(line)[name] for line in list(run.out)}

        both = {"bid accepted", "bid decided"}
        eventually(lambda: both <= told("event"), "the log lines", timeout_s=30)
        assert len(told("service")) == 2

    def test_status_and_traffic(self, run: LocalRun) -> None:
        """Traffic is answered as expected, and `status` tells of it: decided, nothing behind."""
        sent = run.tool("traffic", "--rate", "30", "--for", "2", "--mix", "broken=20")
        assert sent.returncode == 0, sent.stdout + sent.stderr
        assert b" 0 unknown, 0 unanswered" in sent.stdout

        def status() -> tuple[int, dict[str, Any]]:
            asked = run.tool("status", "--in", "local", "--json")
            return asked.returncode, json.loads(asked.stdout)

        def at_rest(asked: tuple[int, dict[str, Any]]) -> bool:
            code, told = asked
            topics = {topic["name"]: topic["records"] for topic in told["kafka"]["topics"]}
            decided = topics.get("bid_decisions") == topics.get("bid_requests", 0) > 30
            rests = told["lag_messages"] == 0 and told["trend"] != "growing"
            return code == 0 and decided and rests

        _, found = eventually(status, "a status at rest", timeout_s=60, until=at_rest)
        assert found["issues"] == []
        assert len(found["kafka"]["decisions"]) == 3

    def test_data_in_use_is_not_cleaned(self, run: LocalRun) -> None:
        """`clean` refuses while a broker uses the data."""
        refused = run.tool("clean")
        assert (refused.returncode, Path(run.environ["RUN_KAFKA_DATA"]).exists()) == (2, True)
        assert refused.stderr.endswith(b"is in use: stop `make run` first\n")

    def test_it_ends_in_order_and_keeps_its_records(self, tmp_path: Path) -> None:
        """SIGTERM and a closed terminal leave status 0 and no process; another run goes on."""
        environ = environment(tmp_path / "data")
        for number in (signal.SIGTERM, signal.SIGHUP):
            with running(environ) as run:
                if number == signal.SIGTERM:
                    assert run.tool("send", str(SAMPLE)).returncode == 0
                assert read_bid(run) == SAMPLE.read_bytes()
                pids = run.everything()
                assert run.end(number) == 0
            assert all_gone(pids)
            assert run.said("stopping ingest, consumer, kafka")

    def test_two_signals_while_it_starts(self, tmp_path: Path) -> None:
        """The second one of two in the middle of the start hurries the end and tears nothing."""
        with ending(LocalRun(environment(tmp_path / "data"))) as run:
            run.wait_for("waiting for kafka", "creating the topics")
            pids = run.everything()
            run.process.send_signal(signal.SIGTERM)
            assert run.end() == 0
        assert all_gone(pids)
        assert not run.said("Traceback")


class TestDeaths:
    """Kill -9 of any one process is reported, and mended or the end of all."""

    @pytest.mark.parametrize("name", ["app", "consumer", "kafka"])
    def test_a_main_process_is_started_again(self, run: LocalRun, name: str) -> None:
        """The death is reported with the signal, and everything is ready again."""
        shown = {"app": "ingest"}.get(name, name)
        victim = run.processes()[name]
        victim.kill()
        run.wait_for(f"{shown} (pid {victim.pid}) was killed by SIGKILL; starting it again")
        run.wait_for(f"{shown} is ready again")
        for port in ("INGEST_PORT", "CONSUMER_HEALTH_PORT"):
            eventually(partial(ready, run, port), "both services", timeout_s=60, interval_s=0.2)
        # Each worker has a producer of its own, and they find the broker again one by one.
        eventually(lambda: run.tool("send", str(SAMPLE)).returncode == 0, "202", timeout_s=30)

    def test_nothing_outlives_the_supervisor(self, run: LocalRun) -> None:
        """Kill -9 of the supervisor, the last death, takes all with it, silently."""
        pids = run.everything()
        assert len(pids) >= 5
        run.process.kill()
        eventually(partial(all_gone, pids), "the end of all", timeout_s=60)
        run.ended()
        assert not run.said("Traceback")

    def test_a_reader_that_goes_away_ends_the_run(self, tmp_path: Path) -> None:
        """When nobody reads the logs any more, all stops in order."""
        reading, writing = os.pipe()
        with ending(LocalRun(environment(tmp_path / "data"), stdout=writing)) as run:
            os.close(writing)
            os.close(reading)
            assert run.ended(READY_S + STOP_S) == 0
        assert run.said("all stopped after")


class TestTerminal:
    """On a terminal everything is for a person."""

    def test_plain(self, tmp_path: Path) -> None:
        """With --plain banner before logs, both readable; Ctrl-C at the terminal ends all."""
        with OnTerminal("run", "--plain", environ=environment(tmp_path / "data")) as run:
            run.wait_for("Listening at")
            run.press(b"\x03")
            assert run.ended() == 0
        text = run.text
        banner, logs = text.index("The pipeline is ready"), text.index("Listening at")
        assert banner < logs < text.index("stopping ingest, consumer, kafka")
        assert '{"' not in text

    def test_live(self, tmp_path: Path) -> None:
        """The view shows what was sent and who died; Ctrl-C ends all and restores the terminal."""
        environ = environment(tmp_path / "data", TERM="xterm", LINES="40", COLUMNS="120")
        with OnTerminal("run", environ=environ) as run:
            run.wait_for("p50 / p99")
            before = run.attributes()
            assert tool("send", environ=environ).returncode == 0
            for shown in ("invalid-bid-request 21", "no_bid: no_bid 13", "required 7"):
                run.wait_for(shown)
            children = psutil.Process(run.pid).children()
            victim = next(child for child in children if child.cmdline()[-1] == "consumer")
            victim.kill()
            run.wait_for(f"consumer (pid {victim.pid}) was killed by SIGKILL")
            run.press(b"\x03")
            assert run.ended() == 0
            assert run.attributes() == before
        text = run.text
        banner, view = text.index("The pipeline is ready"), text.index("p50 / p99")
        assert banner < view < text.rindex("\x1b[?25h") < text.index("stopping ingest")
        assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
        assert "Listening at" not in text


def test_what_cannot_run(tmp_path: Path) -> None:
    """A taken port and brokers that are not there are told at once, before anything starts."""
    data = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for environ, told in (
            ({"INGEST_PORT": port}, f"port {port} is taken"),
            ({"KAFKA_BROKERS": "127.0.0.1:9"}, "no Kafka answers at 127.0.0.1:9"),
        ):
            done = tool("run", environ=environment(data, **environ))
            assert (done.returncode, done.stdout, data.exists()) == (2, b"", False)
            assert told in done.stderr.decode()


def test_a_setting_that_a_service_refuses(tmp_path: Path) -> None:
    """The service's own line is shown, all is stopped, the status is its status."""
    done = tool("run", environ=environment(tmp_path / "data", BIDDING_STRATEGY="nonsense"))
    assert done.returncode == 2
    assert b"BIDDING_STRATEGY" in done.stderr
    assert done.stderr.endswith(b"consumer ended with status 2 before it was ready\n")


def test_a_given_kafka_is_used(tmp_path: Path, runtime: Runtime) -> None:
    """With KAFKA_BROKERS no broker is started, topics are created there, and it is left running."""
    with EmbeddedKafka(tmp_path / "kafka", runtime) as kafka:
        environ = environment(tmp_path / "unused", KAFKA_BROKERS=kafka.bootstrap_servers, **NAMES)
        with running(environ) as run:
            assert set(run.processes()) == {"app", "consumer"}
            assert run.tool("send", str(SAMPLE)).returncode == 0
            assert_known_elsewhere(run)
            assert run.end() == 0
        assert not (tmp_path / "unused").exists()
        assert kafka.is_ready()


def assert_known_elsewhere(run: LocalRun) -> None:
    """Assert that another terminal finds Kafka, topics and group as this run was told them."""
    shown = run.elsewhere("topic", "show", NAMES["KAFKA_TOPIC_BID_REQUESTS"], "--raw")
    assert shown.stdout == SAMPLE.read_bytes()

    def decided() -> bool:
        found = json.loads(run.elsewhere("status", "--in", "local", "--json").stdout)
        topics = {topic["name"]: topic["records"] for topic in found["kafka"]["topics"]}
        expected = {"bids": 1, "answers": 1, "given-up": 0}
        known = topics == expected and found["issues"] == []
        return bool(known and found["lag_messages"] == 0)

    eventually(decided, "the decision in the status", timeout_s=60)
