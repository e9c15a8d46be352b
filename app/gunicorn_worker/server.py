"""gunicorn, configured from the settings, and the service's beginning and end in its hooks."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from app.gunicorn_worker.worker import GreenletWorker
from app.health.worker_state import WorkerState
from app.http.application import PortDispatcher
from app.multiprocess_metrics import MultiprocessMetrics
from app.service import Service
from app.settings import SERVICE, IngestSettings
from common.addresses import join_host_port

# A worker does not accept connections before its hooks are done: with Kafka there, its first
# request finds a producer that is connected; with Kafka away, it is alive after this long.
_PATIENCE_S = 2.0
# Between the end that a worker takes by itself and the arbiter's SIGKILL.
_MARGIN_S = 2
_OTHER_FILES = 200


class ForwardingLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Hands gunicorn's own lines to the root logger, which writes them as JSON."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401  gunicorn ships no types
        """Keep no handlers here."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True


def gunicorn_options(settings: IngestSettings, worker_tmp_dir: Path) -> dict[str, Any]:
    """Return gunicorn's settings."""
    return {
        "bind": [_address(settings, port) for port in (settings.port, settings.admin_port)],
        "backlog": settings.backlog,
        "workers": settings.workers,
        "worker_class": GreenletWorker,
        "keepalive": settings.keepalive_s,
        "graceful_timeout": settings.graceful_timeout_s + settings.drain_timeout_s + _MARGIN_S,
        "worker_connections": _connections(settings),
        "max_requests": settings.max_requests,
        "timeout": 30,
        "worker_tmp_dir": str(worker_tmp_dir),
        "logger_class": ForwardingLogger,
        "control_socket_disable": True,
        # no client, on loopback neither, may set a path, a scheme or a variable: no proxy is known
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "raw_env": ["SCRIPT_NAME="],  # or one in the environment answers every request with 500
        "proc_name": SERVICE,
    }


class IngestServer(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn, configured from the settings alone: no command line, no configuration file."""

    def __init__(
        self,
        settings: IngestSettings,
        build_service: Callable[[], Service],
        metrics: MultiprocessMetrics,
        metrics_dir: Path,
    ) -> None:
        """Configure; `build_service` is called in each worker, after the fork."""
        self.settings = settings
        self.service: Service | None = None  # of this process, once it is a worker
        self.admin_port = settings.admin_port  # the real one, once it is bound
        self.build_service = build_service
        self._metrics = metrics
        self._metrics_dir = metrics_dir
        super().__init__()

    def load_config(self) -> None:
        """Hand the settings and the hooks to gunicorn."""
        for name, value in gunicorn_options(self.settings, self._metrics_dir).items():
            self.cfg.set(name, value)
        self.cfg.set("when_ready", self._note_bound)
        self.cfg.set("post_worker_init", self._start_service)
        self.cfg.set("worker_exit", self._close_service)
        self.cfg.set("child_exit", self._mark_dead)
        self.cfg.set("on_exit", self._remove_metrics)

    def run(self) -> None:
        """Serve until SIGTERM, then leave with SystemExit."""
        Arbiter(self).run()

    def load(self) -> PortDispatcher:
        """Build what this worker serves; all others' probes wait for it to have started."""
        self.service = self.build_service()
        self.service.worker_state.set_starting()
        return PortDispatcher(self.service.public, self.service.admin, self.admin_port)

    def note_stop(self) -> None:
        """Turn readiness off; a signal can come before there is a service."""
        if self.service is not None:
            self.service.worker_state.stop()

    def _note_bound(self, arbiter: Arbiter) -> None:
        """Learn, before the first fork, which port a 0 has become."""
        _public, admin = arbiter.LISTENERS  # in the order of `bind`
        self.admin_port = admin.getsockname()[1]

    def _start_service(self, _worker: Worker) -> None:
        if self.service is not None:
            self.service.start(_PATIENCE_S)

    def _close_service(self, _arbiter: Arbiter, _worker: Worker) -> None:
        if self.service is not None:
            self.service.close(self.settings.drain_timeout_s)

    def _mark_dead(self, _arbiter: Arbiter, worker: Worker) -> None:
        self._metrics.mark_dead(worker.pid)
        WorkerState(self._metrics_dir, worker.pid).remove()

    def _remove_metrics(self, _arbiter: Arbiter) -> None:
        shutil.rmtree(self._metrics_dir, ignore_errors=True)


def _address(settings: IngestSettings, port: int) -> str:
    """Return an address as gunicorn reads it: IPv6 in brackets (RFC 3986 section 3.2.2)."""
    return join_host_port(settings.host.strip("[]"), port)


def _connections(settings: IngestSettings) -> int:
    """Return the connections per worker, leaving file descriptors for Kafka, logs and counts."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(min(settings.connections, descriptors - _OTHER_FILES), 1)
