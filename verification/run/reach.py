"""Whether anybody is at an address, asked before a client waits for it in vain."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from common.addresses import split_host_port
from verification.errors import CannotRunError

_TIMEOUT_S = 3.0


def require_answer(client_options: Mapping[str, Any]) -> None:
    """Raise CannotRunError unless one of kafka-python's `bootstrap_servers` takes a connection."""
    servers = client_options["bootstrap_servers"]
    brokers = servers.split(",") if isinstance(servers, str) else servers
    for broker in brokers:
        with suppress(OSError), socket.create_connection(split_host_port(broker), _TIMEOUT_S):
            return
    message = f"no Kafka answers at {', '.join(brokers)}: is `make run` up, KAFKA_BROKERS right?"
    raise CannotRunError(message)
