"""From the start to the stop of the whole service, on a Kafka in memory."""

from __future__ import annotations

import io
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import FencedInstanceIdError, KafkaError, KafkaTimeoutError

from consumer.__main__ import main
from consumer.kafka.clients import KafkaClients, TopicsUnavailableError
from consumer.processing.timeout import no_timeout
from consumer.settings.consumer import ConsumerSettings
from tests.support.fakes.consumer_wiring import DECISIONS, REQUEST, Wiring
from tests.support.waiting import eventually
from verification.run.ports import free_port

pytestmark = [pytest.mark.timing, pytest.mark.promise("drains")]

Connect = Callable[[ConsumerSettings], KafkaClients]


class TestService:
    """It connects, works, and closes."""

    def setup_method(self) -> None:
        """Stop a service once it has gone round."""
        self.wiring = Wiring.over([REQUEST])
        self.consumer = self.wiring.consumer
        self.consumer.on_poll = lambda poll: self.wiring.stop.request() if poll == 2 else None

    def run(self, connect: Connect) -> None:
        """Run the service that connects like this."""
        replace(self.wiring.bootstrap, connect=connect).build_service().run()

    @pytest.mark.parametrize("error", [None, KafkaError("no coordinator")])
    def test_it_decides_commits_leaves_the_group_and_closes(self, error: KafkaError | None) -> None:
        """In order, without the client's own commit, and whatever happens to the other client."""
        self.consumer.close_error = error
        self.run(lambda _settings: self.wiring.clients)
        assert len(self.wiring.producer.to(DECISIONS)) == 1
        assert self.wiring.committed == {0: 1}
        assert self.consumer.closed_with == {"autocommit": False, "timeout_ms": 5_000}
        assert self.wiring.producer.ended == ["closed"]
        assert "service: stopping" in self.wiring.health.not_ready()

    @pytest.mark.promise("recovers")
    def test_a_kafka_that_is_away_is_waited_for(self) -> None:
        """Attempts go on with growing pauses; meanwhile the reason is shown, and the loop beats."""
        away = "topic bid_requests: UnknownTopicOrPartitionError"
        errors = [KafkaTimeoutError("no broker"), OSError("no route"), TopicsUnavailableError(away)]
        seen: list[str] = []

        def connect(_settings: ConsumerSettings) -> KafkaClients:
            seen.extend(why for why in self.wiring.health.not_ready() if why.startswith("kafka"))
            assert self.wiring.health.silent_s() == 0
            if errors:
                raise errors.pop(0)
            return self.wiring.clients

        self.run(connect)
        assert seen == [
            "kafka: not connected yet",
            "kafka: KafkaTimeoutError: no broker",
            "kafka: no route",
            f"kafka: {away}",
        ]
        assert sum(self.wiring.time.slept_s) > 0.1 + 0.2 + 0.4 - 1e-6
        assert self.wiring.committed == {0: 1}

    def test_a_stop_while_it_waits_ends_it(self) -> None:
        """Nothing is connected, so nothing is to be closed."""

        def away(_settings: ConsumerSettings) -> KafkaClients:
            self.wiring.stop.request()
            raise KafkaTimeoutError("no broker")

        self.run(away)
        assert (self.consumer.polls, self.consumer.closed_with) == (0, None)


class Running:
    """main() in a thread, on a Kafka in memory, with its signal handler in reach."""

    def __init__(self, *values: bytes, error: Exception | None = None, **environ: str) -> None:
        self.wiring = Wiring.over([*values])
        self.consumer = self.wiring.consumer
        self.consumer.sleep = lambda _seconds: None
        if error is not None:
            self.consumer.poll_errors = [error]
        self.port = free_port()
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.stop: list[Callable[[], None]] = []
        self.code: list[int] = []
        self.environ = {
            "CONSUMER_HEALTH_HOST": "127.0.0.1",
            "CONSUMER_HEALTH_PORT": str(self.port),
            "CONSUMER_POLL_TIMEOUT_MS": "10",
            **environ,
        }
        self.thread = threading.Thread(target=self._main)
        self.thread.start()

    def _main(self) -> None:
        code = main(
            self.environ,
            self.stdout,
            self.stderr,
            on_stop_signal=self.stop.append,
            connect=lambda _settings: self.wiring.clients,
            timeout=lambda _seconds: no_timeout,  # alarms go to the main thread alone
        )
        self.code.append(code)

    def get(self, path: str) -> tuple[int, str]:
        """GET a path; 0 when nobody answers yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as found:
                return found.status, found.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def end(self) -> int:
        """Signal, wait, and return the exit code."""
        self.stop[0]()
        self.thread.join(timeout=60)
        return self.code[0]

    def logged(self) -> list[dict[str, Any]]:
        """Return the log's lines."""
        return [json.loads(line) for line in self.stdout.getvalue().splitlines()]


