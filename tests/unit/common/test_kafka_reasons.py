"""Why Kafka is not reached, or refuses, in words."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

import pytest
from kafka import KafkaAdminClient, errors
from kafka.net.manager import KafkaConnectionManager

from common.kafka_clients import create_or_close
from common.kafka_reasons import (
    BrokerTroubles,
    KafkaUnavailableError,
    explain_answer,
    explain_connection,
)
from tests.support.background import Background
from tests.support.fakes.consumer_clock import FakeTime
from verification.run.ports import free_port

pytestmark = pytest.mark.promise("observable")

CONFIG = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}
PLAINTEXT = {"security_protocol": "PLAINTEXT", "sasl_mechanism": None}
NO_CIPHER = "Handshake failed: [SSL: NO_SHARED_CIPHER] some words (_ssl.c:1006)"
WANTED, REFUSED = "TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_CERTIFICATE_UNKNOWN"
ENDS = {
    "DNS Resolution failure": "unknown host",
    "111 ECONNREFUSED": "connection refused",
    "113 EHOSTUNREACH": "there is no way to this host",
    "Connection timed out": "no answer in time",
    "socket disconnected": "it closes the connection",
    NO_CIPHER.replace("NO_SHARED_CIPHER", "WRONG_VERSION_NUMBER"): "it speaks no TLS on this port",
    NO_CIPHER.replace("NO_SHARED_CIPHER", "UNEXPECTED_EOF"): "it speaks no TLS on this port",
    NO_CIPHER: f"TLS fails: KafkaConnectionError: {NO_CIPHER}",
    ssl.SSLError(1, WANTED): "it asks for a client certificate: KAFKA_SSL_CERTFILE",
    ssl.SSLError(1, REFUSED): "it refuses the client's certificate",
    "something new": "KafkaConnectionError: something new",
}
WRONG_LOGIN = "login refused: wrong user name or password (PLAIN)"
NO_LOGIN = "it takes no login on this port (KAFKA_SECURITY_PROTOCOL=SASL_SSL)"
ALERT = errors.InvalidReceiveError("Invalid frame length: 352518912")
ERRORS = [
    (errors.SaslAuthenticationFailedError("x"), WRONG_LOGIN),
    (errors.UnsupportedSaslMechanismError(), "login refused: it does not offer PLAIN"),
    (errors.IllegalSaslStateError(), NO_LOGIN),
    (errors.RequestTimedOutError("after 100 ms"), "no answer in time"),
    (ALERT, "it answers with what is no answer of Kafka's"),
    *((errors.KafkaConnectionError(said), sentence) for said, sentence in ENDS.items()),
]


@pytest.mark.parametrize(("error", "sentence"), ERRORS)
def test_each_end_of_a_connection_has_its_sentence(error: Exception, sentence: str) -> None:
    """What nobody has foreseen is shown as it is."""
    assert explain_connection(error, CONFIG) == sentence


def test_without_tls_and_login_a_closed_connection_may_want_them() -> None:
    """A broker does not say so itself."""
    said = explain_connection(errors.KafkaConnectionError("socket disconnected"), PLAINTEXT)
    assert said.startswith("it closes the connection (with KAFKA_SECURITY_PROTOCOL=PLAINTEXT")


@pytest.mark.parametrize(
    ("error", "of_what"),
    [
        (errors.TopicAuthorizationFailedError({"b", "a"}), "the topic a b"),
        (errors.TopicAuthorizationFailedError("a"), "the topic a"),
        (errors.GroupAuthorizationFailedError("g"), "the group g"),
        (errors.ClusterAuthorizationFailedError(), "the cluster"),
    ],
)
def test_a_missing_right_is_named(error: Exception, of_what: str) -> None:
    """It says on what, and keeps the name that Kafka has for it, as all other answers do."""
    expected = f"a right is missing on {of_what} ({type(error).__name__})"
    assert explain_answer(error) == expected
    assert "NotLeaderForPartition" in explain_answer(errors.NotLeaderForPartitionError())


class TestTroubles:
    """The last word on each broker."""

    def setup_method(self) -> None:
        """Know of none."""
        self.time = FakeTime()
        self.troubles = BrokerTroubles(self.time.clock.monotonic)

    def test_a_broker_that_is_reached_is_no_trouble(self) -> None:
        """Its reason is forgotten, the others' stay."""
        self.troubles.note_failed("b:1", "connection refused")
        self.troubles.note_failed("a:1", "unknown host")
        assert self.troubles.reasons() == ["a:1: unknown host", "b:1: connection refused"]
        self.troubles.note_reached("a:1")
        assert self.troubles.reasons() == ["b:1: connection refused"]

    @pytest.mark.parametrize(
        ("reasons", "told"),
        [
            (["login refused", "it closes the connection", "no answer in time"], "login refused"),
            (["login refused", "no answer in time", "connection refused"], "connection refused"),
            (["no answer in time", "it closes the connection"], "it closes the connection"),
        ],
    )
    def test_a_reason_that_says_little_does_not_hide_a_better_one(
        self, reasons: list[str], told: str
    ) -> None:
        """After a refused login a broker merely closes connections; of two of these the last."""
        for reason in reasons:
            self.troubles.note_failed("a:1", reason)
        assert self.troubles.reasons() == [f"a:1: {told}"]

    def test_what_nobody_tries_any_more_is_forgotten(self) -> None:
        """A broker that was taken out of the cluster explains nothing a minute later."""
        self.troubles.note_failed("a:1", "login refused")
        self.time.now_s += 50
        self.troubles.note_failed("a:1", "no answer in time")
        self.time.now_s += 50
        assert self.troubles.reasons() == ["a:1: login refused"]
        self.time.now_s += 50
        assert self.troubles.reasons() == []
        assert not self.troubles.all_away()

    def test_all_are_away_once_none_is_connected(self) -> None:
        """A broker of three that restarts is not Kafka that is away."""
        assert not self.troubles.all_away()
        self.troubles.note_reached("a:1")
        self.troubles.note_failed("b:1", "connection refused")
        assert not self.troubles.all_away()
        self.troubles.note_ended("a:1")
        assert self.troubles.all_away()

    def test_a_failed_call_is_explained_by_the_brokers(self) -> None:
        """That time was up says nothing; what a broker has answered does."""
        up = errors.KafkaTimeoutError("up")
        assert self.troubles.explain(up) == "KafkaTimeoutError: up"
        self.troubles.note_failed("a:1", "connection refused")
        assert self.troubles.explain(up) == "a:1: connection refused"
        missing = errors.GroupAuthorizationFailedError("g")
        assert "the group g" in self.troubles.explain(missing)
        assert self.troubles.explain(ZeroDivisionError("x")) == "ZeroDivisionError: x"

    def test_what_is_raised_is_explained_once(self) -> None:
        """The sentence is the message, the cause stays."""
        self.troubles.note_failed("a:1", "connection refused")
        once, twice = self.troubles.explain_errors(), self.troubles.explain_errors()
        with pytest.raises(KafkaUnavailableError) as raised, once, twice:
            raise errors.KafkaTimeoutError("up")
        assert str(raised.value) == self.troubles.explain(raised.value) == "a:1: connection refused"
        assert isinstance(raised.value.__cause__, errors.KafkaTimeoutError)


