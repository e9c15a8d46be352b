"""kafka-python's network run by the event loop that serves HTTP, instead of by its own thread.

A producer of kafka-python 3.0 has a thread, the sender. Each of its rounds (`Sender.run_once`)
takes what is to be sent and polls a loop of coroutines (`NetworkSelector`), which reads and writes
the sockets. Nothing in that needs a thread of its own: here the sender rests, and the worker's
event loop runs the same rounds, whenever there is something to send, something to read, or a time
is over. A record then costs no switch between threads, and all records of a pass are one batch.

What a sender may have to wait for, its thread does: to look up a name, to log in. So before a
connection is made the sender goes on by itself, and rests again once all are there. It does so
as well, with the same promises, where kafka-python is not as it is known here.

This file and AbortableProducer alone know the names below, private ones of kafka-python 3.0.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from app.loop.event_loop import Handler
from common.logs import get_logger
from common.threads import Guard

_LOOK_S = 0.5  # between two looks at whether a sender may rest
_MOST_ROUNDS = 50  # in one pass: a coroutine that never rests must not hold up the clients
_NAMES = {
    "_sender": ("run_once", "is_alive"),
    "_sender._client": ("poll", "wakeup"),
    "_sender._client._net": (
        "poll",
        "_ready",
        "_next_scheduled_timeout",
        "_process_events",
        "_selector",
    ),
    "_sender._client._manager": ("_conns", "before_connecting"),
}


def find_missing_names(producer: object) -> tuple[str, ...]:
    """Return what this file needs of a producer and cannot find."""
    missing: list[str] = []
    for path, names in _NAMES.items():
        it: Any = producer
        for part in path.split("."):
            it = getattr(it, part, None)
        missing += [f"{path}.{name}" for name in names if not hasattr(it, name)]
    return tuple(missing)


class RestingSender:
    """A producer's work on this thread, while its sender rests."""

    def __init__(self, producer: Any) -> None:  # noqa: ANN401  kafka-python ships no types
        """Ask the sender to rest; it does so when its round is over: see `rests`."""
        self._sender = producer._sender  # noqa: SLF001  see above
        self._client = self._sender._client  # noqa: SLF001  see above
        self._net = self._client._net  # noqa: SLF001  see above
        self._manager = self._client._manager  # noqa: SLF001  see above
        self._run_once: Callable[[], None] = self._sender.run_once
        self._poll: Callable[..., None] = self._client.poll
        self._wakeup: Callable[[], None] = self._client.wakeup
        self._guard = Guard("kafka in the event loop")
        self._resting, self._over = threading.Event(), threading.Event()
        self._thread = threading.get_ident()
        self._next_round = 0.0
        self._process: Callable[[list[Any]], None] = self._net._process_events  # noqa: SLF001  see above
        self.wants_thread = False
        self._stand_in = self._rest  # one object, to be told from another's
        self._sender.run_once = self._stand_in
        self._wakeup()

    @property
    def descriptor(self) -> int:
        """The descriptor of kafka-python's selector: readable once a broker has sent something."""
        return int(self._net._selector.fileno())  # noqa: SLF001  see above

    def rests(self) -> bool:
        """Say whether the sender rests by now: then its work is this thread's."""
        if not self._resting.is_set():
            return False
        self._client.poll, self._client.wakeup = self._poll_here, self._wake_here
        self._net._process_events = self._process_here  # noqa: SLF001  see above
        self._manager.before_connecting = self._leave
        return True

    def due_in(self, now: float) -> float:
        """Return the seconds after which `run` has something to do, whatever comes."""
        if self._net._ready:  # noqa: SLF001  see above
            return 0.0
        scheduled = self._net._next_scheduled_timeout(now)  # noqa: SLF001  see above
        due = self._next_round - now
        return max(due if scheduled is None else min(due, scheduled), 0.0)

    def run(self) -> None:
        """Send what is to be sent and take in what has come; never blocks."""
        for _ in range(_MOST_ROUNDS):
            now = time.monotonic()
            if now >= self._next_round:
                self._next_round = now + _LOOK_S  # or when the round says that the next is due
                with self._guard.round():
                    self._run_once()
            elif self.due_in(now) > 0:
                return
            else:
                self.read()

    def read(self) -> None:
        """Take in what has come."""
        with self._guard.round():
            self._net.poll(timeout_ms=0)

    def give_back(self) -> None:
        """Let the sender go on by itself."""
        for name in ("poll", "wakeup"):
            vars(self._client).pop(name, None)
        vars(self._net).pop("_process_events", None)
        self._manager.before_connecting = None
        self._over.set()

    def _rest(self) -> None:
        """Stand in for a round of the sender, on its thread."""
        self._resting.set()
        self._over.wait()
        if vars(self._sender).get("run_once") == self._stand_in:
            del self._sender.run_once

    def _poll_here(self, timeout_ms: float | None = None, future: object = None) -> None:
        """Stand in for the client's poll: what a round would wait for, the loop waits for."""
        if threading.get_ident() != self._thread:
            self._poll(timeout_ms=timeout_ms, future=future)
            return
        if timeout_ms is not None:
            self._next_round = time.monotonic() + timeout_ms / 1000
        self._net.poll(timeout_ms=0)

    def _process_here(self, events: list[Any]) -> None:
        """Stand in for the selector's: what was answered may let more be sent."""
        self._next_round = 0.0 if events else self._next_round
        self._process(events)

    def _wake_here(self) -> None:
        """Stand in for the client's wake-up: the loop looks before it sleeps."""
        if threading.get_ident() == self._thread:
            self._next_round = 0.0
        else:
            self._wakeup()

    def _leave(self) -> bool:
        """Ask for the sender's thread; return whether this is it already."""
        self.wants_thread = threading.get_ident() == self._thread
        return not self.wants_thread


