"""The publisher on confluent-kafka: the same contract as on kafka-python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka import KafkaError as Code
from confluent_kafka import KafkaException
from kafka.errors import KafkaError, KafkaTimeoutError

from app.kafka.confluent_options import connection_options, producer_options
from app.kafka.confluent_producer import ConfluentProducer, Identity
from app.kafka.in_flight import Admission
from app.kafka.kafka_publisher import KafkaPublisher
from app.kafka.producer_supervisor import Connection
from app.kafka.publisher import Acknowledged, Record
from app.problems import Indeterminate, Refusal, TooLarge, TopicUnavailable
from app.settings import load_settings
from common.settings import SettingsError
from tests.support.fakes.librdkafka import FakeLibrdkafka
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

RECORD = Record(b"1", b'{"id":"1"}', (("received-at", b"0"),))
DEADLINE_S = 10
LIMIT = 1000
Start = Callable[..., KafkaPublisher]


def connected(fake: FakeLibrdkafka) -> ConfluentProducer:
    """Return a producer that the brokers have given its id."""
    identity = Identity()
    identity.told('{"eos": {"idemp_state": "Assigned"}}')
    return ConfluentProducer(fake, LIMIT, 1, identity)


@pytest.fixture
def ends() -> list[str]:
    """Keep what became of each record."""
    return []


@pytest.fixture
def started(ends: list[str]) -> Iterator[Start]:
    """Return what connects a publisher to librdkafka's stand-in."""
    with ExitStack() as stack:

        def start(
            fake: FakeLibrdkafka,
            admission: Admission | None = None,
            deadline_s: float = DEADLINE_S,
        ) -> KafkaPublisher:
            connection = Connection(lambda: connected(fake), "bid_requests", 0)
            stack.callback(connection.close, 1)
            connection.start(patience_s=30)
            return KafkaPublisher(
                "bid_requests",
                deadline_s,
                admission or Admission(10, 10_000),
                connection,
                note_end=lambda outcome, _seconds: ends.append(outcome),
            )

        yield start


class TestPublish:
    """The outcomes, a closed set."""

    def test_an_acknowledged_record_has_a_place(self, started: Start, ends: list[str]) -> None:
        """The answer says topic, partition and offset; key, value and headers went unchanged."""
        fake = FakeLibrdkafka()
        place = started(fake).publish(RECORD)
        assert place == Acknowledged("bid_requests", 2, 7)
        assert fake.produced == [
            ("bid_requests", RECORD.key, RECORD.value, [*RECORD.headers]),
        ]
        eventually(lambda: ends == ["acknowledged"], "the end to be told")

    @pytest.mark.parametrize(
        "code",
        [
            Code._MSG_TIMED_OUT,  # noqa: SLF001  librdkafka's own codes are named so
            Code._TRANSPORT,  # noqa: SLF001  the same
            Code.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            Code.MSG_SIZE_TOO_LARGE,
        ],
    )
    def test_a_failure_that_may_hide_a_delivery_says_unknown(
        self, started: Start, ends: list[str], code: int
    ) -> None:
        """Whatever the broker or the network answers late leaves the delivery unknown."""
        with pytest.raises(Indeterminate) as refused:
            started(FakeLibrdkafka(fails_with=code)).publish(RECORD)
        assert refused.value.delivery == "unknown"
        eventually(lambda: ends == ["failed"], "the end to be told")

    def test_silence_is_an_unknown_delivery(self, started: Start, ends: list[str]) -> None:
        """This client does not tell whether a record it gives back was ever sent."""
        with pytest.raises(Indeterminate):
            started(FakeLibrdkafka(silent=True), deadline_s=0.2).publish(RECORD)
        eventually(lambda: ends == ["failed"], "the end to be told")

    def test_a_forbidden_topic_is_unavailable(self, started: Start) -> None:
        """Without the right to write, nothing was delivered."""
        with pytest.raises(TopicUnavailable):
            started(FakeLibrdkafka(fails_with=Code.TOPIC_AUTHORIZATION_FAILED)).publish(RECORD)

    @pytest.mark.parametrize(
        ("error", "refusal"),
        [
            (KafkaException(Code(Code.MSG_SIZE_TOO_LARGE)), TooLarge),
            (KafkaException(Code(Code._FATAL)), TopicUnavailable),  # noqa: SLF001  as above
            (BufferError(), TopicUnavailable),
        ],
    )
    def test_what_was_never_queued_says_so(
        self, started: Start, error: Exception, refusal: type[Refusal]
    ) -> None:
        """An error before the record is queued means that nothing was delivered, or ever will."""
        fake, admission = FakeLibrdkafka(), Admission(1, 1000)
        publisher = started(fake, admission)
        fake.raises = error
        with pytest.raises(refusal):
            publisher.publish(RECORD)
        assert admission.pending_records == 0

    def test_a_record_over_the_limit_is_too_large(self, started: Start) -> None:
        """It is refused here: limits under 1,000 bytes are none that librdkafka knows."""
        fake = FakeLibrdkafka()
        with pytest.raises(TooLarge):
            started(fake).publish(Record(b"1", b" " * LIMIT, ()))
        assert fake.produced == []


