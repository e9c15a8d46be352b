"""Greenlets that wait let the loop go on, and nobody waits for ever."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar

import pytest
from kafka.errors import KafkaTimeoutError

from app.loop.hub import Hub
from tests.support.fakes.producer import FakeFuture

pytestmark = [pytest.mark.promise("client-isolation"), pytest.mark.promise("bounded")]


class World:
    """A hub, and the time by which it goes."""

    def __init__(self) -> None:
        self.now = 100.0
        self.hub = Hub(lambda: self.now)
        self.said: list[object] = []

    def wait_and_say(self, future: FakeFuture, seconds: float = 1.0) -> None:
        """Wait in the greenlet that runs this, and say how it ended."""
        try:
            self.said.append(self.hub.wait(future, seconds))
        except KafkaTimeoutError:
            self.said.append("too late")


@pytest.fixture
def world() -> Iterator[World]:
    """Yield a hub."""
    world = World()
    yield world
    world.hub.close()


def test_what_waits_goes_on_when_it_is_woken(world: World) -> None:
    """And what was spawned before it waits is none the slower."""
    slow, quick = FakeFuture(), FakeFuture()
    world.hub.spawn(world.wait_and_say, slow)
    world.hub.spawn(world.wait_and_say, quick)
    quick.success("quick")
    world.hub.resume_woken()
    assert world.said == ["quick"]
    slow.success("slow")
    world.hub.resume_woken()
    assert world.said == ["quick", "slow"]


def test_what_has_happened_is_not_waited_for(world: World) -> None:
    """A future that has ended has its value at once."""
    future = FakeFuture()
    future.success("there")
    world.hub.spawn(world.wait_and_say, future)
    assert world.said == ["there"]


def test_nobody_waits_for_longer_than_it_wants(world: World) -> None:
    """Whoever waits has a deadline, and a late end reaches nobody."""
    future = FakeFuture()
    world.hub.spawn(world.wait_and_say, future, 2.0)
    world.hub.spawn(world.wait_and_say, FakeFuture(), 1.0)
    assert world.hub.next_deadline() == 101.0
    world.now = 101.0
    world.hub.resume_late(world.now)
    assert (world.said, world.hub.next_deadline()) == (["too late"], 102.0)
    world.now = 102.0
    world.hub.resume_late(world.now)
    future.success("late")
    world.hub.resume_woken()
    assert world.said == ["too late"] * 2
    assert (world.hub.parked, world.hub.next_deadline()) == (0, None)


def test_a_deadline_of_one_wait_is_none_of_the_next(world: World) -> None:
    """A greenlet that went on in time may wait again."""
    first, second = FakeFuture(), FakeFuture()

    def wait_twice() -> None:
        world.wait_and_say(first, 1.0)
        world.wait_and_say(second, 5.0)

    world.hub.spawn(wait_twice)
    first.success("first")
    world.hub.resume_woken()
    world.now = 102.0
    world.hub.resume_late(world.now)
    assert world.said == ["first"]
    second.success("second")
    world.hub.resume_woken()
    assert world.said == ["first", "second"]


def test_a_sleeping_loop_is_woken_by_another_thread(world: World) -> None:
    """Once for all that happens meanwhile; while it is awake nobody writes."""
    futures = [FakeFuture() for _ in range(3)]
    for future in futures:
        world.hub.spawn(world.wait_and_say, future)
    with select.epoll() as epoll:
        epoll.register(world.hub.descriptor, select.EPOLLIN)
        assert world.hub.fall_asleep()
        thread = threading.Thread(target=lambda: [future.success("x") for future in futures])
        thread.start()
        thread.join()
        assert epoll.poll(10)
        assert not world.hub.fall_asleep()
        world.hub.stay_awake()
        world.hub.clear()
        assert not epoll.poll(0)
    world.hub.resume_woken()
    assert world.said == ["x"] * 3


def test_a_plain_thread_waits_as_threads_do(world: World) -> None:
    """Outside of a greenlet a wait blocks."""
    future = FakeFuture()
    future.success("there")
    assert world.hub.wait(future, 1.5) == "there"
    assert future.waited_s == 1.5


def test_each_run_has_a_context_of_its_own(world: World) -> None:
    """What one request has set is not there for the next, on the same greenlet or another."""
    variable = ContextVar[str]("variable", default="unset")
    future = FakeFuture()

    def run(value: str, waits: FakeFuture | None) -> None:
        world.said.append(variable.get())
        variable.set(value)
        if waits is not None:
            world.hub.wait(waits, 1.0)
        world.said.append(variable.get())

    world.hub.spawn(run, "a", future)
    world.hub.spawn(run, "b", None)
    world.hub.spawn(run, "c", None)
    future.success(None)
    world.hub.resume_woken()
    assert world.said == ["unset", "unset", "b", "unset", "c", "a"]


@pytest.mark.parametrize("error", [KeyError("odd"), SystemExit(1), KeyboardInterrupt()])
def test_an_error_ends_with_what_it_came_from(world: World, error: BaseException) -> None:
    """It is logged; neither the loop nor the next run on the same greenlet notices."""

    def fail() -> None:
        raise error

    world.hub.spawn(fail)
    world.hub.spawn(world.said.append, "next")
    assert world.said == ["next"]


def test_greenlets_are_kept_and_not_for_ever(world: World) -> None:
    """After a crowd, as many are left as are worth keeping."""
    futures = [FakeFuture() for _ in range(1000)]
    for future in futures:
        world.hub.spawn(world.wait_and_say, future)
    assert world.hub.parked == 1000
    for future in futures:
        future.success("x")
    world.hub.resume_woken()
    assert len(world.said) == 1000
    assert world.hub.idle <= 256


def test_work_on_another_thread(world: World) -> None:
    """Its value or its error comes back to the greenlet, and the loop goes on meanwhile."""
    go = threading.Event()

    def work() -> int:
        assert go.wait(10)
        return threading.get_ident()

    def ask() -> None:
        world.said.append(world.hub.run_in(pool, 5.0, work))

    with ThreadPoolExecutor(1) as pool:
        world.hub.spawn(ask)
        assert world.hub.parked == 1
        go.set()
    world.hub.resume_woken()
    assert world.said != [threading.get_ident()]
    assert len(world.said) == 1


def test_what_nobody_waits_for_any_more_does_not_begin(world: World) -> None:
    """Work that was not begun in time is taken back: nothing piles up behind what is slow."""
    go = threading.Event()

    def ask(work: Callable[[], object]) -> None:
        with suppress(TimeoutError):
            world.hub.run_in(pool, 5.0, work)

    with ThreadPoolExecutor(1) as pool:
        world.hub.spawn(ask, go.wait)
        world.hub.spawn(ask, lambda: world.said.append("begun"))
        world.now += 5.0
        world.hub.resume_late(world.now)
        go.set()
    assert world.hub.parked == 0
    assert world.said == []
