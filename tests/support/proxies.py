"""nginx and HAProxy in front of the ingest, as people put them there: keep-alive on both sides."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.tools import path_of
from tests.support.waiting import eventually
from verification.run.ports import free_port

_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_header_timeout 2s;
    client_body_timeout 2s;
    keepalive_requests 1000000;
    upstream ingest {{
        server 127.0.0.1:{upstream};
        keepalive 64;
        keepalive_requests 1000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://ingest;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_request_buffering off;
        }}
    }}
}}
"""
_HAPROXY = """
global
    maxconn 4096
defaults
    mode http
    option http-keep-alive
    http-reuse always
    timeout connect 5s
    timeout client 30s
    timeout http-request 2s
    timeout http-keep-alive 120s
    timeout server 30s
frontend public
    bind 127.0.0.1:{port}
    default_backend ingest
backend ingest
    server one 127.0.0.1:{upstream}
"""
_PATIENCE_S = 20


class Proxy:
    """One of them on a free port of loopback, with its files in a folder of its own."""

    def __init__(self, name: str, upstream: int, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._file = folder / f"{name}.conf"
        template, program = (_NGINX, "nginx") if name == "nginx" else (_HAPROXY, "haproxy")
        written = template.format(folder=folder, port=self.port, upstream=upstream)
        self._file.write_text(written, encoding="utf-8")
        options = ["-p", str(folder), "-c"] if program == "nginx" else ["-f"]
        self._argv = [path_of(program) or program, *options, str(self._file)]

    def __enter__(self) -> Self:
        """Start it; returns once it listens."""
        with (self._folder / "output.log").open("wb") as out:
            self.process = subprocess.Popen(self._argv, stdout=out, stderr=out)
        eventually(self._listens, f"{self._argv[0]} to listen", _PATIENCE_S)
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop it at once: no test is about how it ends."""
        self.process.terminate()
        self.process.wait(_PATIENCE_S)

    def said(self) -> str:
        return "".join(log.read_text(errors="replace") for log in self._folder.glob("*.log"))

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.said()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False
