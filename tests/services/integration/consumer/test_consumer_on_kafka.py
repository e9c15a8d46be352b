"""The bidding logic on a real Kafka: every request is decided on, whatever happens."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import TopicPartition

from common import decisions
from common.addresses import split_host_port
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.pipeline import Pipeline
from tests.support.topics import admin, create_topic, delete_topic
from tests.support.waiting import eventually
from verification.run.ports import free_port

pytestmark = pytest.mark.timing

KILLED = ("-m", "tests.services.integration.consumer.killed_before_commit")


def request(number: int) -> bytes:
    """Return a bid request."""
    return b'{"id": "r-%d", "imp": [{"id": "1", "bidfloor": 0.5}]}' % number


def requests(count: int) -> list[bytes]:
    """Return bid requests with ids from 0 on."""
    return [request(number) for number in range(count)]


def ids_and_offsets(pipeline: Pipeline) -> list[tuple[str, int]]:
    """Return id and offset of the requests that were decided on, in the order decided."""
    about = [decisions.read(record.value).request for record in pipeline.decided()]
    return [(request.id, request.offset) for request in about]


class TestDecisions:
    """A request in, a decision out."""

    def test_a_decision_lies_under_the_key_of_its_request_with_its_position(
        self, pipeline: Pipeline
    ) -> None:
        """Key, headers, position and an OpenRTB response with the configured price."""
        environ = {"BIDDING_STRATEGY": "fixed_price", "BIDDING_PRICE": "0.75"}
        with pipeline.consumer(**environ) as consumer:
            consumer.wait_until_ready()
            (sent,) = pipeline.send(request(7), key=b"r-7")
            (decision,) = eventually(pipeline.decided, "the decision")
            (line,) = eventually(lambda: consumer.logged("bid decided"), "the log line")
        assert decision.key == b"r-7"
        headers = dict(decision.headers)
        assert headers["content-type"] == b"application/json"
        assert headers["received-at"].isdigit()
        read = decisions.read(decision.value)
        assert read.request == decisions.Request(
            "r-7", pipeline.requests, sent.partition, sent.offset
        )
        assert isinstance(read.response.seatbid, tuple)
        (bid,) = read.response.seatbid[0].bid
        assert (read.strategy, bid.price, bid.impid) == ("fixed_price", 0.75, "1")
        assert (line["id"], line["offset"], line["decision"]) == ("r-7", sent.offset, "bid")
        assert 0 <= line["latency_ms"] < 10_000

    def test_order_is_kept_per_key(self, pipeline: Pipeline) -> None:
        """Two hundred requests of one key are decided on in their order, each once."""
        sent = pipeline.send(*requests(200))
        with pipeline.consumer(CONSUMER_MAX_POLL_RECORDS="37"):
            eventually(lambda: pipeline.committed() == 200, "all commits", 60)
        assert ids_and_offsets(pipeline) == [(f"r-{n}", m.offset) for n, m in enumerate(sent)]

    @pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
    def test_what_the_topic_compresses_is_decided_on(self, pipeline: Pipeline, codec: str) -> None:
        """Also beyond what one block of a codec holds."""
        with admin(pipeline.brokers) as client:
            resource = ConfigResource(ConfigResourceType.TOPIC, pipeline.requests)
            resource.configs = {"compression.type": codec}
            client.alter_configs([resource])
        large = {"batch_size": 1_000_000, "linger_ms": 1000}
        with closing(KafkaProducer(bootstrap_servers=pipeline.brokers, **large)) as producer:
            for number in range(100):
                producer.send(pipeline.requests, request(number) + b" " * 5_000, partition=0)
            producer.flush(30)
        with pipeline.consumer():
            eventually(lambda: pipeline.committed() == 100, "all commits", 60)
        assert {*ids_and_offsets(pipeline)} == {(f"r-{number}", number) for number in range(100)}

    def test_poison_goes_to_the_dead_letters_byte_for_byte(self, pipeline: Pipeline) -> None:
        """The bytes, the key and the headers are kept, and the good request after it is decided."""
        poison = b"\x00\xff{not json\xc3"
        with pipeline.consumer() as consumer:
            consumer.wait_until_ready()
            sent, _ = pipeline.send(poison, request(1), key=b"\xfe")
            (letter,) = eventually(pipeline.given_up, "the dead letter")
            eventually(lambda: pipeline.committed() == 2, "the commit past the poison")
            metrics = consumer.get("/metrics")[1]
        headers = dict(letter.headers)
        assert (letter.value, letter.key) == (poison, b"\xfe")
        assert headers["received-at"].isdigit()
        assert headers["dlq-reason"] == b"not-json"
        assert headers["dlq-topic"] == pipeline.requests.encode()
        assert headers["dlq-offset"] == b"%d" % sent.offset
        assert [given_id for given_id, _ in ids_and_offsets(pipeline)] == ["r-1"]
        assert 'consumer_dead_letters_total{reason="not-json"} 1.0' in metrics


class TestStops:
    """Ends of the process, wanted and unwanted."""

    def test_sigterm_commits_leaves_the_group_and_exits_0(self, pipeline: Pipeline) -> None:
        """A successor gets the partitions at once and finds nothing to do again."""
        pipeline.send(*requests(50))
        # a member that had not left would keep its partitions for the session's two minutes
        with pipeline.consumer(name="first", CONSUMER_SESSION_TIMEOUT_MS="120000") as first:
            eventually(lambda: len(pipeline.decided()) >= 50, "the decisions")
            assert first.terminate() == 0
        assert pipeline.committed() == 50
        assert first.lines()[-1]["event"] == "stopped"
        with pipeline.consumer(name="second") as second:
            second.wait_until_ready()
            pipeline.send(request(50))
            eventually(lambda: pipeline.committed() == 51, "the successor's commit")
        assert len(pipeline.decided()) == 51

    def test_a_kill_between_effects_and_commit_repeats_and_loses_nothing(
        self, pipeline: Pipeline
    ) -> None:
        """The successor decides again on what was not committed."""
        pipeline.send(*requests(20))
        with pipeline.consumer(*KILLED, name="killed") as killed:
            assert killed.process.wait(timeout=60) == -signal.SIGKILL
        before = ids_and_offsets(pipeline)
        assert before
        assert pipeline.committed() == 0
        with pipeline.consumer(name="successor"):
            eventually(lambda: pipeline.committed() == 20, "the successor's commit", 60)
        after = ids_and_offsets(pipeline)
        assert after[: len(before)] == before
        assert after[len(before) :] == [(f"r-{n}", n) for n in range(20)]

    def test_sigterm_while_kafka_is_away_exits_0(self, pipeline: Pipeline) -> None:
        """Waiting for Kafka does not keep the process from stopping."""
        nowhere = f"127.0.0.1:{free_port()}"
        with pipeline.consumer(
            KAFKA_BROKERS=nowhere, CONSUMER_CONNECT_TIMEOUT_MS="1000"
        ) as consumer:
            assert consumer.terminate() == 0


@contextmanager
def forwarding(port: int, to: str) -> Iterator[None]:
    """Forward TCP connections from a port of loopback to `to`, host:port."""
    upstream = split_host_port(to.split(",", maxsplit=1)[0])
    server = socket.create_server(("127.0.0.1", port))
    server.settimeout(0.1)
    ending = threading.Event()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with source, sink:
            while data := _receive(source):
                sink.sendall(data)

    def accept() -> None:
        while not ending.is_set():
            try:
                near, _ = server.accept()
            except TimeoutError:
                continue
            near.settimeout(None)
            far = socket.create_connection(upstream)
            for pair in ((near, far.dup()), (far, near.dup())):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        server.close()


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(65_536)
    except OSError:
        return b""


class TestOutages:
    """Kafka is away, or not as it should be."""

    def test_a_kafka_away_at_the_start_is_waited_for(self, pipeline: Pipeline) -> None:
        """Alive and not ready, with the reason; ready and at work once Kafka is there."""
        port = free_port()
        pipeline.send(request(1))
        with pipeline.consumer(
            KAFKA_BROKERS=f"127.0.0.1:{port}", CONSUMER_CONNECT_TIMEOUT_MS="2000"
        ) as consumer:
            eventually(lambda: consumer.not_ready("kafka"), "the first failed attempt")
            assert consumer.get("/healthz")[0] == 200
            status, body = consumer.get("/readyz")
            assert status == 503
            assert f"127.0.0.1:{port}: connection refused" in body
            with forwarding(port, to=pipeline.brokers):
                consumer.wait_until_ready()
                eventually(lambda: pipeline.committed() == 1, "the commit")
        assert len(pipeline.decided()) == 1

    def test_a_kafka_that_answers_later_than_a_poll_lasts(self, pipeline: Pipeline) -> None:
        """A member that joins anew as it hears of partitions gets them, however short its polls."""
        pipeline.send(request(1))
        with FaultProxy(pipeline.brokers) as proxy:
            proxy.inject(Fault(delay_s=0.02))
            environ = {"KAFKA_BROKERS": proxy.bootstrap_servers, "CONSUMER_POLL_TIMEOUT_MS": "10"}
            with pipeline.consumer(**environ):
                eventually(lambda: pipeline.committed() == 1, "the commit")
        assert len(pipeline.decided()) == 1

    @pytest.mark.parametrize("missing", ["requests", "decisions", "dead_letters"])
    def test_a_missing_topic_is_named_and_waited_for(
        self, pipeline: Pipeline, missing: str
    ) -> None:
        """Readiness names the topic until somebody creates it."""
        topic = getattr(pipeline, missing)
        delete_topic(pipeline.brokers, topic)
        with pipeline.consumer() as consumer:
            eventually(
                lambda: f"topic {topic}: it does not exist" in consumer.get("/readyz")[1],
                "the topic's name in the reasons",
            )
            create_topic(pipeline.brokers, topic)
            consumer.wait_until_ready()

    def test_a_topic_that_takes_no_decisions_delays_them_and_loses_none(
        self, pipeline: Pipeline
    ) -> None:
        """Nothing is committed meanwhile; afterwards all is decided in order, without a restart."""
        with pipeline.consumer(
            CONSUMER_PUBLISH_TIMEOUT_MS="1000", CONSUMER_RETRY_BACKOFF_MAX_MS="500"
        ) as consumer:
            pipeline.send(b'{"id":"before"}')
            eventually(lambda: pipeline.committed() == 1, "the first commit")
            delete_topic(pipeline.brokers, pipeline.decisions)
            pipeline.send(*requests(30))
            eventually(lambda: consumer.retries("sinks") > 2, "three retries", 60)
            assert "sinks: " in consumer.get("/readyz")[1]
            assert consumer.get("/healthz")[0] == 200
            assert pipeline.committed() == 1
            create_topic(pipeline.brokers, pipeline.decisions)
            eventually(lambda: pipeline.committed() == 31, "the commit", 60)
            consumer.wait_until_ready()
        first_of_each = dict.fromkeys(ids_and_offsets(pipeline))
        assert [*first_of_each] == [(f"r-{n}", n + 1) for n in range(30)]


class TestGroup:
    """Members come and go."""

    def test_a_second_member_takes_over_a_share_and_nothing_is_missed(
        self, pipeline: Pipeline
    ) -> None:
        """Requests sent through a rebalance are all decided on, and all are committed."""
        with pipeline.consumer(name="first") as first:
            first.wait_until_ready()
            with pipeline.consumer(name="second") as second:
                second.wait_until_ready()  # with no partition at first, as a spare member is
                numbers = count()

                def share_of_second() -> float:
                    number = next(numbers)
                    pipeline.send(request(number), key=b"%d" % number)
                    return second.samples("consumer_assigned_partitions")[0]

                for _ in range(30):
                    eventually(share_of_second, "a share", 60)
                sent = next(numbers)
                eventually(lambda: pipeline.committed() == sent, "all commits", 60)
                eventually(lambda: second.logged("bid decided"), "a decision of the second")
            pipeline.send(*requests(10), key=b"after")
            eventually(lambda: pipeline.committed() == sent + 10, "the last commits", 60)
        assert first.logged("bid decided")
        assert {given_id for given_id, _ in ids_and_offsets(pipeline)} == {
            f"r-{number}" for number in range(sent)
        }

    def test_lag_is_shown_by_partition(self, pipeline: Pipeline) -> None:
        """After everything is decided the lag of the partition that was used is 0."""
        (sent,) = pipeline.send(request(1))
        used = TopicPartition(pipeline.requests, sent.partition)
        with pipeline.consumer() as consumer:
            eventually(lambda: pipeline.committed() == 1, "the commit")
            eventually(
                lambda: (
                    f'consumer_lag_messages{{partition="{used.partition}"}} 0.0'
                    in consumer.get("/metrics")[1]
                ),
                "the lag",
            )
