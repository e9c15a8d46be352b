"""A socket that clients connect to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from common.logs import get_logger

if TYPE_CHECKING:
    from app.gunicorn_worker.front_door import FrontDoor, Site

_MANY = 16  # for as many connections that there are, one more may come at once


class Listener:
    """Accepts few connections each time, so that each of several workers gets its share.

    They are more where there are many already: then nobody waits behind a crowd that comes at once.
    """

    def __init__(self, door: FrontDoor, sock: socket.socket, site: Site) -> None:
        self._door = door
        self._sock = sock
        self._site = site

    def accept(self) -> bool:
        """Let one client in; return whether there was one."""
        try:
            sock, peer = self._sock.accept()
        except OSError:  # none is there, no descriptor is left, or its network is gone (accept(2))
            return False
        self._door.add_connection(sock, peer, self._site)
        return True

    def on_event(self, _mask: int) -> None:
        """Let some clients in."""
        for _ in range(1 + len(self._door) // _MANY):
            if not (self._door.has_room and self.accept()):
                return

    def on_turn(self) -> None:
        """Do nothing: this puts nothing off."""

    def on_timeout(self) -> None:
        """Do nothing: no time runs."""

    def fail(self, error: Exception) -> None:
        """Go on."""
        get_logger().error("a client was not let in", exc_info=error)
