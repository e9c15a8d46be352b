"""A Kafka that is not reached, or refuses: both services say in one sentence why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from tests.support.fault_proxy import FaultProxy
from tests.support.ingest import IngestProcess
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.secured_kafka import PASSWORD, USER, SecuredKafka
from tests.support.topics import delete_topic
from tests.support.waiting import eventually
from verification.project import ROOT
from verification.run.ports import free_port

pytestmark = pytest.mark.timing

TLS = {"KAFKA_SECURITY_PROTOCOL": "SSL"}
LOGIN = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": USER,
    "KAFKA_SASL_PASSWORD": PASSWORD,
}
SCRAM = {**LOGIN, "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"}


@pytest.fixture(scope="module")
def secured(
    openssl: None,  # noqa: ARG001  needed
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SecuredKafka]:
    """Run a broker that refuses in every way there is."""
    prepared = SecuredKafka.prepare(tmp_path_factory.mktemp("secured"))
    with prepared.broker():
        yield prepared


@pytest.fixture
def topics(secured: SecuredKafka, tmp_path: Path) -> Iterator[Pipeline]:
    """Make the three topics."""
    with closing(Pipeline.made(secured.at("BROKER"), tmp_path)) as pipeline:
        yield pipeline


@contextmanager
def services(topics: Pipeline, **environ: str) -> Iterator[tuple[IngestProcess, ConsumerProcess]]:
    """Run both services with the same settings of Kafka."""
    quick = {"CONSUMER_CONNECT_TIMEOUT_MS": "2000", "CONSUMER_RETRY_BACKOFF_MAX_MS": "500"}
    named = {"KAFKA_BROKERS": topics.brokers, "KAFKA_TOPIC_BID_REQUESTS": topics.requests}
    with (
        IngestProcess(topics.logs / "ingest.log", **{**named, **environ}) as ingest,
        topics.consumer(**quick, **environ) as consumer,
    ):
        yield ingest, consumer


def says(sentence: str, log: Callable[[], list[dict[str, Any]]]) -> bool:
    """Say whether the log has the sentence as a reason; readiness may have it a moment before."""
    return any(sentence in line.get("why", "") for line in log())


def said_by_both(topics: Pipeline, sentence: str, **environ: str) -> None:
    """Wait until both say so, in /readyz and in the log."""
    with services(topics, **environ) as (ingest, consumer):
        eventually(lambda: sentence in ingest.get_admin("/readyz").json["reasons"][0], sentence, 60)
        eventually(lambda: sentence in consumer.get("/readyz")[1], sentence, 60)
        assert consumer.get("/healthz")[0] == 200
        for log in (ingest.log_lines, consumer.lines):
            eventually(partial(says, sentence, log), f"{sentence} in the log", 60)


class TestTls:
    """Certificates, on both sides."""

    @scenario(
        fault="Kafka's certificate is signed by an authority that is not trusted",
        client="503; readiness says so",
        kept="What was accepted",
        recovery="With the right KAFKA_SSL_CAFILE",
    )
    def test_an_untrusted_authority(self, secured: SecuredKafka, topics: Pipeline) -> None:
        """The certificate is named as the reason, and what is wrong with it."""
        at = secured.at("TLS")
        said_by_both(
            topics,
            f"{at}: its certificate is not trusted: unable to get local issuer certificate",
            **TLS,
            KAFKA_BROKERS=at,
            KAFKA_SSL_CAFILE=str(secured.stranger.certificate),
        )

    @scenario(
        fault="Kafka's certificate is for another host",
        client="503; readiness says so",
        kept="What was accepted",
        recovery="With a certificate for that host",
    )
    def test_a_certificate_for_another_host(self, secured: SecuredKafka, topics: Pipeline) -> None:
        """The host that it is not valid for is named."""
        at = secured.at("MISNAMED")
        said_by_both(
            topics,
            f"{at}: its certificate is not trusted: IP address mismatch",
            **TLS,
            KAFKA_BROKERS=at,
            KAFKA_SSL_CAFILE=str(secured.authority.certificate),
        )

    @scenario(
        fault="Kafka asks for a client certificate, and none is given",
        client="503; readiness says so",
        kept="What was accepted",
        recovery="With KAFKA_SSL_CERTFILE",
    )
    def test_a_missing_client_certificate(self, secured: SecuredKafka, topics: Pipeline) -> None:
        """The setting that is missing is named."""
        at = secured.at("MUTUAL")
        said_by_both(
            topics,
            f"{at}: it asks for a client certificate: KAFKA_SSL_CERTFILE",
            **TLS,
            KAFKA_BROKERS=at,
            KAFKA_SSL_CAFILE=str(secured.authority.certificate),
        )

    @scenario(
        fault="TLS is spoken to a port without TLS, or the reverse",
        client="503; readiness says so",
        kept="What was accepted",
        recovery="With the right KAFKA_SECURITY_PROTOCOL",
    )
    @pytest.mark.parametrize(
        ("listener", "protocol", "sentence"),
        [
            ("BROKER", "SSL", "it speaks no TLS on this port"),
            # it sends an alert of TLS and closes: which of the two is seen depends on the moment
            ("TLS", "PLAINTEXT", "(with KAFKA_SECURITY_PROTOCOL=PLAINTEXT: it may ask for TLS"),
            ("LOGIN", "PLAINTEXT", "(with KAFKA_SECURITY_PROTOCOL=PLAINTEXT: it may ask for TLS"),
        ],
    )
    def test_another_protocol(
        self, secured: SecuredKafka, topics: Pipeline, listener: str, protocol: str, sentence: str
    ) -> None:
        """That it is the protocol is said, or at least thought of."""
        at = secured.at(listener)
        environ = {"KAFKA_BROKERS": at, "KAFKA_SECURITY_PROTOCOL": protocol}
        said_by_both(topics, sentence, **environ)

    @scenario(
        fault="None: certificates on both sides, or a password",
        client="202",
        kept="Everything",
        recovery="None needed",
    )
    @pytest.mark.parametrize("listener", ["MUTUAL", "LOGIN"])
    def test_what_is_given_rightly_connects(
        self, secured: SecuredKafka, topics: Pipeline, listener: str
    ) -> None:
        """Both services get ready, and a bid goes through both."""
        files = {
            "KAFKA_SSL_CAFILE": str(secured.authority.certificate),
            "KAFKA_SSL_CERTFILE": str(secured.client.certificate),
            "KAFKA_SSL_KEYFILE": str(secured.client.key),
        }
        environ = {"MUTUAL": {**TLS, **files}, "LOGIN": LOGIN}[listener]
        with services(topics, **environ, KAFKA_BROKERS=secured.at(listener)) as (ingest, consumer):
            ingest.wait_until_ready()
            consumer.wait_until_ready()
            assert ingest.post((ROOT / "samples" / "app.json").read_bytes()).status == 202
            eventually(topics.decided, "the decision", 60)


class TestLogin:
    """Passwords."""

    @scenario(
        fault="Kafka refuses the login",
        client="503; readiness says why",
        kept="What was accepted",
        recovery="With the right settings, or once the broker knows the user",
    )
    @pytest.mark.parametrize(
        ("listener", "given", "sentence"),
        [
            (
                "LOGIN",
                {**LOGIN, "KAFKA_SASL_PASSWORD": "no"},
                "wrong user name or password (PLAIN)",
            ),
            ("LOGIN", SCRAM, "login refused: wrong user name or password (SCRAM-SHA-512)"),
            (
                "LOGIN",
                {**LOGIN, "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"},
                "login refused: it does not offer SCRAM-SHA-256",
            ),
            ("BROKER", LOGIN, "it takes no login on this port"),
        ],
    )
    def test_a_refused_login(
        self,
        secured: SecuredKafka,
        topics: Pipeline,
        listener: str,
        given: dict[str, str],
        sentence: str,
    ) -> None:
        """What is wrong with it is said, and the password is nowhere."""
        said_by_both(topics, sentence, **given, KAFKA_BROKERS=secured.at(listener))
        logs = "".join(path.read_text() for path in topics.logs.glob("*.log"))
        assert PASSWORD not in logs


class TestPlaces:
    """Addresses where no Kafka is."""

    @scenario(
        fault="Nobody listens at the address, or no host has the name",
        client="503; readiness says which",
        kept="What was accepted",
        recovery="By itself, once Kafka is there",
    )
    def test_nobody_there(self, topics: Pipeline) -> None:
        """A refused connection and an unknown host are told apart."""
        nobody, unknown = f"127.0.0.1:{free_port()}", "no-such-host.invalid:9092"
        said_by_both(topics, f"{nobody}: connection refused", KAFKA_BROKERS=nobody)
        said_by_both(topics, f"{unknown}: unknown host", KAFKA_BROKERS=unknown)

    @scenario(
        fault="Kafka answers, but the address that it advertises is not reached",
        client="503; readiness names that address",
        kept="What was accepted",
        recovery="Once `advertised.listeners` is right",
    )
    def test_an_advertised_address_where_nobody_is(
        self, secured: SecuredKafka, topics: Pipeline
    ) -> None:
        """The address is named, and where it comes from."""
        sentence = "(as broker 1 calls itself: advertised.listeners): connection refused"
        place = f"127.0.0.1:{secured.nobody} {sentence}"
        said_by_both(topics, place, KAFKA_BROKERS=secured.at("FAR"))


class TestWhileAtWork:
    """What was well, and is no longer."""

    @scenario(
        fault="Kafka goes away while the bidding logic has nothing to do",
        client="Nothing",
        kept="Everything",
        recovery="By itself; meanwhile readiness names the broker",
    )
    def test_kafka_goes_away_and_comes_back(self, pipeline: Pipeline) -> None:
        """Not ready, with the reason, although nothing fails; ready once it is back."""
        with (
            FaultProxy(pipeline.brokers) as proxy,
            pipeline.consumer(KAFKA_BROKERS=proxy.bootstrap_servers) as consumer,
        ):
            consumer.wait_until_ready()
            proxy.go_away()
            why = f"broker {proxy.bootstrap_servers}: connection refused"
            eventually(lambda: why in consumer.get("/readyz")[1], why, 60)
            assert consumer.get("/healthz")[0] == 200
            eventually(lambda: consumer.not_ready("brokers"), "the line in the log", 60)
            proxy.come_back()
            consumer.wait_until_ready()
            pipeline.send(b'{"id":"r-1","imp":[{"id":"1"}]}')
            eventually(lambda: pipeline.committed() == 1, "the commit", 60)


class TestTopicsAndRights:
    """Kafka is reached, and says no."""

    @scenario(
        fault="The topic of bid requests does not exist",
        client="503; readiness names the topic",
        kept="What is accepted afterwards",
        recovery="By itself, once the topic is made",
    )
    def test_a_missing_topic(self, topics: Pipeline) -> None:
        """It is named by both."""
        delete_topic(topics.brokers, topics.requests)
        said_by_both(topics, f"topic {topics.requests}: it does not exist")

    @scenario(
        fault="A right on the topic of bid requests, or on the group, is missing",
        client="503 without the topic; readiness names what is missing",
        kept="What was accepted",
        recovery="By itself, once the right is given",
    )
    @pytest.mark.parametrize(
        ("kind", "operation", "sentence"),
        [
            (ResourceType.TOPIC, ACLOperation.DESCRIBE, "no right to describe it"),
            (ResourceType.TOPIC, ACLOperation.READ, "a right is missing on the topic"),
            (ResourceType.GROUP, ACLOperation.READ, "a right is missing on the group"),
        ],
    )
    def test_a_missing_right(
        self, topics: Pipeline, kind: ResourceType, operation: ACLOperation, sentence: str
    ) -> None:
        """The bidding logic says on which topic or group, and is ready once it has the right."""
        name = topics.requests if kind is ResourceType.TOPIC else topics.group
        with ExitStack() as stack:
            with denied(topics.brokers, ResourcePattern(kind, name), operation):
                consumer = stack.enter_context(topics.consumer(CONSUMER_RETRY_BACKOFF_MAX_MS="500"))
                eventually(lambda: sentence in consumer.get("/readyz")[1], sentence, 60)
                assert name in consumer.get("/readyz")[1]
            consumer.wait_until_ready()


@contextmanager
def denied(brokers: str, pattern: Any, operation: ACLOperation) -> Iterator[None]:  # noqa: ANN401  no types
    """Let everybody do everything with a resource but one thing."""
    rights = [
        ACL("User:*", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern),
        ACL("User:*", "*", operation, ACLPermissionType.DENY, pattern),
    ]
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        assert not admin.create_acls(rights)["failed"]
        yield
        admin.delete_acls(rights)
