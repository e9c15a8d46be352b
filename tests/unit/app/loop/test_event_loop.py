"""The loop calls whoever is ready, whose turn it is, and whose time is over; and sleeps else."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from greenlet import getcurrent

from app.loop.event_loop import READABLE, WRITABLE, Countdown, EventLoop, Handler
from app.loop.hub import Hub, Runner

pytestmark = pytest.mark.promise("client-isolation")


class Noting(Handler):
    """A handler that says what it was called for."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.raises: Exception | None = None

    def on_event(self, mask: int) -> None:
        """Say what it is ready for, or fail."""
        if self.raises is not None:
            raise self.raises
        self.world.said.append((self.name, mask))

    def on_turn(self) -> None:
        """Say that it is its turn, and ask for another."""
        self.world.said.append((self.name, "turn"))
        self.world.loop.defer(self)

    def on_timeout(self) -> None:
        """Say that its time is over."""
        self.world.said.append((self.name, "late"))

    def fail(self, error: BaseException) -> None:
        """Say what went wrong."""
        self.world.said.append((self.name, str(error)))


class FakeGuest:
    """Something with times of its own."""

    def __init__(self, world: World) -> None:
        self.world, self.due_s = world, 1.0

    def due_in(self, now: float) -> float:
        """Return what the test has set."""
        return self.due_s + (now - now)

    def run(self) -> None:
        """Say that it ran."""
        self.world.said.append(("guest", "ran"))


class World:
    """A loop, and the time by which it goes."""

    def __init__(self) -> None:
        self.now = 100.0
        self.said: list[tuple[str, object]] = []
        self.passes: list[float] = []
        self.short, self.long = Countdown(1.0), Countdown(5.0)
        self.hub = Hub(lambda: self.now)
        times = (self.short, self.long)
        self.loop = EventLoop(self.hub, times, self.passes.append, lambda: self.now)


@pytest.fixture
def world() -> Iterator[World]:
    """Yield a loop."""
    world = World()
    yield world
    world.loop.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Yield both ends of a pipe."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_who_is_ready_is_called(world: World, pipe: tuple[int, int]) -> None:
    """For what it is interested in, as long as it is."""
    reader, writer = Noting(world, "reader"), Noting(world, "writer")
    world.loop.watch(pipe[0], reader)
    world.loop.watch(pipe[1], writer, WRITABLE)
    world.loop.run_once(0)
    assert world.said == [("writer", WRITABLE)]
    world.loop.watch(pipe[1], writer, 0)
    os.write(pipe[1], b"x")
    world.loop.run_once(0)
    assert world.said[1:] == [("reader", READABLE)]
    world.loop.watch(pipe[0], reader, 0)
    world.loop.run_once(0)
    assert len(world.said) == 2


def test_an_error_of_one_handler_is_its_own(world: World, pipe: tuple[int, int]) -> None:
    """It is told, and the others are called as ever."""
    bad, good = Noting(world, "bad"), Noting(world, "good")
    bad.raises = ValueError("odd")
    world.loop.watch(pipe[1], bad, WRITABLE)
    world.short.start(good, world.now - 1)
    world.loop.run_once(0)
    assert world.said == [("bad", "odd"), ("good", "late")]


def test_a_turn_comes_in_the_next_pass(world: World) -> None:
    """One each pass, however often it is put off."""
    handler = Noting(world, "h")
    world.loop.defer(handler)
    for _ in range(3):
        world.loop.run_once(60)
    assert world.said == [("h", "turn")] * 3


def test_whose_time_is_over_is_called_once(world: World) -> None:
    """The first to end first, each in its own time; who is stopped is left alone."""
    first, second, third = (Noting(world, name) for name in ("first", "second", "third"))
    world.long.start(second, world.now)
    world.short.start(first, world.now)
    world.short.start(third, world.now)
    world.short.stop(third)
    world.now += 1
    world.loop.run_once(0)
    assert world.said == [("first", "late")]
    world.now += 4
    world.loop.run_once(0)
    world.loop.run_once(0)
    assert world.said == [("first", "late"), ("second", "late")]


