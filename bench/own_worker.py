"""The ingest with another application: `python -m bench.own_worker bare|view`.

`bare` is the bare route on the ingest's own worker, which tells what the worker costs by itself;
`view` is the ingest without its short path, so that Flask dispatches each bid.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from app.bootstrap import build_server
from app.service import Service
from app.settings import SERVICE, build_validation, load_settings
from bench import bare
from common.log_stream import LogStream
from common.logs import configure_logs


def with_bare(service: Service) -> Service:
    """Return the same worker with the bare route."""
    return replace(service, public=bare.create_app())


def with_view(service: Service) -> Service:
    """Return the same worker, with Flask's own dispatch of `POST /bid`."""
    service.public.wsgi_app = service.public.wsgi_app.flask  # type: ignore[attr-defined,method-assign]
    return service


CHANGES: Mapping[str, Callable[[Service], Service]] = {"bare": with_bare, "view": with_view}


def main(change: Callable[[Service], Service]) -> None:
    """Serve until SIGTERM; PROMETHEUS_MULTIPROC_DIR is set, as prometheus_client wants it."""
    settings, lines = load_settings(os.environ), LogStream(sys.stdout)
    configure_logs(SERVICE, settings.logs, lines)
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    server = build_server(settings, folder, build_validation(settings), lines)
    build_service = server.build_service
    server.build_service = lambda: change(build_service())
    server.run()


if __name__ == "__main__":
    main(CHANGES[sys.argv[1]])