class TestConnecting:
    """A producer is used once it knows its topic."""

    def test_the_partitions_are_those_of_the_topic(self) -> None:
        """The metadata is asked of the cluster."""
        producer = connected(FakeLibrdkafka())
        assert producer.partitions_for("bid_requests") == {0, 1, 2}
        producer.close(1)

    def test_a_missing_topic_and_a_missing_cluster_are_errors(self) -> None:
        """Both are kafka-python's KafkaError, which the connection retries."""
        fake = FakeLibrdkafka()
        producer = connected(fake)
        fake.topic_error = Code.UNKNOWN_TOPIC_OR_PART
        with pytest.raises(KafkaError, match="UNKNOWN_TOPIC_OR_PART|Unknown topic"):
            producer.partitions_for("bid_requests")
        fake.away = True
        with pytest.raises(KafkaError, match="transport"):
            producer.partitions_for("bid_requests")
        producer.drop()

    def test_without_a_producer_id_it_is_not_ready(self) -> None:
        """The first bid of a service that says it is ready need not wait for one."""
        identity = Identity()
        identity.told('{"eos": {"idemp_state": "WaitPID"}}')
        producer = ConfluentProducer(FakeLibrdkafka(), LIMIT, 0.01, identity)
        with pytest.raises(KafkaTimeoutError, match="no producer id"):
            producer.partitions_for("bid_requests")
        producer.drop()


class TestEnd:
    """Closed in order, or dropped."""

    def test_closing_waits_for_what_is_pending(self) -> None:
        """After it nobody listens any more."""
        producer = connected(FakeLibrdkafka())
        end = producer.send("t", value=b"", key=b"", headers=[])
        producer.close(1)
        assert end.get(0).offset == 7
        eventually(lambda: not producer.sends, "nobody to listen")

    def test_what_stays_pending_is_told_and_can_be_dropped(self) -> None:
        """`close` raises, and `drop` fails what is left instead of leaving it open."""
        producer = connected(FakeLibrdkafka(silent=True))
        end = producer.send("t", value=b"", key=b"", headers=[])
        with pytest.raises(KafkaTimeoutError):
            producer.close(0.01)
        producer.drop()
        eventually(lambda: not producer.sends, "nobody to listen")
        with pytest.raises(KafkaTimeoutError):
            end.get(0)


class TestOptions:
    """What the promises rest on."""

    def test_all_replicas_no_duplicates_and_no_topic_by_accident(self) -> None:
        """Acks and idempotence are explicit, and a misspelt topic is an error."""
        options = producer_options(load_settings({}), 5000)
        assert (options["acks"], options["enable.idempotence"]) == ("all", True)
        assert options["allow.auto.create.topics"] is False
        assert options["message.max.bytes"] == 5000

    def test_every_wait_ends_at_the_publish_deadline(self) -> None:
        """A request fits into INGEST_PUBLISH_TIMEOUT_MS; the record's own end comes soon after."""
        options = producer_options(load_settings({"INGEST_PUBLISH_TIMEOUT_MS": "500"}), 1000)
        assert options["request.timeout.ms"] < 500 < options["delivery.timeout.ms"] <= 600

    def test_credentials_and_certificates_are_passed_on(self) -> None:
        """What is set for one client holds for the other; what is not set is not passed."""
        environ = {
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
            "KAFKA_SASL_USERNAME": "me",
            "KAFKA_SASL_PASSWORD": "secret",
            "KAFKA_SSL_CHECK_HOSTNAME": "false",
        }
        assert connection_options(load_settings(environ).kafka) == {
            "bootstrap.servers": "localhost:9092",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": "me",
            "sasl.password": "secret",
            "ssl.endpoint.identification.algorithm": "none",
        }

    def test_without_the_package_the_setting_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The service says at its start what is missing, instead of never getting ready."""
        monkeypatch.setattr("app.settings.find_spec", lambda _name: None)
        with pytest.raises(SettingsError, match="confluent-kafka is not installed"):
            load_settings({"INGEST_KAFKA_CLIENT": "confluent"})