def test_beginning_anew_is_being_last(world: World) -> None:
    """A countdown that is started once more has all of its seconds."""
    early, late = Noting(world, "early"), Noting(world, "late")
    world.short.start(early, world.now)
    world.short.start(late, world.now + 0.5)
    world.short.start(early, world.now + 0.9)
    assert [*world.short] == [late, early]
    assert world.short.ends_at() == world.now + 1.5


def test_all_can_be_given_less_time(world: World) -> None:
    """Those that wait and those that come; nobody is given more."""
    for number, moment in enumerate((0.0, 4.0)):
        world.long.start(Noting(world, str(number)), world.now + moment)
    world.long.shorten(2.0, world.now)
    assert len(world.long.take_expired(world.now + 2)) == 2
    world.long.shorten(60.0, world.now)
    assert world.long.seconds == 2.0


def test_the_guest_runs_in_each_pass(world: World) -> None:
    """And the loop sleeps no longer than it wants."""
    guest = FakeGuest(world)
    world.loop.guest = guest
    guest.due_s = 0.0
    world.loop.run_once(60)
    assert world.said == [("guest", "ran")]


def test_each_pass_is_told(world: World) -> None:
    """With the seconds that it took, sleep left out."""
    world.loop.run_once(0)
    assert world.passes == [0.0]


def test_at_the_end_everybody_is_late(world: World) -> None:
    """Whoever had time left is called as if it were over, once."""
    early, late = Noting(world, "early"), Noting(world, "late")
    world.short.start(early, world.now)
    world.long.start(late, world.now)
    world.loop.expire()
    world.loop.expire()
    assert world.said == [("early", "late"), ("late", "late")]


def test_a_pass_ends_once(world: World, pipe: tuple[int, int]) -> None:
    """After all that it had to do, what is done once for all of a pass is done."""
    loop = EventLoop(
        world.hub, (), world.passes.append, end_pass=lambda: world.said.append(("pass", "over"))
    )
    os.write(pipe[1], b"x")
    loop.watch(pipe[0], Noting(world, "reader"))
    loop.watch(pipe[1], Noting(world, "writer"), WRITABLE)
    loop.run_once(0)
    assert sorted(world.said[:-1]) == [("reader", READABLE), ("writer", WRITABLE)]
    assert world.said[-1] == ("pass", "over")


class Slow(Noting):
    """A handler that takes its time."""

    def on_event(self, mask: int) -> None:
        """Take 8 ms."""
        self.world.now += 0.008
        super().on_event(mask)

    def on_turn(self) -> None:
        """Take 8 ms."""
        self.world.now += 0.008
        super().on_turn()


def test_a_pass_ends_when_it_has_taken_long(world: World) -> None:
    """Whoever is still to be called is so in the next passes, each in turn: nobody is left out."""
    pipes = [os.pipe() for _ in range(5)]
    for number, (_, end) in enumerate(pipes):
        world.loop.watch(end, Slow(world, f"{number}"), WRITABLE)
    for _ in range(6):
        world.loop.run_once(0)
    called = [name for name, _ in world.said]
    assert sorted(called[:5]) == sorted(called[5:]) == ["0", "1", "2", "3", "4"]
    assert world.passes == pytest.approx([0.016, 0.016, 0.008] * 2)
    for ends in pipes:
        for end in ends:
            os.close(end)


def test_turns_take_little_of_a_pass(world: World) -> None:
    """Who has much to do gets a millisecond of each pass, by turns; the rest is for others."""
    for name in "abc":
        world.loop.defer(Slow(world, name))
    for _ in range(4):
        world.loop.run_once(0)
    assert [name for name, _ in world.said] == ["a", "b", "c", "a"]


def test_greenlets_go_on_as_long_as_a_pass_may_take(world: World) -> None:
    """A thousand acknowledgements at once do not keep everybody else waiting."""
    runners: list[Runner] = []

    def wait(number: int) -> None:
        runner = getcurrent()
        runners.append(runner)
        world.hub.park(runner, number, 60)
        world.now += 0.004
        world.said.append(("greenlet", number))

    for number in range(8):
        world.hub.spawn(wait, number)
    for number, runner in enumerate(runners):
        world.hub.wake(runner, number)
    world.loop.run_once(60)
    assert world.said == [("greenlet", number) for number in range(4)]
    world.loop.run_once(60)
    assert world.said == [("greenlet", number) for number in range(8)]
