"""The embedded Kafka is Apache Kafka: durable, restartable, and gone when its parent is."""

from __future__ import annotations

import os
import signal
import socket
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
from verification.run.topics import Selection, create_topics, select

pytestmark = [pytest.mark.timing, pytest.mark.promise("two-commands")]

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


def committed(kafka: EmbeddedKafka, *, consume: bool = False) -> int:
    """Return what the group has committed of the topic, after it has consumed something."""
    consumer = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers,
        group_id="g",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    with closing(consumer):
        if consume:
            consumer.subscribe([TOPIC])
            eventually(lambda: consumer.poll(timeout_ms=500), "a record")
            consumer.commit()
        offsets = [consumer.committed(TopicPartition(TOPIC, number)) for number in (0, 1)]
        return sum(offset or 0 for offset in offsets)


class TestBroker:
    """One JVM, whose life is ours, and whose data stay."""

    def test_what_was_acknowledged_stays(
        self, kafka: EmbeddedKafka, tmp_path: Path, runtime: Runtime
    ) -> None:
        """Records, topics and commits are there after kill -9, a restart, and on another port."""
        produce(kafka, b"one", b"two", b"three")
        offset = committed(kafka, consume=True)
        assert offset > 0
        address, before = kafka.bootstrap_servers, kafka.pid
        kafka.kill()
        assert kafka.poll() == -signal.SIGKILL
        kafka.start()
        assert (kafka.bootstrap_servers, committed(kafka)) == (address, offset)
        assert values(kafka) == {b"one", b"two", b"three"}
        kafka.restart()
        assert kafka.pid != before
        assert values(kafka) == {b"one", b"two", b"three"}
        kafka.stop()
        with EmbeddedKafka(tmp_path / "kafka", runtime) as another:
            assert another.bootstrap_servers != address
            assert values(another) == {b"one", b"two", b"three"}

    def test_topics_come_from_us_alone(self, kafka: EmbeddedKafka) -> None:
        """What is missing is made as asked, what is there is left alone, reading makes nothing."""
        options = {"bootstrap_servers": kafka.bootstrap_servers}
        assert create_topics(options, {TOPIC: 9, "new": 1}) == ["new"]
        with closing(KafkaAdminClient(**options)) as admin:
            (topic,) = admin.describe_topics([TOPIC])
        assert len(topic["partitions"]) == 2
        for _ in range(2):
            with pytest.raises(CannotRunError, match="there is no topic ghost"):
                select(options, "ghost", Selection(1))

    @pytest.mark.promise("bounded")
    def test_is_one_and_small(self, kafka: EmbeddedKafka) -> None:
        """A second start is refused; the JVM stays below 300 MiB of resident memory."""
        with pytest.raises(CannotRunError, match="runs already"):
            kafka.launch()
        assert kafka.pid is not None
        produce(kafka, *(b"x" * 1000 for _ in range(2000)))
        assert psutil.Process(kafka.pid).memory_info().rss < 300 * 2**20

    def test_tells_what_blocks_it(self, tmp_path: Path, runtime: Runtime) -> None:
        """Before its start it takes no connections, has no process and can be stopped."""
        kafka = EmbeddedKafka(tmp_path, runtime)
        assert kafka.blocked_by() == f"{kafka.bootstrap_servers} takes no connections yet"
        assert (kafka.pid, kafka.poll(), kafka.stop(), kafka.log_tail()) == (None, None, None, "")
        kafka.kill()


class TestFailure:
    """A start that fails says why, and leaves no process."""

    def test_a_taken_port(self, tmp_path: Path, runtime: Runtime) -> None:
        """The end of Kafka's log names the reason, though somebody else takes connections there."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            kafka = EmbeddedKafka(tmp_path, runtime, port=port)
            assert kafka.bootstrap_servers == f"127.0.0.1:{port}"
            with pytest.raises(CannotRunError, match="Address already in use"):
                kafka.start()

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

    @pytest.mark.parametrize("how", ["trained", "spoilt", "an older Java"])
    def test_a_broker_starts(self, tmp_path: Path, runtime: Runtime, how: str) -> None:
        """With the cache of one training start, with one that is none, and on Java from 17 on."""
        cache = tmp_path / "cache" / "x.aot"
        cache.parent.mkdir()
        with_cache = replace(runtime, aot_cache=cache)
        if how == "trained":
            train(replace(runtime, aot_cache=None), cache)
            assert list(cache.parent.iterdir()) == ([cache] if runtime.can_cache else [])
        elif how == "spoilt":
            cache.write_bytes(b"no cache at all" * 100)
        else:  # the machine's own, or else the wheel's
            with_cache = replace(runtime, aot_cache=None)
            with suppress(CannotRunError):
                with_cache = replace(with_cache, java=find_java(os.environ, lambda: None))
        with EmbeddedKafka(tmp_path / "kafka", with_cache) as kafka:
            assert kafka.is_ready()

    def test_training_that_fails_leaves_nothing(
        self, tmp_path: Path, runtime: Runtime, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A start that fails, or that leaves no cache, is a warning and no more."""

        class Forgetful(Runtime):
            def recording(self, _output: Path) -> Runtime:
                return Runtime(self.java, self.classpath)

        train(replace(runtime, classpath=()), tmp_path / "x.aot")
        assert list(tmp_path.iterdir()) == []
        train(Forgetful(runtime.java, runtime.classpath), tmp_path / "x.aot")
        assert "Java wrote none" in caplog.text
        assert caplog.text.count("no start-up cache for Kafka") == 2
