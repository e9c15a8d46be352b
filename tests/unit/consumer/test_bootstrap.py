"""From the start to the stop of the whole service, on a Kafka in memory."""

from __future__ import annotations

import io
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import FencedInstanceIdError, KafkaError, KafkaTimeoutError
from prometheus_client import CollectorRegistry

from consumer.__main__ import main
from consumer.bootstrap import Bootstrap, load_extensions
from consumer.health.health import Health
from consumer.kafka.clients import KafkaClients, TopicsUnavailableError
from consumer.kafka.publisher import Publisher
from consumer.metrics import ConsumerMetrics
from consumer.processing.decision_log import DecisionLog
from consumer.processing.timeout import no_timeout
from consumer.runtime import Runtime, Stop
from consumer.service import Service
from consumer.settings.consumer import ConsumerSettings, load_settings
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_transactions import FakeTransactions
from tests.support.fakes.consumer_wiring import DECISIONS
from tests.support.fakes.group_offsets import FakeGroupOffsets
from tests.support.waiting import eventually
from verification.run.ports import free_port

pytestmark = pytest.mark.timing


class Cluster:
    """A Kafka that can be away; `connect` is what the service is given."""

    def __init__(self, *outages: Exception) -> None:
        self.outages = list(outages)
        self.source = FakeKafkaConsumer()
        self.producer = FakeProducer()

    def connect(self, _settings: ConsumerSettings) -> KafkaClients:
        """Connect or fail."""
        if self.outages:
            raise self.outages.pop(0)
        return KafkaClients(
            self.source, Publisher(lambda: self.producer), lambda: FakeGroupOffsets({})
        )


class TestService:
    """It connects, works, and closes."""

    def setup_method(self) -> None:
        """Prepare what every service is given."""
        self.time = FakeTime()
        clock = self.time.clock
        self.stop = Stop(clock)
        self.health = Health(60, clock.monotonic)
        self.runtime = Runtime(clock, self.stop, self.health, ConsumerMetrics(CollectorRegistry()))

    def service(
        self, environ: dict[str, str], connect: Callable[[ConsumerSettings], KafkaClients]
    ) -> Service:
        """Put a service together as main() does."""
        settings = load_settings(environ)
        metrics, clock = self.runtime.metrics, self.runtime.clock
        extensions = load_extensions(settings, environ, metrics, clock)
        log = DecisionLog(settings.logs, "tests", io.StringIO(), clock)
        return Bootstrap(settings, connect, self.runtime, extensions, log).build_service()

    def run(self, cluster: Cluster) -> None:
        """Run the service until it has gone round once."""
        cluster.source.on_poll = self.stop_at_the_second
        self.service({}, cluster.connect).run()

    def stop_at_the_second(self, poll: int) -> None:
        """Request a stop once the records of the first poll are done."""
        if poll == 2:
            self.stop.request()

    def test_it_decides_commits_leaves_the_group_and_closes(self) -> None:
        """A stop ends everything in order, without the client's own commit."""
        cluster = Cluster()
        cluster.source.add(b'{"id":"r-1"}')
        self.run(cluster)
        assert len(cluster.producer.to(DECISIONS)) == 1
        assert cluster.source.committed == {partition(): 1}
        assert cluster.source.closed_with == {"autocommit": False, "timeout_ms": 5_000}
        assert cluster.producer.ended == ["closed"]

    def test_with_transactions_it_commits_in_them(self) -> None:
        """Offsets go with the decisions; none are committed beside them."""
        cluster = Cluster()
        cluster.source.add(b'{"id":"r-1"}')
        broker = FakeTransactions(cluster.source)
        cluster.source.on_poll = self.stop_at_the_second
        environ = {
            "PROCESSING_GUARANTEE": "exactly_once",
            "CONSUMER_GROUP_INSTANCE_ID": "pod-1",
        }
        clients = KafkaClients(
            cluster.source, Publisher(broker.begin), lambda: FakeGroupOffsets({})
        )
        self.service(environ, lambda _settings: clients).run()
        assert len(broker.to(DECISIONS)) == 1
        assert cluster.source.committed == {partition(): 1}
        assert cluster.source.commits == []

    def test_a_kafka_that_is_away_is_waited_for(self) -> None:
        """Attempts go on with growing pauses; meanwhile the reason is shown, and the loop beats."""
        seen: list[str] = []

        class Watching(Cluster):
            def connect(inner, settings: ConsumerSettings) -> KafkaClients:  # noqa: N805  self is the test
                seen.extend(self.health.not_ready())
                return super().connect(settings)

        missing = TopicsUnavailableError("topic bid_requests: UnknownTopicOrPartitionError")
        self.run(Watching(KafkaTimeoutError("no broker"), OSError("no route"), missing))
        assert seen == [
            "kafka: not connected yet",
            "kafka: KafkaTimeoutError: no broker",
            "kafka: no route",
            "kafka: topic bid_requests: UnknownTopicOrPartitionError",
        ]
        assert sum(self.time.slept_s) > 0.1 + 0.2 + 0.4 - 1e-6

    def test_a_stop_while_it_waits_ends_it(self) -> None:
        """Nothing is connected, so nothing is to be closed."""
        cluster = Cluster()

        def away(_settings: ConsumerSettings) -> KafkaClients:
            self.stop.request()
            raise KafkaTimeoutError("no broker")

        self.service({}, away).run()
        assert cluster.source.polls == 0
        assert self.stop.requested

    def test_a_group_that_cannot_be_left_does_not_keep_the_producer_open(self) -> None:
        """Each is closed whatever happens to the other."""
        cluster = Cluster()
        cluster.source.close_error = KafkaError("no coordinator")
        self.run(cluster)
        assert cluster.producer.ended == ["closed"]