class Supervisor(Protocol):
    """Whoever has the producer that is in use."""

    @property
    def producer(self) -> Any:  # noqa: ANN401  kafka-python ships no types
        """The producer, None while there is none."""


class SenderInLoop(Handler):
    """Has the sender of whatever producer is in use rest as long as it can; a guest of the loop."""

    def __init__(
        self, supervisor: Supervisor, watch: Callable[[int, SenderInLoop, int], None], readable: int
    ) -> None:
        self._supervisor = supervisor
        self._watch = watch
        self._readable = readable
        self._producer: Any = None
        self._resting: RestingSender | None = None
        self._running = False
        self._next_look = 0.0
        self._warned = False

    def due_in(self, now: float) -> float:
        """Return after how many seconds `run` is due."""
        look = max(self._next_look - now, 0.0)
        if self._resting is None or not self._running:
            return look
        return min(look, self._resting.due_in(now))

    def run(self) -> None:
        """Do the sender's work, or see whether it can be taken over."""
        resting = self._resting
        if resting is not None and self._running:
            resting.run()
            if resting.wants_thread:
                self.stop()
        now = time.monotonic()
        if now >= self._next_look or self._supervisor.producer is not self._producer:
            self._next_look = now + _LOOK_S
            self._check()

    def on_event(self, _mask: int) -> None:
        """Take in what has come from Kafka."""
        if self._resting is not None:
            self._resting.read()

    def fail(self, error: BaseException) -> None:
        """Let the sender go on by itself."""
        get_logger().error("kafka left the event loop", exc_info=error)
        self.stop()

    def stop(self) -> None:
        """Let the sender go on by itself until the next look."""
        resting, self._resting = self._resting, None
        if resting is None:
            return
        if self._running:
            self._watch(resting.descriptor, self, 0)
            self._running = False
        resting.give_back()

    def _check(self) -> None:
        producer = self._supervisor.producer
        if producer is not self._producer:
            self.stop()
            self._producer = producer
        if self._resting is None and self._can_rest():
            self._resting = RestingSender(producer)
        elif self._resting is not None and not self._running and self._resting.rests():
            self._running = True
            self._watch(self._resting.descriptor, self, self._readable)

    def _can_rest(self) -> bool:
        if self._producer is None:
            return False
        missing = find_missing_names(self._producer)
        if missing and not self._warned:
            self._warned = True
            get_logger().warning("kafka keeps a thread of its own", unknown=missing)
        if missing:
            return False
        connections = self._producer._sender._client._manager._conns  # noqa: SLF001  see above
        return bool(connections) and all(each.connected for each in [*connections.values()])
