"""The bidding logic, but the machine loses power at its first commit."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import Any, NoReturn

from consumer.__main__ import main
from consumer.kafka.clients import KafkaClients, connect
from consumer.settings.consumer import ConsumerSettings


class Doomed:
    """A source that does all that the real one does, until it is to commit."""

    def __init__(self, source: Any) -> None:  # noqa: ANN401  kafka-python ships no types
        self._source = source

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  the source's own
        """Pass everything on."""
        return getattr(self._source, name)

    def commit(self, **_offsets: object) -> NoReturn:
        """Die, with every effect done and nothing committed."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def doomed(settings: ConsumerSettings) -> KafkaClients:
    """Connect for real, and put the doom before the commit."""
    clients = connect(settings)
    return replace(clients, consumer=Doomed(clients.consumer))


if __name__ == "__main__":
    sys.exit(
        main(os.environ, sys.stdout, sys.stderr, on_stop_signal=lambda _stop: None, connect=doomed)
    )
