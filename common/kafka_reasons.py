"""The reason why Kafka is not reached, or refuses: a sentence, out of what its client raises.

kafka-python tries again whatever happens, and raises in the end that it could not bootstrap, or
that time was up. What stood in the way is the error of a connection, which it logs and forgets.
Here the last one of each broker is kept.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka.errors import (
    AuthorizationError,
    BrokerResponseError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

# What kafka-python's connections end with, and what OpenSSL says of TLS, and what each means. The
# last three do not say much: they leave a better reason where it is.
_MEANINGS = {
    "DNS Resolution failure": "unknown host",
    "ECONNREFUSED": "connection refused",
    "EHOSTUNREACH|ENETUNREACH": "there is no way to this host",
    "CERTIFICATE_REQUIRED": "it asks for a client certificate: KAFKA_SSL_CERTFILE",
    "ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_)": "it refuses the client's certificate",
    "WRONG_VERSION_NUMBER|UNEXPECTED_EOF|RECORD_LAYER_FAILURE": "it speaks no TLS on this port",
    "Handshake failed": "TLS fails: {error}",
    "InvalidReceive|Invalid frame": "it answers with what is no answer of Kafka's",
    "timed out|RequestTimedOut": "no answer in time",
    "disconnected|ECONNRESET|reset by peer": "it closes the connection",
    "": "{error}",
}
_VAGUE = ("no answer in time", "it closes the connection")
_TRIED_WITHIN_S = 60.0  # by a client that needs the broker; it waits for a second in between
_ASKS_FOR_MORE = " (with KAFKA_SECURITY_PROTOCOL=PLAINTEXT: it may ask for TLS, or for a login)"
_RIGHTS = {
    TopicAuthorizationFailedError: "the topic",
    GroupAuthorizationFailedError: "the group",
    TransactionalIdAuthorizationFailedError: "the transactional id",
    ClusterAuthorizationFailedError: "the cluster",
}


@dataclass(frozen=True)
class _Why:
    """A reason, and when a connection ended for it the last time."""

    why: str
    at_s: float


class KafkaUnavailableError(KafkaError):  # type: ignore[misc]  # kafka-python ships no types
    """Kafka is not reached, or refuses; the message says why."""

    def __str__(self) -> str:
        """Return the message alone."""
        return str(self.args[0])


class BrokerTroubles:
    """Which brokers are not reached, and why; told by the connections of all clients.

    A reason stays until its broker is reached, or nobody has tried to reach it for a minute. One
    that does not say much does not replace another: the answer to a wrong password, for one, is
    followed by connections that are merely closed.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._why: dict[str, _Why] = {}

    def note_reached(self, broker: str) -> None:
        """Note that a connection was made."""
        with self._lock:
            self._open[broker] += 1
            self._why.pop(broker, None)

    def note_ended(self, broker: str) -> None:
        """Note that a connection that was made is there no longer."""
        with self._lock:
            self._open[broker] -= 1

    def note_failed(self, broker: str, why: str) -> None:
        """Note why a connection was not made, or has ended."""
        with self._lock:
            known = self._fresh().get(broker)
            keeps = known and why.startswith(_VAGUE) and not known.why.startswith(_VAGUE)
            self._why[broker] = _Why(known.why if known and keeps else why, self._monotonic())

    def reasons(self) -> list[str]:
        """Return why brokers are not reached, each as `broker: why`."""
        with self._lock:
            return [f"{broker}: {known.why}" for broker, known in sorted(self._fresh().items())]

    def all_away(self) -> bool:
        """Whether there is a reason, and no connection to any broker."""
        with self._lock:
            return bool(self._fresh()) and not any(self._open.values())

    def explain(self, error: BaseException) -> str:
        """Return why a call failed: what the broker answered, or why none was reached."""
        match error:
            case KafkaUnavailableError():
                return str(error)
            case BrokerResponseError() if not isinstance(error, RequestTimedOutError):
                return explain_answer(error)
            case KafkaError():
                return "; ".join(self.reasons()) or str(error)
        return f"{type(error).__name__}: {error}"

    def _fresh(self) -> dict[str, _Why]:
        oldest = self._monotonic() - _TRIED_WITHIN_S
        return {broker: known for broker, known in self._why.items() if known.at_s >= oldest}

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Raise what Kafka's client raises inside as a KafkaUnavailableError that says why."""
        try:
            yield
        except KafkaUnavailableError:
            raise
        except KafkaError as error:
            raise KafkaUnavailableError(self.explain(error)) from error


def explain_answer(error: BaseException) -> str:
    """Return what an error that a broker has answered with means: which right is missing."""
    if not isinstance(error, AuthorizationError):
        return str(error)
    of_what = next((of for kind, of in _RIGHTS.items() if isinstance(error, kind)), "something")
    return f"a right is missing on {of_what} {_names(error.args)}({type(error).__name__})"


def explain_connection(error: BaseException, config: Mapping[str, Any]) -> str:
    """Return why a connection was not made, or has ended; `config` is that of its client."""
    protocol, mechanism = config["security_protocol"], config["sasl_mechanism"]
    match error:
        case SaslAuthenticationFailedError():
            return f"login refused: wrong user name or password ({mechanism})"
        case UnsupportedSaslMechanismError():
            return f"login refused: it does not offer {mechanism}"
        case IllegalSaslStateError():
            return f"it takes no login on this port (KAFKA_SECURITY_PROTOCOL={protocol})"
    tls = error.__context__
    if isinstance(tls, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {tls.verify_message}"
    meaning = next(means for text, means in _MEANINGS.items() if re.search(text, str(error)))
    may_ask = protocol == "PLAINTEXT" and meaning.startswith(("it closes", "it answers"))
    return meaning.format(error=error) + (_ASKS_FOR_MORE if may_ask else "")


def _names(arguments: Iterable[object]) -> str:
    named = (sorted(each) if isinstance(each, set | frozenset) else [each] for each in arguments)
    return "".join(f"{name} " for names in named for name in names)
