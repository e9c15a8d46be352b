"""A Kafka that is not reached, or refuses: both services say in one sentence why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from kafka.admin import ACLOperation, ResourcePattern, ResourceType

from tests.services.records import requests
from tests.support.fault_proxy import FaultProxy
from tests.support.ingest import IngestProcess
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.scenario import scenario
from tests.support.secured_kafka import PASSWORD, USER, SecuredKafka, denied
from tests.support.topics import create_topic, delete_topic
from tests.support.waiting import eventually
from verification.project import ROOT
from verification.run.ports import free_port

pytestmark = [pytest.mark.timing, pytest.mark.promise("observable", "recovers")]

TLS = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CAFILE": "{folder}/authority.crt"}
MUTUAL = TLS | {
    "KAFKA_SSL_CERTFILE": "{folder}/client.crt",
    "KAFKA_SSL_KEYFILE": "{folder}/client.key",
}
LOGIN = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": USER,
    "KAFKA_SASL_PASSWORD": PASSWORD,
}
NO_TLS = {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
# it sends an alert of TLS and closes: which of the two is seen depends on the moment
MAY_BE_TLS = "(with KAFKA_SECURITY_PROTOCOL=PLAINTEXT: it may ask for TLS"
NOT_TRUSTED = "{at}: its certificate is not trusted: "
WRONG_TLS = {
    "an authority that is not trusted": (
        "TLS",
        TLS | {"KAFKA_SSL_CAFILE": "{folder}/stranger.crt"},
        NOT_TRUSTED + "unable to get local issuer certificate",
    ),
    "a certificate for another host": ("MISNAMED", TLS, NOT_TRUSTED + "IP address mismatch"),
    "no client certificate": (
        "MUTUAL",
        TLS,
        "{at}: it asks for a client certificate: KAFKA_SSL_CERTFILE",
    ),
    "TLS where there is none": ("BROKER", TLS, "it speaks no TLS on this port"),
    "no TLS where there is": ("TLS", NO_TLS, MAY_BE_TLS),
    "no login where there is": ("LOGIN", NO_TLS, MAY_BE_TLS),
}
WRONG_LOGIN = {
    "a wrong password": (
        "LOGIN",
        LOGIN | {"KAFKA_SASL_PASSWORD": "no"},
        "wrong user name or password (PLAIN)",
    ),
    "an unknown user": (
        "LOGIN",
        LOGIN | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"},
        "login refused: wrong user name or password (SCRAM-SHA-512)",
    ),
    "another mechanism": (
        "LOGIN",
        LOGIN | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"},
        "login refused: it does not offer SCRAM-SHA-256",
    ),
    "a login where there is none": ("BROKER", LOGIN, "it takes no login on this port"),
}
RIGHTS = [
    (ResourceType.TOPIC, ACLOperation.DESCRIBE, "no right to describe it"),
    (ResourceType.TOPIC, ACLOperation.READ, "a right is missing on the topic"),
    (ResourceType.GROUP, ACLOperation.READ, "a right is missing on the group"),
]
Wrong = tuple[str, dict[str, str], str]  # the listener, settings, and what is said of it


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
    """Run both services with the same settings of Kafka; each of them ends in order."""
    quick = {"CONSUMER_CONNECT_TIMEOUT_MS": "2000", "CONSUMER_RETRY_BACKOFF_MAX_MS": "500"}
    named = {"KAFKA_BROKERS": topics.brokers, "KAFKA_TOPIC_BID_REQUESTS": topics.requests}
    with (
        IngestProcess(topics.logs / "ingest.log", **named | environ) as ingest,
        topics.consumer(**quick, **environ) as consumer,
    ):
        yield ingest, consumer


@contextmanager
def said_by_both(
    topics: Pipeline, sentence: str, **environ: str
) -> Iterator[tuple[IngestProcess, ConsumerProcess]]:
    """Wait until both say so, in /readyz and in the log."""
    with services(topics, **environ) as (ingest, consumer):
        eventually(lambda: sentence in ingest.get_admin("/readyz").json["reasons"][0], sentence, 60)
        eventually(lambda: sentence in consumer.get("/readyz")[1], sentence, 60)
        assert consumer.get("/healthz")[0] == 200
        for log in (ingest.log_lines, consumer.lines):  # which may have it a moment later
            eventually(lambda: any(sentence in x.get("why", "") for x in log()), sentence, 60)  # noqa: B023  at once
        yield ingest, consumer


def settings(secured: SecuredKafka, listener: str, environ: dict[str, str]) -> dict[str, str]:
    """Return the settings for a listener, with the paths that the test's files have."""
    filled = {name: value.format(folder=secured.folder) for name, value in environ.items()}
    return {**filled, "KAFKA_BROKERS": secured.at(listener)}


@pytest.mark.promise("secured")
@pytest.mark.parametrize("wrong", WRONG_TLS.values(), ids=WRONG_TLS)
@scenario(
    "Kafka's certificate is not trusted, or for another host; it asks for a certificate, and none "
    "is given; TLS is spoken to a port without TLS, or the reverse",
    client="503; readiness says so",
    recovery="With the right `KAFKA_SECURITY_PROTOCOL`, `KAFKA_SSL_CAFILE` and "
    "`KAFKA_SSL_CERTFILE`, and a certificate for that host",
)
def test_certificates_and_protocols(secured: SecuredKafka, topics: Pipeline, wrong: Wrong) -> None:
    """What is wrong with the certificate is said, and that it may be the protocol."""
    listener, environ, sentence = wrong
    sentence = sentence.format(at=secured.at(listener))
    with said_by_both(topics, sentence, **settings(secured, listener, environ)):
        pass


