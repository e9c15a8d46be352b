"""The bidding logic, but it dies, or its client forgets a partition or knows no codec.

What and when argv says.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from consumer.__main__ import main
from consumer.kafka import compression
from consumer.kafka.clients import KafkaClients, connect
from consumer.kafka.producer import TransactionalProducer
from consumer.settings.consumer import ConsumerSettings

BEFORE_EFFECTS, BEFORE_COMMIT, AFTER_COMMIT = "before-effects", "before-commit", "after-commit"
# within a transaction: effects, then offsets, then the commit
BEFORE_OFFSETS, BEFORE_END, AFTER_END = "before-offsets", "before-end", "after-end"
IN_TRANSACTION = {BEFORE_OFFSETS: "add_offsets", BEFORE_END: "commit", AFTER_END: "commit"}
STOPPED = "stopped"
FORGETS = "forgets"
NO_CODECS = "no-codecs"


class Doomed:
    """Stands before a client and dies before, or after, one of its methods."""

    def __init__(self, client: Any, before: str = "", after: str = "") -> None:  # noqa: ANN401  any client
        self._client = client
        self._before = before
        self._after = after

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  the client's own
        """Pass everything on, up to the end."""
        passed_on = getattr(self._client, name)
        if name not in {self._before, self._after}:
            return passed_on

        def deadly(*args: object, **kwargs: object) -> object:
            if name == self._before:
                die()
            result = passed_on(*args, **kwargs)
            die()
            return result

        return deadly


class Forgetful:
    """Stands before a consumer and lets it read partition 0 no more after its first poll."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401  kafka-python ships no types
        self._client = client

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  the client's own
        """Pass everything on."""
        return getattr(self._client, name)

    def poll(self, timeout_ms: int) -> Any:  # noqa: ANN401  the client's own
        """Poll, and forget."""
        polled = self._client.poll(timeout_ms=timeout_ms)
        self._client.pause(*[tp for tp in self._client.assignment() if tp.partition == 0])
        return polled


def die() -> None:
    """Lose power, or only fall asleep where argv says so."""
    os.kill(os.getpid(), signal.SIGSTOP if STOPPED in sys.argv else signal.SIGKILL)


def doom_transactions(method: str, *, before: bool) -> None:
    """Die before or after the first call of a transaction's step; whoever wakes up goes on."""
    passed_on = getattr(TransactionalProducer, method)

    def deadly(*args: object) -> None:
        setattr(TransactionalProducer, method, passed_on)
        if before:
            die()
        try:
            passed_on(*args)
        finally:
            if not before:
                die()

    setattr(TransactionalProducer, method, deadly)


def doomed(point: str) -> Any:  # noqa: ANN401  a function like consumer.kafka.clients.connect
    """Return what connects for real, and puts the doom in its place."""

    def connect_doomed(settings: ConsumerSettings) -> KafkaClients:
        clients = connect(settings)
        sources: Mapping[str, Any] = {
            BEFORE_COMMIT: Doomed(clients.consumer, before="commit"),
            AFTER_COMMIT: Doomed(clients.consumer, after="commit"),
            FORGETS: Forgetful(clients.consumer),
        }
        publisher: Any = clients.publisher
        if point == BEFORE_EFFECTS:
            publisher = Doomed(publisher, before="publish")
        return replace(clients, consumer=sources.get(point, clients.consumer), publisher=publisher)

    return connect_doomed


def on_stop_signal(request: Any) -> None:  # noqa: ANN401  a function
    """Stop on SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: request())


if __name__ == "__main__":
    if sys.argv[1] in IN_TRANSACTION:
        doom_transactions(IN_TRANSACTION[sys.argv[1]], before=sys.argv[1] != AFTER_END)
    if sys.argv[1] == NO_CODECS:
        compression.CODECS.clear()
    chosen = doomed(sys.argv[1])
    sys.exit(
        main(os.environ, sys.stdout, sys.stderr, on_stop_signal=on_stop_signal, connect=chosen)
    )
