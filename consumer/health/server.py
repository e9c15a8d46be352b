"""GET /healthz, /readyz and /metrics, beside the poll loop."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from common.logs import get_logger
from common.threads import GuardedThread
from consumer.health.health import Health

_IDLE_CONNECTION_S = 5


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: HTTPStatus
    content_type: str
    body: bytes


def answer(path: str, health: Health, registry: CollectorRegistry) -> Answer:
    """Return the response to GET `path`."""
    match path.partition("?")[0]:
        case "/healthz":
            return _alive(health)
        case "/readyz":
            return _ready(health)
        case "/metrics":
            return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry))
    return _json(HTTPStatus.NOT_FOUND, {"status": "not found"})


def _alive(health: Health) -> Answer:
    reasons = health.not_alive()
    if not reasons:
        return _json(HTTPStatus.OK, {"status": "alive"})
    return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "stuck", "reasons": reasons})


def _ready(health: Health) -> Answer:
    reasons = health.not_ready()
    if not reasons:
        return _json(HTTPStatus.OK, {"status": "ready"})
    return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "not ready", "reasons": reasons})


def _json(status: HTTPStatus, body: dict[str, Any]) -> Answer:
    return Answer(status, "application/json", json.dumps(body).encode("ascii"))


class ProbeServer(ThreadingHTTPServer):
    """A thread for each probe, whose errors are lines of the log."""

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  http.server's
        """Log what went wrong with a probe; standard error would be the default."""
        error = sys.exception()
        if isinstance(error, OSError):  # the client has gone
            get_logger().debug("probe not answered", client=client_address, why=str(error))
        else:
            get_logger().exception("probe failed", client=client_address)


@contextmanager
def serve(
    host: str, port: int, health: Health, registry: CollectorRegistry
) -> Iterator[tuple[str, int]]:
    """Serve in a thread and yield the address bound; raise OSError when it is none or taken."""

    class Server(ProbeServer):
        address_family = AF_INET6 if ":" in host else AF_INET

    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_CONNECTION_S

        def do_GET(self) -> None:
            """Answer."""
            given = answer(self.path, health, registry)
            self.send_response(given.status)
            self.send_header("Content-Type", given.content_type)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
            """Keep probes out of the log; standard error would be the default."""
            get_logger().debug("probed", request=format % args)

    with Server((host, port), Handler) as server:
        # a probe in progress must not hold up the end of the process
        server.daemon_threads = True
        thread = GuardedThread("health", server.serve_forever)
        thread.start()
        try:
            yield str(server.server_address[0]), int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
