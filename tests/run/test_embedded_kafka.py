"""The embedded Kafka is Apache Kafka: durable, restartable, and gone when its parent is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from tests.support.waiting import eventually
from verification.errors import CannotRunError
from verification.kafka.broker import EmbeddedKafka
from verification.kafka.java import find_java
from verification.kafka.runtime import Runtime
from verification.kafka.training import train
from verification.project import ROOT
from verification.run.create_topics import create_topics
from verification.run.ports import free_port
from verification.run.records import Selection, select

pytestmark = pytest.mark.timing

TOPIC = "kept"


@pytest.fixture
def kafka(tmp_path: Path, runtime: Runtime) -> Iterator[EmbeddedKafka]:
    """Run a broker with a topic of two partitions."""
    with EmbeddedKafka(tmp_path / "kafka", runtime) as kafka:
        create_topics({"bootstrap_servers": kafka.bootstrap_servers}, {TOPIC: 2})
        yield kafka


def produce(kafka: EmbeddedKafka, *values: bytes) -> None:
    """Write records and have each acknowledged by all in-sync replicas."""
    options = {"acks": "all", "enable_idempotence": True}
    with closing(KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, **options)) as producer:
        for future in [producer.send(TOPIC, value) for value in values]:
            future.get(10)


def values(kafka: EmbeddedKafka) -> set[bytes | None]:
    """Return what is on the topic."""
    options = {"bootstrap_servers": kafka.bootstrap_servers}
    return {record.value for record in select(options, TOPIC, Selection(1000))}


class TestData:
    """What was acknowledged stays."""

    def test_kill_9_loses_nothing(self, kafka: EmbeddedKafka) -> None:
        """An acknowledged record is there after kill -9 and a start on the same data and port."""
        produce(kafka, b"one", b"two")
        address = kafka.bootstrap_servers
        kafka.kill()
        assert kafka.poll() == -signal.SIGKILL
        kafka.start()
        assert kafka.bootstrap_servers == address
        assert values(kafka) == {b"one", b"two"}

    def test_a_restart_keeps_everything(self, kafka: EmbeddedKafka) -> None:
        """An orderly restart keeps records, topics and partitions."""
        produce(kafka, b"one")
        before = kafka.pid
        kafka.restart()
        assert kafka.pid != before
        assert values(kafka) == {b"one"}
        assert create_topics({"bootstrap_servers": kafka.bootstrap_servers}, {TOPIC: 7}) == []

    def test_a_new_broker_finds_yesterday_s_records(
        self, kafka: EmbeddedKafka, tmp_path: Path, runtime: Runtime
    ) -> None:
        """Another run, on another port, reads what the first one wrote."""
        produce(kafka, b"one")
        kafka.stop()
        with EmbeddedKafka(tmp_path / "kafka", runtime) as second:
            assert values(second) == {b"one"}

    def test_group_offsets_survive(self, kafka: EmbeddedKafka) -> None:
        """What a group has committed is known after kill -9."""
        produce(kafka, b"one", b"two", b"three")

        def consumer() -> KafkaConsumer:
            return KafkaConsumer(
                bootstrap_servers=kafka.bootstrap_servers,
                group_id="g",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )

        with closing(consumer()) as first:
            first.subscribe([TOPIC])
            eventually(lambda: first.poll(timeout_ms=500), "a record")
            first.commit()
            at = TopicPartition(TOPIC, first.assignment().pop().partition)
            committed = first.committed(at)
        kafka.kill()
        kafka.start()
        with closing(consumer()) as second:
            assert second.committed(at) == committed


class TestTopics:
    """Topics come from us alone."""

    def test_partitions_are_as_asked(self, kafka: EmbeddedKafka) -> None:
        """A created topic has its partitions at once."""
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        with closing(admin):
            (topic,) = admin.describe_topics([TOPIC])
        assert len(topic["partitions"]) == 2

    def test_only_missing_ones_are_created(self, kafka: EmbeddedKafka) -> None:
        """An existing topic is left alone, the missing one is made."""
        options = {"bootstrap_servers": kafka.bootstrap_servers}
        assert create_topics(options, {TOPIC: 9, "new": 1}) == ["new"]

    def test_reading_does_not_create(self, kafka: EmbeddedKafka) -> None:
        """A topic that nobody created is refused, and still not there afterwards."""
        options = {"bootstrap_servers": kafka.bootstrap_servers}
        for _ in range(2):
            with pytest.raises(CannotRunError, match="there is no topic ghost"):
                select(options, "ghost", Selection(1))


def gone(pid: int) -> bool:
    """Say whether no such process runs."""
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return True


PARENT = """
import sys, time
from pathlib import Path
from verification.kafka.broker import EmbeddedKafka
kafka = EmbeddedKafka(Path(sys.argv[1]))
kafka.start()
print(kafka.pid, flush=True)
time.sleep(60)
"""


class TestProcess:
    """One JVM, whose life is ours."""

    def test_dies_with_a_parent_that_was_killed(self, tmp_path: Path, runtime: Runtime) -> None:
        """Kill -9 of the parent takes the JVM with it."""
        assert runtime.classpath  # provided, so that the parent need not fetch
        with subprocess.Popen(
            [sys.executable, "-c", PARENT, tmp_path], stdout=subprocess.PIPE, cwd=ROOT
        ) as parent:
            assert parent.stdout is not None
            jvm = int(parent.stdout.readline())
            assert not gone(jvm)
            parent.kill()
        eventually(lambda: gone(jvm), "the end of the JVM")

    def test_cannot_be_started_twice(self, kafka: EmbeddedKafka) -> None:
        """A second start of a running broker is refused, and leaves it running."""
        with pytest.raises(CannotRunError, match="runs already"):
            kafka.launch()
        assert kafka.is_ready()

    def test_tells_what_blocks_it(self, tmp_path: Path, runtime: Runtime) -> None:
        """Before its start it takes no connections, has no process and can be stopped."""
        kafka = EmbeddedKafka(tmp_path, runtime)
        assert kafka.blocked_by() == f"{kafka.bootstrap_servers} takes no connections yet"
        assert (kafka.pid, kafka.poll(), kafka.stop(), kafka.log_tail()) == (None, None, None, "")
        kafka.kill()

    def test_is_small(self, kafka: EmbeddedKafka) -> None:
        """The JVM stays below 300 MiB of resident memory."""
        assert kafka.pid is not None
        produce(kafka, *(b"x" * 1000 for _ in range(2000)))
        assert psutil.Process(kafka.pid).memory_info().rss < 300 * 2**20


class TestFailure:
    """A start that fails says why, and leaves no process."""

    def test_a_taken_port(self, tmp_path: Path, runtime: Runtime) -> None:
        """The end of Kafka's log names the reason."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            # Somebody else answers on the port, so only the process can tell.
            kafka = EmbeddedKafka(tmp_path, runtime, port=port)
            kafka.launch()
            eventually(lambda: kafka.poll() is not None, "the end", timeout_s=30)
        assert "Address already in use" in kafka.log_file.read_text(encoding="utf-8")

    def test_the_same_data_twice(
        self, kafka: EmbeddedKafka, tmp_path: Path, runtime: Runtime
    ) -> None:
        """A second broker on the data of a running one fails with Kafka's own words."""
        second = EmbeddedKafka(tmp_path / "kafka", runtime)
        with pytest.raises(CannotRunError, match=r"(?s)before it was ready.*lock") as caught:
            second.start()
        assert "\tat " not in str(caught.value)
        assert kafka.is_ready()

    def test_data_that_cannot_be_formatted(self, tmp_path: Path, runtime: Runtime) -> None:
        """A file where the data should be is told with the end of the log."""
        (tmp_path / "logs").touch()
        with pytest.raises(CannotRunError, match=r"(?s)formatting .* ended with status 1; .*log"):
            EmbeddedKafka(tmp_path, runtime).start()

    def test_too_slow_a_start(self, tmp_path: Path, runtime: Runtime) -> None:
        """A start beyond its time is killed and told."""

        class Slow(EmbeddedKafka):
            def is_ready(self) -> bool:
                return False

        kafka = Slow(tmp_path, runtime)
        with pytest.raises(CannotRunError, match="did not get ready in time"):
            kafka.start(within=0)
        assert kafka.poll() == -signal.SIGKILL


