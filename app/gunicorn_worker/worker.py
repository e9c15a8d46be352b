"""gunicorn's base worker with an event loop of its own: no client takes a thread, or waits for it.

One thread does everything. The loop reads requests and writes answers as far as sockets let it;
each request that is whole runs through the application in a greenlet, which lets the loop go on
while it waits for Kafka. So what is under way is bounded by bytes and records, and not by threads.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import Executor, ThreadPoolExecutor  # noqa: TID251  an error is its caller's
from contextlib import suppress
from typing import Any

from gunicorn.workers.base import Worker

from app.gunicorn_worker.front_door import Countdowns, FrontDoor
from app.gunicorn_worker.wsgi import Site, ThreadedSite, base_environ
from app.loop.event_loop import Countdown, EventLoop, Handler

_LOOK_S = 0.5  # between two looks at what no event tells of: the arbiter wants to hear from us
_IDLE_AT_END_S = 2.0  # for a request that a kept-alive client may already be sending
_LINGER_S = 2.0
_LAST_S = 1.0  # to send problems, and for their clients to be gone
_ADMIN_S = 5.0  # for an answer to whoever runs the service, waiting for its turn included


class GreenletWorker(Worker):  # type: ignore[misc]  # gunicorn ships no types
    """`app` is the app.gunicorn_worker.server.IngestServer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  gunicorn's own
        """Begin with nothing; the loop is built after the fork."""
        super().__init__(*args, **kwargs)
        self.alive: bool
        self._looked = 0.0

    def init_process(self) -> None:
        """Leave time for the publisher between our own end and the arbiter's patience."""
        self.cfg.set("graceful_timeout", self.app.settings.graceful_timeout_s)
        super().init_process()

    def handle_exit(self, sig: int, frame: object) -> None:
        """Turn readiness off with the first SIGTERM."""
        self.app.note_stop()
        super().handle_exit(sig, frame)

    def run(self) -> None:
        """Serve until told to stop, then until all is answered or the time for that is over."""
        door = self.build_door()
        sender = self.app.service.run_sender(door.loop)
        while self.alive:
            self._run_pass(door)
            self.alive = self.alive and door.answered < self.max_requests
        door.stop_accepting(self.cfg.backlog, _IDLE_AT_END_S)
        self._drain(door, self.cfg.graceful_timeout)
        door.loop.expire()  # an answer that says no is better than none
        self._drain(door, _LAST_S)
        if sender is not None:
            sender.stop()
        door.loop.close()

    def _drain(self, door: FrontDoor, seconds: float) -> None:
        end = time.monotonic() + seconds
        while len(door) and time.monotonic() < end:
            self._run_pass(door)

    def build_door(self) -> FrontDoor:
        """Return what serves this worker's listeners."""
        settings, service = self.app.settings, self.app.service
        countdowns = Countdowns(
            read=Countdown(settings.read_timeout_s),
            idle=Countdown(settings.keepalive_s),
            write=Countdown(settings.write_timeout_s),
            linger=Countdown(_LINGER_S),
        )
        service.lines.keep_back()
        loop = EventLoop(
            service.hub,
            countdowns.all(),
            service.metrics.note_pass,
            end_pass=service.lines.write_kept,
        )
        loop.watch(self.PIPE[0], Signals(self.PIPE[0]))
        door = FrontDoor(
            loop,
            countdowns,
            service.in_flight,
            service,
            settings.max_body_bytes,
            self.cfg.worker_connections,
        )
        one_thread = ThreadPoolExecutor(1, "admin")
        for listener in self.sockets:
            door.add_listener(listener.sock, self._site(listener.getsockname(), one_thread))
        return door

    def _site(self, address: tuple[Any, ...], executor: Executor) -> Site:
        """Return what is behind a listener: what takes its time has a port and a thread."""
        environ = base_environ(address, multiprocess=self.cfg.workers > 1)
        service = self.app.service
        if address[1] != self.app.admin_port:
            return Site(service.public, environ)
        return ThreadedSite(service.admin, environ, executor, _ADMIN_S)

    def _run_pass(self, door: FrontDoor) -> None:
        door.loop.run_once(_LOOK_S)
        if (now := time.monotonic()) < self._looked + _LOOK_S:
            return
        self._looked = now
        self.notify()
        if self.ppid != os.getppid():
            self.log.info("Parent changed, shutting down: %s", self)
            self.alive = False


class Signals(Handler):
    """The pipe that gunicorn writes to when a signal has come, so that the loop wakes up."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def on_event(self, _mask: int) -> None:
        """Empty it: the signal's handler has run already."""
        with suppress(BlockingIOError):
            os.read(self._descriptor, 4096)

    def fail(self, error: BaseException) -> None:
        """Let what reads the pipe know."""
        raise error
