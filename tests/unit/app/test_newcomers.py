"""A server that ends serves the connections it has, and nobody gets a new one."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator

import pytest

from app.newcomers import turn_newcomers_away


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Yield a listening socket on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


def test_who_is_connected_is_served(listener: socket.socket) -> None:
    """A connection in the listen backlog is there after the door is shut, and works both ways."""
    with socket.create_connection(listener.getsockname(), 5) as client:
        turn_newcomers_away(listener)
        client.sendall(b"late?")
        served, _ = listener.accept()
        with served:
            assert served.recv(10) == b"late?"
            served.sendall(b"in time")
        assert client.recv(10) == b"in time"


def test_a_newcomer_is_not_connected(listener: socket.socket) -> None:
    """A client that comes later has no connection, so no request of its own is in danger."""
    turn_newcomers_away(listener)
    with pytest.raises(TimeoutError):
        socket.create_connection(listener.getsockname(), 0.3)


def test_a_newcomer_that_waits_is_refused(listener: socket.socket) -> None:
    """Once the socket is closed, a client that still tries is refused, and knows it."""
    turn_newcomers_away(listener)
    with socket.socket() as client:
        client.settimeout(0)
        client.connect_ex(listener.getsockname())
        listener.close()
        select.select([], [client], [], 10)
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_a_socket_that_cannot_do_it_is_no_trouble() -> None:
    """Where the filter cannot be set, the end goes on as it would without."""
    closed = socket.socket()
    closed.close()
    turn_newcomers_away(closed)