class TestStartUpCache:
    """Faster with it, fine without it."""

    def test_training_writes_one_that_works(self, tmp_path: Path, runtime: Runtime) -> None:
        """One training start leaves a cache, nothing else, and a broker that starts with it."""
        cache = tmp_path / "x.aot"
        train(replace(runtime, aot_cache=None), cache)
        assert [path.name for path in tmp_path.iterdir()] == (
            ["x.aot"] if runtime.can_cache else []
        )
        with EmbeddedKafka(tmp_path / "kafka", replace(runtime, aot_cache=cache)) as kafka:
            assert kafka.is_ready()

    def test_a_spoilt_cache_does_no_harm(self, tmp_path: Path, runtime: Runtime) -> None:
        """A cache file that is not one is passed over by Java."""
        spoilt = tmp_path / "spoilt.aot"
        spoilt.write_bytes(b"no cache at all" * 100)
        with EmbeddedKafka(tmp_path / "kafka", replace(runtime, aot_cache=spoilt)) as kafka:
            assert kafka.is_ready()

    def test_an_older_java_does_without(self, tmp_path: Path, runtime: Runtime) -> None:
        """Every Java from 17 on runs the broker: here the machine's own, or else the wheel's."""
        java = runtime.java
        with suppress(CannotRunError):
            java = find_java(os.environ, lambda: None)
        with EmbeddedKafka(tmp_path / "kafka", Runtime(java, runtime.classpath)) as kafka:
            assert kafka.is_ready()

    def test_training_that_fails_leaves_nothing(
        self, tmp_path: Path, runtime: Runtime, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Without a class path the training start fails; that is a warning and no more."""
        cache = tmp_path / "x.aot"
        train(replace(runtime, classpath=()), cache)
        assert list(tmp_path.iterdir()) == []
        assert "no start-up cache for Kafka" in caplog.text

    def test_a_java_that_writes_none_is_told(
        self, tmp_path: Path, runtime: Runtime, caplog: pytest.LogCaptureFixture
    ) -> None:
        """When the training start leaves no cache, we say so and go on."""

        class Forgetful(Runtime):
            def recording(self, _output: Path) -> Runtime:
                return Runtime(self.java, self.classpath)

        train(Forgetful(runtime.java, runtime.classpath), tmp_path / "x.aot")
        assert "Java wrote none" in caplog.text


def test_who_else_has_its_port_is_not_taken_for_it(tmp_path: Path, runtime: Runtime) -> None:
    """A broker that cannot listen is an error, though somebody else takes connections there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        kafka = EmbeddedKafka(tmp_path, runtime, port=other.getsockname()[1])
        with pytest.raises(CannotRunError, match="Address already in use"):
            kafka.start()


def test_a_port_may_be_chosen(tmp_path: Path, runtime: Runtime) -> None:
    """The broker listens where it was told to."""
    port = free_port()
    with EmbeddedKafka(tmp_path, runtime, port=port) as kafka:
        assert kafka.bootstrap_servers == f"127.0.0.1:{port}"