@pytest.mark.promise("secured")
@pytest.mark.parametrize("wrong", WRONG_LOGIN.values(), ids=WRONG_LOGIN)
@scenario(
    "Kafka refuses the login",
    client="503; readiness says why",
    recovery="With the right settings, or once the broker knows the user",
)
def test_a_refused_login(secured: SecuredKafka, topics: Pipeline, wrong: Wrong) -> None:
    """What is wrong with it is said, and the password is nowhere."""
    listener, environ, sentence = wrong
    with said_by_both(topics, sentence, **settings(secured, listener, environ)):
        pass
    assert PASSWORD not in "".join(path.read_text() for path in topics.logs.glob("*.log"))


@pytest.mark.promise("secured")
@pytest.mark.parametrize(("listener", "environ"), [("MUTUAL", MUTUAL), ("LOGIN", LOGIN)])
@scenario("None: certificates on both sides, or a password", client="202")
def test_what_is_given_rightly_connects(
    secured: SecuredKafka, topics: Pipeline, listener: str, environ: dict[str, str]
) -> None:
    """Both services get ready, and a bid goes through both."""
    with services(topics, **settings(secured, listener, environ)) as (ingest, consumer):
        ingest.wait_until_ready()
        consumer.wait_until_ready()
        assert ingest.post((ROOT / "samples" / "app.json").read_bytes()).status == 202
        eventually(topics.decided, "the decision", 60)


@scenario(
    "Nobody listens at the address, no host has the name, or the address that Kafka advertises is "
    "not reached",
    client="503; readiness says which",
    recovery="By itself, once Kafka is there and `advertised.listeners` is right",
)
def test_nobody_there(secured: SecuredKafka, topics: Pipeline) -> None:
    """A refused connection, an unknown host and an address that Kafka told are told apart."""
    nobody, unknown = f"127.0.0.1:{free_port()}", "no-such-host.invalid:9092"
    told = "(as broker 1 calls itself: advertised.listeners)"
    for brokers, sentence in (
        (nobody, f"{nobody}: connection refused"),
        (unknown, f"{unknown}: unknown host"),
        (secured.at("FAR"), f"127.0.0.1:{secured.nobody} {told}: connection refused"),
    ):
        with said_by_both(topics, sentence, KAFKA_BROKERS=brokers):
            pass


@scenario(
    "Kafka is away when the bidding logic starts, and again while it has nothing to do",
    recovery="By itself; meanwhile readiness names the broker",
)
def test_kafka_goes_away_and_comes_back(pipeline: Pipeline) -> None:
    """Not ready, with the reason, although nothing fails; ready and at work once it is back."""
    with FaultProxy(pipeline.brokers) as proxy:
        proxy.go_away()
        why = f"{proxy.bootstrap_servers}: connection refused"
        environ = {"KAFKA_BROKERS": proxy.bootstrap_servers, "CONSUMER_CONNECT_TIMEOUT_MS": "2000"}
        with pipeline.consumer(**environ) as consumer:
            for time, what in ((1, "kafka"), (2, "brokers")):
                eventually(lambda: why in consumer.get("/readyz")[1], why, 60)
                assert (consumer.get("/healthz")[0], consumer.get("/readyz")[0]) == (200, 503)
                eventually(lambda: consumer.not_ready(what), "the line in the log", 60)  # noqa: B023  at once
                proxy.come_back()
                consumer.wait_until_ready()
                pipeline.send(*requests(1))
                eventually(pipeline.committed, "the commit", 60, until=time.__eq__)
                proxy.go_away()
            proxy.come_back()


@pytest.mark.parametrize("missing", ["requests", "decisions", "dead_letters"])
@scenario(
    "The topic of bid requests, of decisions or of dead letters does not exist",
    client="503 without the topic of bid requests; readiness names the topic",
    kept="What is accepted afterwards",
    recovery="By itself, once the topic is made",
)
def test_a_missing_topic(topics: Pipeline, missing: str) -> None:
    """It is named by both, or by the one that needs it, until somebody makes it."""
    topic = getattr(topics, missing)
    sentence = f"topic {topic}: it does not exist"
    delete_topic(topics.brokers, topic)
    start = said_by_both(topics, sentence) if missing == "requests" else services(topics)
    with start as (ingest, consumer):
        eventually(lambda: sentence in consumer.get("/readyz")[1], sentence, 60)
        create_topic(topics.brokers, topic)
        consumer.wait_until_ready()
        ingest.wait_until_ready()


@pytest.mark.promise("secured")
@pytest.mark.parametrize(("kind", "operation", "sentence"), RIGHTS)
@scenario(
    "A right on the topic of bid requests, or on the group, is missing",
    client="503 without the topic; readiness names what is missing",
    recovery="By itself, once the right is given",
)
def test_a_missing_right(
    topics: Pipeline, kind: ResourceType, operation: ACLOperation, sentence: str
) -> None:
    """The bidding logic says on which topic or group, and is ready once it has the right."""
    name = topics.requests if kind is ResourceType.TOPIC else topics.group
    with ExitStack() as stack:
        with denied(topics.brokers, ResourcePattern(kind, name), operation):
            consumer = stack.enter_context(topics.consumer(CONSUMER_RETRY_BACKOFF_MAX_MS="500"))
            eventually(lambda: sentence in consumer.get("/readyz")[1], sentence, 60)
            assert name in consumer.get("/readyz")[1]
        consumer.wait_until_ready()