class TestMain:
    """The process: exit codes, standard output and error, probes."""

    @pytest.mark.promise("observable")
    def test_it_serves_probes_delivers_and_ends_with_0_on_a_signal(self, tmp_path: Path) -> None:
        """One JSON object a line; a stop right after the commit leaves out no decision."""
        path = tmp_path / "decisions.jsonl"
        running = Running(
            *(b'{"id":"r-%d"}' % number for number in range(50)),
            CONSUMER_SINKS="kafka,jsonl",
            CONSUMER_JSONL_PATH=str(path),
            CONSUMER_SINK_DRAIN_MS="30000",
        )
        eventually(lambda: running.wiring.committed == {0: 50}, "the commit")
        eventually(lambda: running.get("/readyz")[0] == 200, "readiness")
        assert running.get("/healthz")[0] == 200
        assert "consumer_records_total 50.0" in running.get("/metrics")[1]
        assert running.end() == 0
        ids = [json.loads(line)["request"]["id"] for line in path.read_text().splitlines()]
        assert ids == [f"r-{number}" for number in range(50)]
        events = [line["event"] for line in running.logged()]
        assert (events[0], events[-1]) == ("health served", "stopped")
        assert "bid decided" in events
        assert {line["service"] for line in running.logged()} == {"bidding-logic-service"}
        assert running.stderr.getvalue() == ""

    @pytest.mark.promise("configured")
    @pytest.mark.parametrize(
        ("environ", "message"),
        [
            ({"BIDDING_STRATEGY": "x"}, "BIDDING_STRATEGY='x': "),
            ({}, "CONSUMER_HEALTH_PORT: cannot listen on 127.0.0.1:"),  # the port is taken
            (
                {"CONSUMER_HEALTH_HOST": "2001:db8::no", "CONSUMER_HEALTH_PORT": "1"},
                "CONSUMER_HEALTH_PORT: cannot listen on [2001:db8::no]:1: ",
            ),
        ],
    )
    def test_what_cannot_be_begun_with_is_one_line_and_2(
        self, environ: dict[str, str], message: str
    ) -> None:
        """Standard error names the variable; standard output has nothing but the log's lines."""
        running = Running()
        eventually(lambda: running.get("/healthz")[0], "the port to be taken")
        err = io.StringIO()
        given = {**running.environ, **environ}
        assert main(given, io.StringIO(), err, on_stop_signal=lambda _stop: None) == 2
        assert err.getvalue().startswith(message)
        assert err.getvalue().count("\n") == 1
        assert running.end() == 0

    @pytest.mark.promise("never-lost")
    @pytest.mark.parametrize(
        ("error", "event"),
        [
            (FencedInstanceIdError(), "stopped: another process has this member's name"),
            (ZeroDivisionError(), "crashed"),
        ],
    )
    def test_what_it_cannot_go_on_after_is_logged_and_1(self, error: Exception, event: str) -> None:
        """Without a place in the group, or after what nobody expected: nothing is committed."""
        running = Running(REQUEST, error=error)
        running.thread.join(timeout=60)
        assert running.code == [1]
        assert running.logged()[-1]["event"] == event
        assert type(error).__name__ in running.stdout.getvalue() or event != "crashed"
        assert running.consumer.commits == []
        assert running.consumer.closed_with is not None
