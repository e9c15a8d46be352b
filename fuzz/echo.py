"""Two servers that tell what they make of a request: `python -m fuzz.echo ours|stock PORT`.

The same application on our worker and on gunicorn's own gthread worker, with its parser in Python:
ours need not be right only where both use the same one.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from app.bootstrap import build_server
from app.service import Service
from app.settings import build_validation, load_settings
from common.log_stream import LogStream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

OURS, STOCK = "ours", "stock"
ECHO = "application/echo"
_SETTINGS = {
    "INGEST_HOST": "127.0.0.1",
    "INGEST_WORKERS": "1",
    "INGEST_ADMIN_PORT": "0",
    "INGEST_READ_TIMEOUT_S": "10",
    "INGEST_MAX_BODY_BYTES": "65536",
    "KAFKA_BROKERS": "127.0.0.1:1",  # nobody
}


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer 200 with what was understood, or 400 where the body is not what was announced."""
    try:
        body = environ["wsgi.input"].read()
    except Exception:  # noqa: BLE001  whatever the server's own reader raises: the body is refused
        body = None
    if body is None or len(body) < int(environ.get("CONTENT_LENGTH") or 0):
        start_response("400 Bad Request", [("Connection", "close"), ("Content-Length", "0")])
        return []
    told = json.dumps(_understood(environ, body)).encode()
    start_response("200 OK", [("Content-Type", ECHO), ("Content-Length", str(len(told)))])
    return [told]


def _understood(environ: WSGIEnvironment, body: bytes) -> dict[str, Any]:
    # how the body came is no concern of an application's: some servers tell it
    named = {name: environ[name] for name in environ if name.startswith("HTTP_")}
    named.pop("HTTP_TRANSFER_ENCODING", None)
    return {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ.get("QUERY_STRING", ""),
        "version": environ["SERVER_PROTOCOL"],
        "type": environ.get("CONTENT_TYPE"),
        "fields": named,
        "body": body.decode("latin-1"),
    }


class StockServer(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn as it comes."""

    def __init__(self, port: int) -> None:
        self._port = port
        super().__init__()

    def load_config(self) -> None:
        """Choose the worker, its threads and its parser."""
        chosen = {
            "bind": f"127.0.0.1:{self._port}",
            "worker_class": "gthread",
            "threads": 4,
            "http_parser": "python",
            "control_socket_disable": True,
            "loglevel": "critical",
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # noqa: ANN401  gunicorn ships no types
        """Return what it serves."""
        return echo


def serve(which: str, port: int) -> None:
    """Serve until SIGTERM."""
    if which == STOCK:
        StockServer(port).run()
        return
    folder = Path(tempfile.mkdtemp(prefix="fuzz-echo-"))
    settings = load_settings({**_SETTINGS, "INGEST_PORT": str(port)})
    server = build_server(settings, folder, build_validation(settings), LogStream(sys.stdout))
    build_service = server.build_service
    server.build_service = lambda: with_echo(build_service())  # all of it is real but that
    server.run()


def with_echo(service: Service) -> Service:
    """Return a worker's parts with the echo in the place of what its clients are to reach."""
    return replace(service, public=echo)  # type: ignore[arg-type]  # any WSGI application will do


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
