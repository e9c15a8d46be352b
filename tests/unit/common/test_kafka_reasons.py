"""Why Kafka is not reached, or refuses, in words."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from kafka import KafkaAdminClient
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    InvalidReceiveError,
    KafkaConnectionError,
    KafkaTimeoutError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.manager import KafkaConnectionManager

from common.kafka_clients import create_or_close
from common.kafka_reasons import (
    BrokerTroubles,
    KafkaUnavailableError,
    explain_answer,
    explain_connection,
)
from tests.support.fakes.consumer_clock import FakeTime
from verification.run.ports import free_port

CONFIG = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}
PLAINTEXT = {"security_protocol": "PLAINTEXT", "sasl_mechanism": None}


def handshake(why: str) -> KafkaConnectionError:
    """Return what kafka-python raises when OpenSSL says `why`."""
    return KafkaConnectionError(f"Handshake failed: [SSL: {why}] some words (_ssl.c:1006)")


class TestConnection:
    """What a connection ends with."""

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (
                SaslAuthenticationFailedError("x"),
                "login refused: wrong user name or password (PLAIN)",
            ),
            (UnsupportedSaslMechanismError(), "login refused: it does not offer PLAIN"),
            (
                IllegalSaslStateError(),
                "it takes no login on this port (KAFKA_SECURITY_PROTOCOL=SASL_SSL)",
            ),
            (KafkaConnectionError("DNS Resolution failure"), "unknown host"),
            (KafkaConnectionError("111 ECONNREFUSED"), "connection refused"),
            (KafkaConnectionError("113 EHOSTUNREACH"), "there is no way to this host"),
            (KafkaConnectionError("Connection timed out"), "no answer in time"),
            (RequestTimedOutError("after 100 ms"), "no answer in time"),
            (KafkaConnectionError("socket disconnected"), "it closes the connection"),
            (
                InvalidReceiveError("Invalid frame length: 352518912"),  # an alert of TLS
                "it answers with what is no answer of Kafka's",
            ),
            (handshake("WRONG_VERSION_NUMBER"), "it speaks no TLS on this port"),
            (handshake("UNEXPECTED_EOF_WHILE_READING"), "it speaks no TLS on this port"),
            (
                KafkaConnectionError(ssl.SSLError(1, "TLSV13_ALERT_CERTIFICATE_REQUIRED")),
                "it asks for a client certificate: KAFKA_SSL_CERTFILE",
            ),
            (
                KafkaConnectionError(ssl.SSLError(1, "SSLV3_ALERT_CERTIFICATE_UNKNOWN")),
                "it refuses the client's certificate",
            ),
            (
                handshake("NO_SHARED_CIPHER"),
                f"TLS fails: {handshake('NO_SHARED_CIPHER')}",
            ),
            (KafkaConnectionError("something new"), "KafkaConnectionError: something new"),
        ],
    )
    def test_each_error_has_its_sentence(self, error: Exception, sentence: str) -> None:
        """What nobody has foreseen is shown as it is."""
        assert explain_connection(error, CONFIG) == sentence

    def test_without_tls_and_login_a_closed_connection_may_want_them(self) -> None:
        """A broker does not say so itself."""
        said = explain_connection(KafkaConnectionError("socket disconnected"), PLAINTEXT)
        assert said.startswith("it closes the connection (with KAFKA_SECURITY_PROTOCOL=PLAINTEXT")


class TestAnswer:
    """What a broker answers a request with."""

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (TopicAuthorizationFailedError({"b", "a"}), "a right is missing on the topic a b "),
            (TopicAuthorizationFailedError("a"), "a right is missing on the topic a "),
            (GroupAuthorizationFailedError("g"), "a right is missing on the group g "),
            (ClusterAuthorizationFailedError(), "a right is missing on the cluster "),
        ],
    )
    def test_a_missing_right_is_named(self, error: Exception, sentence: str) -> None:
        """It says on what, and keeps the name that Kafka has for it."""
        assert explain_answer(error) == f"{sentence}({type(error).__name__})"

    def test_other_answers_are_shown_as_they_are(self) -> None:
        """Kafka's own name is what one can look up."""
        assert "NotLeaderForPartition" in explain_answer(NotLeaderForPartitionError())


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

    def test_a_reason_that_says_little_does_not_hide_a_better_one(self) -> None:
        """After a refused login a broker merely closes connections for a while."""
        self.troubles.note_failed("a:1", "login refused")
        self.troubles.note_failed("a:1", "it closes the connection")
        self.troubles.note_failed("a:1", "no answer in time")
        assert self.troubles.reasons() == ["a:1: login refused"]
        self.troubles.note_failed("a:1", "connection refused")
        assert self.troubles.reasons() == ["a:1: connection refused"]

    def test_of_two_that_say_little_the_last_is_told(self) -> None:
        """A first attempt that was late must not hide what the others end with."""
        self.troubles.note_failed("a:1", "no answer in time")
        self.troubles.note_failed("a:1", "it closes the connection")
        assert self.troubles.reasons() == ["a:1: it closes the connection"]

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
        up = KafkaTimeoutError("up")
        assert self.troubles.explain(up) == "KafkaTimeoutError: up"
        self.troubles.note_failed("a:1", "connection refused")
        assert self.troubles.explain(up) == "a:1: connection refused"
        assert "the group g" in self.troubles.explain(GroupAuthorizationFailedError("g"))
        assert self.troubles.explain(KafkaUnavailableError("told")) == "told"
        assert self.troubles.explain(ZeroDivisionError("x")) == "ZeroDivisionError: x"

    def test_what_is_raised_is_explained_once(self) -> None:
        """The sentence is the message, the cause stays."""
        self.troubles.note_failed("a:1", "connection refused")
        with (
            pytest.raises(KafkaUnavailableError) as raised,
            self.troubles.explain_errors(),
            self.troubles.explain_errors(),
        ):
            raise KafkaTimeoutError("up")
        assert str(raised.value) == "a:1: connection refused"
        assert isinstance(raised.value.__cause__, KafkaTimeoutError)


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

    def why_not(self, at: str, **options: object) -> str:
        """Connect and return why that was not possible."""
        given = {"bootstrap_servers": at, "bootstrap_timeout_ms": 300, **options}
        try:
            create_or_close(KafkaAdminClient, given)
        except KafkaUnavailableError as error:
            return str(error)
        return "connected"

    def test_every_connection_still_comes_through_the_method(self) -> None:
        """A kafka-python without it would leave all reasons in the dark."""
        assert "_connect" in vars(KafkaConnectionManager)

    def test_nobody_there(self) -> None:
        """The address is named."""
        at = f"127.0.0.1:{free_port()}"
        assert self.why_not(at) == f"{at}: connection refused"

    def test_an_unknown_host(self) -> None:
        """The name is."""
        at = "no-such-host.invalid:9092"
        assert self.why_not(at) == f"{at}: unknown host"

    def test_a_server_that_hangs_up(self) -> None:
        """It may be TLS that it waits for."""
        with hanging_up() as at:
            assert self.why_not(at).startswith(f"{at}: it closes the connection (with KAFKA_")
            assert (
                self.why_not(at, security_protocol="SSL") == f"{at}: it speaks no TLS on this port"
            )


@contextmanager
def hanging_up() -> Iterator[str]:
    """Listen, read a little, and close every connection, as Kafka does with what it cannot read."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        connection.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