# kafka-python leaves the sockets of refused connections to the garbage collector
@pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
class TestRealClient:
    """kafka-python itself, whose connections are listened to at a method that is its own."""

    @pytest.fixture(autouse=True)
    def _without_leftovers(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        """Leave nothing to the next test: records that pytest keeps would hold the sockets."""
        caplog.set_level(logging.CRITICAL, "kafka")
        yield
        gc.collect()

    def why_not(self, at: str, protocol: str = "PLAINTEXT") -> str:
        """Connect and return why that was not possible, without the address that is named."""
        given = {
            "bootstrap_servers": at,
            "bootstrap_timeout_ms": 300,
            "security_protocol": protocol,
        }
        with pytest.raises(KafkaUnavailableError) as raised:
            create_or_close(KafkaAdminClient, given)
        address, _, why = str(raised.value).partition(": ")
        assert address == at
        return why

    def test_who_is_not_there_and_who_is_unknown(self) -> None:
        """A kafka-python without the method would leave all reasons in the dark."""
        assert "_connect" in vars(KafkaConnectionManager)
        assert self.why_not(f"127.0.0.1:{free_port()}") == "connection refused"
        assert self.why_not("no-such-host.invalid:9092") == "unknown host"

    def test_a_server_that_hangs_up(self) -> None:
        """It closes every connection, as Kafka does with what it cannot read: it may want TLS."""
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve() -> None:
                with suppress(OSError):
                    while True:
                        connection, _ = server.accept()
                        with connection, suppress(OSError):
                            connection.recv(1000)

            with Background(serve):
                at = f"127.0.0.1:{server.getsockname()[1]}"
                assert self.why_not(at).startswith("it closes the connection (with KAFKA_")
                assert self.why_not(at, "SSL") == "it speaks no TLS on this port"
                server.shutdown(socket.SHUT_RDWR)
