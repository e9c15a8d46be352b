"""What is held against a front door after each step of a test sees what it is there for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from greenlet import getcurrent

from tests.support.front_door import FrontDoorWorld

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.promise("honest")


@pytest.fixture
def world() -> Iterator[FrontDoorWorld]:
    """Yield a front door before an application that waits for something, for up to a minute."""

    def application(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        there.hub.park(getcurrent(), "something", 60)
        start_response("200 OK", [])
        return [b"x"]

    there = FrontDoorWorld(application)
    yield there
    there.let_go()


def test_bytes_that_are_counted_and_not_there(world: FrontDoorWorld) -> None:
    """One is enough."""
    world.connect()
    world.in_flight.hold(1)
    with pytest.raises(AssertionError):
        world.check()


def test_a_connection_that_nobody_looks_after(world: FrontDoorWorld) -> None:
    """One whose time does not run stays for ever."""
    world.connect()
    for connection in world.door:
        world.door.countdowns.read.stop(connection)
    with pytest.raises(AssertionError):
        world.check()


def test_a_greenlet_that_waits_without_an_end(world: FrontDoorWorld) -> None:
    """Also where another one has a deadline."""
    for _ in range(2):
        world.send(world.connect(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    world.check()
    world.hub._deadlines.pop()  # noqa: SLF001  nobody forgets one
    with pytest.raises(AssertionError):
        world.check()
