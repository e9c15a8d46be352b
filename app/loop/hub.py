"""Greenlets on the thread of an event loop: what waits in one of them lets the loop go on.

A greenlet is a stack of its own on the same thread. Code in it runs like any other, without awaits
and without being interrupted, until it waits here: then the hub's own greenlet, the event loop,
goes on in its place, and comes back when what it waits for has happened, or its time is over.
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context
from threading import get_ident
from typing import Any, Protocol, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from common.logs import get_logger

T = TypeVar("T")
# What a runner is to run, and with what.
Task = tuple[Callable[..., object], tuple[Any, ...]]
_KEPT = 256  # of those that have nothing to do; making one costs as much as fifty switches


class Future(Protocol):
    """Something that ends on another thread, or later on this one, as kafka-python has it."""

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""

    def add_both(self, callback: Callable[[Any], object]) -> object:
        """Call back with its end, at once where it has ended."""

    def get(self, timeout: float | None = None) -> Any:  # noqa: ANN401  whatever it is a future of
        """Return its value or raise its error; raise another when `timeout` seconds are over."""


class Runner(greenlet):  # type: ignore[misc]  # greenlet ships no types
    """Runs one function after another, each in a context of its own (contextvars)."""

    def __init__(self, hub: Hub) -> None:
        """Belong to a hub, which is switched to whenever this has nothing to do."""
        super().__init__()
        self._hub = hub
        self.waits_for: object = None  # what it was parked for; None: it runs, or is idle

    def run(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Run until there is nothing more to run."""
        todo: Task | None = (function, args)
        while todo is not None:
            function, args = todo
            try:
                Context().run(function, *args)
            except GreenletExit:  # its worker ends
                return
            except BaseException:  # noqa: BLE001  it must not reach the loop and end the worker
                get_logger().exception("unexpected", thread="event loop")
            todo = self._hub.wait_for_work(self)


class Hub:
    """Belongs to the thread that builds it; `wake` alone may be called from others."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.parked = 0
        self._main = getcurrent()
        self._thread = get_ident()
        self._monotonic = monotonic
        self._idle: list[Runner] = []
        self._woken: deque[tuple[Runner, object]] = deque()
        self._deadlines: list[tuple[float, int, Runner, object]] = []
        self._numbers = itertools.count()
        self._asleep = False

    @property
    def idle(self) -> int:
        """Greenlets that are kept for what is to be run next."""
        return len(self._idle)

    def spawn(self, function: Callable[..., object], *args: Any) -> None:  # noqa: ANN401  of the function
        """Run the function in a greenlet, until it is done or waits for the first time."""
        runner = self._idle.pop() if self._idle else Runner(self)
        runner.switch(function, args)

    def wait_for_work(self, runner: Runner) -> Task | None:
        """Switch to the loop; return what the runner is to run next, None when it is to end."""
        if len(self._idle) >= _KEPT:
            return None
        self._idle.append(runner)
        todo: Task = self._main.switch()
        return todo

    def wait(self, future: Future, seconds: float) -> Any:  # noqa: ANN401  whatever it is a future of
        """Return the future's value, or raise its error, or what it raises after `seconds`.

        On a plain thread this blocks; in a greenlet the loop goes on meanwhile.
        """
        runner = getcurrent()
        if not isinstance(runner, Runner):
            return future.get(timeout=seconds)
        if not future.is_done and seconds > 0:
            end = object()
            future.add_both(lambda _end: self.wake(runner, end))
            self.park(runner, end, seconds)
        return future.get(timeout=0)

    def run_in(self, executor: Executor, seconds: float, work: Callable[[], T]) -> T:
        """Return what `work` returns on another thread; in a greenlet the loop goes on meanwhile.

        Raises TimeoutError when it has not ended after `seconds`: then it never begins, or goes on
        for nobody.
        """
        runner = getcurrent()
        job = executor.submit(work)
        if isinstance(runner, Runner):
            job.add_done_callback(lambda _end: self.wake(runner, job))
            self.park(runner, job, seconds)
            seconds = 0
        try:
            return job.result(timeout=seconds)
        except TimeoutError:
            job.cancel()
            raise

    def park(self, runner: Runner, until: object, seconds: float) -> None:
        """Let the loop go on until `wake` is called with `until`, or the seconds are over."""
        runner.waits_for = until
        deadline = self._monotonic() + seconds
        heapq.heappush(self._deadlines, (deadline, next(self._numbers), runner, until))
        self.parked += 1
        self._main.switch()
        self.parked -= 1

    def wake(self, runner: Runner, until: object) -> None:
        """Have the runner go on in the loop's next pass, if it still waits for this."""
        self._woken.append((runner, until))
        if self._asleep and get_ident() != self._thread:
            self._asleep = False
            os.eventfd_write(self.descriptor, 1)

    def fall_asleep(self) -> bool:
        """Return whether the loop may sleep; from then on, `wake` writes to the descriptor."""
        self._asleep = True
        return not self._woken

    def stay_awake(self) -> None:
        """Say that the loop is awake: until it falls asleep, `wake` only takes a note."""
        self._asleep = False

    def clear(self) -> None:
        """Make the descriptor unreadable again, once it has woken the loop."""
        with suppress(BlockingIOError):
            os.eventfd_read(self.descriptor)

    def resume_woken(self, end: float = math.inf) -> None:
        """Let go on whoever has been woken, one at least; no more of them once it is `end`."""
        while self._woken:
            self._resume(*self._woken.popleft())
            if self._monotonic() >= end:
                return

    def next_deadline(self) -> float | None:
        """Return when the first one will have waited for too long, None when nobody waits."""
        deadlines = self._deadlines
        while deadlines and deadlines[0][2].waits_for is not deadlines[0][3]:
            heapq.heappop(deadlines)  # it has not had to wait so long
        return deadlines[0][0] if deadlines else None

    def resume_late(self, now: float) -> None:
        """Let go on whoever has waited for too long."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, _, runner, until = heapq.heappop(self._deadlines)
            self._resume(runner, until)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    def _resume(self, runner: Runner, until: object) -> None:
        if runner.waits_for is until:
            runner.waits_for = None
            runner.switch()
