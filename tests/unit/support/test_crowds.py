"""A crowd is there in full, whatever the server does with it."""

from __future__ import annotations

import socket

import pytest

from tests.support.crowds import HABITS, TRICKLING_HEADS, Crowd, Habit, crowds
from tests.support.waiting import eventually

pytestmark = pytest.mark.promise("honest")


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.name)
def test_each_of_a_crowd_begins_as_its_habit_is(habit: Habit) -> None:
    """The server sees as many connections as were asked for, and what each begins with."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with crowds(port, 3, habit):
            for _ in range(3):
                with server.accept()[0] as client:
                    assert habit.beginning.startswith(client.recv(64))


def test_who_is_sent_away_comes_back() -> None:
    """A client whose connection is ended makes another one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Crowd(server.getsockname()[1], TRICKLING_HEADS, 1) as crowd:
            server.accept()[0].close()
            with server.accept()[0] as client:
                assert client.recv(64)
        eventually(lambda: crowd.sent_away == 1, "the client to be counted as sent away")
