"""The event loop: descriptors that are ready, times that run out, greenlets that go on.

A pass sleeps in epoll until a descriptor is ready or a time is over. Then, in this order, woken
greenlets go on, handlers are called whose descriptors are ready, those that deferred work have a
turn, what is late is ended, the guest (Kafka's sender) does its rounds, and whoever that has woken
goes on. So an acknowledgement is answered in the pass in which it came.

All of that is one thread, so whatever takes long holds up everybody. Hence a pass ends after 10 ms
with what is left first in the next one, no handler blocks, and deferred work gets what time those
with little to do have left. An error of a handler ends that handler alone.
"""

from __future__ import annotations

import math
import select
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from app.loop.hub import Hub

READABLE, WRITABLE = select.EPOLLIN, select.EPOLLOUT
# Of one pass: whoever comes meanwhile waits no longer than these take. Turns get little time: those
# who have much to do get what is left by those who have little.
_MOST_EVENTS, _TURNS_S = 64, 0.001
_MOST_S = 0.01  # after so long a pass ends, and what is left is the first of the next one


class Handler(ABC):
    """Is called by the loop, one call at a time; an exception of a call goes to `fail`."""

    @abstractmethod
    def on_event(self, mask: int) -> None:
        """Do what can be done now that the descriptor is ready."""

    def on_turn(self) -> None:  # noqa: B027  few defer anything
        """Go on with what was deferred to this pass."""

    def on_timeout(self) -> None:  # noqa: B027  few have a countdown
        """End what has taken too long."""

    @abstractmethod
    def fail(self, error: BaseException) -> None:
        """End this handler alone; must not raise."""


class Guest(Protocol):
    """Something with times of its own that this loop runs along."""

    def due_in(self, now: float) -> float:
        """Return after how many seconds `run` is due."""

    def run(self) -> None:
        """Do what is due; must not raise and must not block."""


class Countdown:
    """Handlers whose time runs, the first to end first: all have the same number of seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends: dict[Handler, float] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ends)

    def __iter__(self) -> Iterator[Handler]:
        """Return them, the first to end first."""
        return iter(self._ends)

    def start(self, handler: Handler, now: float) -> None:
        """Begin, or begin anew."""
        self._ends.pop(handler, None)
        self._ends[handler] = now + self.seconds

    def stop(self, handler: Handler) -> None:
        """Let it have all the time that it wants."""
        self._ends.pop(handler, None)

    def ends_at(self) -> float | None:
        """Return when the first one ends, None without any."""
        return next(iter(self._ends.values()), None)

    def take_expired(self, now: float) -> list[Handler]:
        """Take out those whose time is over."""
        expired = []
        for handler, end in self._ends.items():
            if end > now:
                break
            expired.append(handler)
        for handler in expired:
            del self._ends[handler]
        return expired

    def shorten(self, seconds: float, now: float) -> None:
        """Give all of them, and whoever comes later, no more than these seconds."""
        self.seconds = min(self.seconds, seconds)
        soon = now + self.seconds
        self._ends = {handler: min(end, soon) for handler, end in self._ends.items()}


class EventLoop:
    """Calls handlers until there is nothing to do, then sleeps until there is."""

    def __init__(
        self,
        hub: Hub,
        countdowns: tuple[Countdown, ...],
        note_pass: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
        end_pass: Callable[[], None] = lambda: None,
    ) -> None:
        """Take whose greenlets go on, whose times run out, and who is told each pass's seconds.

        `end_pass` does what a pass does once for all; it must not raise.
        """
        self.hub = hub
        self._countdowns = countdowns
        self._end_pass = end_pass
        self._note_pass = note_pass
        self.guest: Guest | None = None
        self._monotonic = monotonic
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._interests: dict[int, int] = {}
        self._ready: deque[tuple[int, int]] = deque()  # descriptors, and what each is ready for
        self._turns: deque[Handler] = deque()
        self._epoll.register(hub.descriptor, READABLE)

    def watch(self, descriptor: int, handler: Handler, interest: int = READABLE) -> None:
        """Call the handler whenever the descriptor is ready for what it is interested in.

        Without any interest it is not called at all, not even when the other side is gone.
        """
        known = self._interests.get(descriptor, 0)
        if interest == known:
            return
        self._interests[descriptor] = interest
        self._handlers[descriptor] = handler
        if not known:
            self._epoll.register(descriptor, interest)
        elif interest:
            self._epoll.modify(descriptor, interest)
        else:
            del self._interests[descriptor], self._handlers[descriptor]
            self._epoll.unregister(descriptor)

    def defer(self, handler: Handler) -> None:
        """Give the handler its turn in the next pass, after those that are ready by then."""
        self._turns.append(handler)

    def run_once(self, at_most_s: float) -> None:
        """Sleep until something is to be done, `at_most_s` seconds, and do it.

        One call of a handler can take long; several together cannot: new clients, Kafka and times
        that are over get their turn in between.
        """
        if not self._ready:
            self._ready.extend(self._epoll.poll(self._sleeps(at_most_s), _MOST_EVENTS))
        began = self._monotonic()
        end = began + _MOST_S
        self.hub.stay_awake()
        self.hub.resume_woken(end)
        self._call_ready(end)
        self._call_turns()
        self._expire_late(began)
        if self.guest is not None:
            self.guest.run()
        self.hub.resume_woken(end)
        self._end_pass()
        self._note_pass(self._monotonic() - began)

    def expire(self) -> None:
        """Let the time of everybody be over now."""
        self._expire_late(math.inf)

    def close(self) -> None:
        """Give the descriptors back."""
        self._epoll.close()
        self.hub.close()

    def _call_ready(self, end: float) -> None:
        while self._ready:
            descriptor, mask = self._ready.popleft()
            handler = self._handlers.get(descriptor)
            if handler is not None:
                self._call(handler, handler.on_event, mask)
            elif descriptor == self.hub.descriptor:
                self.hub.clear()
            if self._monotonic() >= end:
                return

    def _call_turns(self) -> None:
        end = self._monotonic() + _TURNS_S
        for _ in range(len(self._turns)):
            handler = self._turns.popleft()
            self._call(handler, handler.on_turn)
            if self._monotonic() >= end:
                return

    def _sleeps(self, at_most_s: float) -> float:
        """Return for how many seconds there is nothing to do."""
        if not self.hub.fall_asleep() or self._turns:
            return 0.0
        now = self._monotonic()
        ends = [each.ends_at() for each in self._countdowns]
        ends.append(self.hub.next_deadline())
        sleeps = min([at_most_s, *(end - now for end in ends if end is not None)])
        if self.guest is not None:
            sleeps = min(sleeps, self.guest.due_in(now))
        return max(sleeps, 0.0)

    def _expire_late(self, now: float) -> None:
        self.hub.resume_late(now)
        for countdown in self._countdowns:
            for handler in countdown.take_expired(now):
                self._call(handler, handler.on_timeout)

    @staticmethod
    def _call(handler: Handler, method: Callable[..., None], *args: int) -> None:
        """Let an error that nobody foresaw end this handler, and not the worker."""
        try:
            method(*args)
        except Exception as error:  # noqa: BLE001  see above
            handler.fail(error)
