"""A client that sends what it likes, as slowly as it likes."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Self

from tests.support.background import Background

_TRICKLE_S = 0.05


class RawClient(ExitStack):
    """One connection to the ingest; bytes in, bytes out."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.socket = self.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))

    def send(self, data: bytes) -> Self:
        self.socket.sendall(data)
        return self

    def finish(self) -> Self:
        """Close our side: nothing more will come."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def status(self) -> int | None:
        """Read the answer to its end and return its status; None where there is none."""
        answer = bytearray()
        while piece := self._piece():
            answer += piece
        return int(answer.split(b" ", 2)[1]) if answer else None

    def _piece(self) -> bytes:
        try:
            return self.socket.recv(65_536)
        except ConnectionResetError:
            return b""


class Tricklers(Background):
    """Many clients that send one byte after another, never enough of them, until answered."""

    def __init__(self, port: int, beginning: bytes, count: int) -> None:
        super().__init__(self._trickle)
        self._clients = [RawClient(port).send(beginning) for _ in range(count)]

    def __exit__(self, *error: object) -> None:
        """Trickle no more, and close the connections."""
        super().__exit__(*error)
        for client in self._clients:
            client.close()

    def statuses(self) -> list[int | None]:
        """Wait for every client's answer and return the statuses."""
        return [client.status() for client in self._clients]

    def _trickle(self) -> None:
        open_ones = list(self._clients)
        while open_ones and not self.ending.wait(_TRICKLE_S):
            open_ones = [client for client in open_ones if self._sent(client)]

    @staticmethod
    def _sent(client: RawClient) -> bool:
        try:
            client.socket.send(b"a")
        except OSError:
            return False
        return True