class Running:
    """main() in a thread, with its signal handler in reach."""

    def __init__(self, connect: Callable[[ConsumerSettings], KafkaClients], **environ: str) -> None:
        self._environ = environ
        self.port = free_port()
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.stop: list[Callable[[], None]] = []
        self.code: list[int] = []
        self._connect = connect
        self.thread = threading.Thread(target=self._main)
        self.thread.start()

    def _main(self) -> None:
        environ = {
            "CONSUMER_HEALTH_HOST": "127.0.0.1",
            "CONSUMER_HEALTH_PORT": str(self.port),
            "CONSUMER_POLL_TIMEOUT_MS": "10",
            **self._environ,
        }
        self.code.append(
            main(
                environ,
                self.stdout,
                self.stderr,
                on_stop_signal=self.stop.append,
                connect=self._connect,
                timeout=lambda _seconds: no_timeout,  # alarms go to the main thread alone
            )
        )

    def get(self, path: str) -> tuple[int, str]:
        """GET a path; 0 when nobody answers yet."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=5
            ) as response:
                return response.status, response.read().decode()
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

    def test_it_serves_probes_and_ends_with_0_on_a_signal(self) -> None:
        """Ready once partitions are assigned; one JSON object a line on standard output."""
        cluster = Cluster()
        cluster.source.add(b'{"id":"r-1"}')
        running = Running(cluster.connect)
        eventually(lambda: running.get("/readyz")[0] == 200, "readiness")
        eventually(lambda: cluster.source.committed, "a commit")
        assert running.get("/healthz")[0] == 200
        assert "consumer_records_total 1.0" in running.get("/metrics")[1]
        assert running.end() == 0
        events = [line["event"] for line in running.logged()]
        assert events[0] == "health served"
        assert events[-1] == "stopped"
        assert "bid decided" in events
        assert {line["service"] for line in running.logged()} == {"bidding-logic-service"}
        assert running.stderr.getvalue() == ""

    def test_what_waits_for_a_sink_is_delivered_before_the_end(self, tmp_path: Path) -> None:
        """A stop right after the commit leaves no decision out of the file."""
        cluster = Cluster()
        for number in range(50):
            cluster.source.add(b'{"id":"r-%d"}' % number)
        path = tmp_path / "decisions.jsonl"
        running = Running(
            cluster.connect,
            CONSUMER_SINKS="kafka,jsonl",
            CONSUMER_JSONL_PATH=str(path),
            CONSUMER_SINK_DRAIN_MS="30000",
        )
        eventually(lambda: cluster.source.committed == {partition(): 50}, "the commit")
        assert running.end() == 0
        ids = [json.loads(line)["request"]["id"] for line in path.read_text().splitlines()]
        assert ids == [f"r-{number}" for number in range(50)]

    def test_it_is_alive_but_not_ready_while_kafka_is_away(self) -> None:
        """Probes answer before Kafka does."""
        running = Running(Cluster(*[KafkaTimeoutError("no broker")] * 1_000).connect)
        eventually(lambda: "no broker" in running.get("/readyz")[1], "the reason")
        assert running.get("/readyz")[0] == 503
        assert running.get("/healthz")[0] == 200
        assert running.end() == 0

    def test_a_wrong_setting_is_one_line_and_2(self) -> None:
        """Standard error names the variable; standard output stays empty."""
        out, err = io.StringIO(), io.StringIO()
        code = main({"BIDDING_STRATEGY": "x"}, out, err, on_stop_signal=lambda _stop: None)
        assert (code, out.getvalue()) == (2, "")
        assert err.getvalue().startswith("BIDDING_STRATEGY='x': ")
        assert err.getvalue().count("\n") == 1

    def test_a_taken_port_is_one_line_and_2(self) -> None:
        """The line names the setting that changes it."""
        running = Running(Cluster().connect)
        eventually(lambda: running.get("/healthz")[0], "the port to be taken")
        err = io.StringIO()
        environ = {
            "CONSUMER_HEALTH_HOST": "127.0.0.1",
            "CONSUMER_HEALTH_PORT": str(running.port),
        }
        code = main(environ, io.StringIO(), err, on_stop_signal=lambda _stop: None)
        assert code == 2
        assert err.getvalue().startswith("CONSUMER_HEALTH_PORT: cannot listen on 127.0.0.1:")
        assert err.getvalue().count("\n") == 1
        assert running.end() == 0

    def test_an_address_that_is_none_is_one_line_and_2(self) -> None:
        """An IPv6 address is told apart from its port."""
        err = io.StringIO()
        environ = {"CONSUMER_HEALTH_HOST": "2001:db8::no", "CONSUMER_HEALTH_PORT": "1"}
        code = main(environ, io.StringIO(), err, on_stop_signal=lambda _stop: None)
        assert code == 2
        assert err.getvalue().startswith(
            "CONSUMER_HEALTH_PORT: cannot listen on [2001:db8::no]:1: "
        )
        assert err.getvalue().count("\n") == 1

    def test_a_name_that_another_process_has_taken_is_logged_and_1(self) -> None:
        """To go on would be to poll without a place in the group, for good."""
        cluster = Cluster()
        cluster.source.poll_errors = [FencedInstanceIdError()]
        running = Running(cluster.connect)
        running.thread.join(timeout=60)
        assert running.code == [1]
        assert running.logged()[-1]["event"] == "stopped: another process has this member's name"

    def test_a_crash_is_logged_and_1(self) -> None:
        """What nobody expected ends the process: named in the log, nothing committed."""
        cluster = Cluster()

        def explode(_number: int) -> None:
            raise ZeroDivisionError

        cluster.source.on_poll = explode
        running = Running(cluster.connect)
        running.thread.join(timeout=60)
        assert running.code == [1]
        assert running.logged()[-1]["event"] == "crashed"
        assert "ZeroDivisionError" in running.stdout.getvalue()
        assert cluster.source.commits == []
        assert cluster.source.closed_with is not None
