"""Many clients at once, each with one request, sent as quickly as it is taken."""

from __future__ import annotations

import selectors
import socket
import time

_PIECE = 65_536
_HEAD_END = b"\r\n\r\n"


class _Client:
    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.settimeout(0)
        self.unsent = memoryview(request)
        self.answer = b""
        self.ended = False

    def on_event(self, mask: int) -> None:
        """Read what has come, and send what is taken; an answer ends it, as does the server."""
        try:
            if mask & selectors.EVENT_READ:
                data = self.socket.recv(_PIECE)
                self.answer += data
                self.ended = not data or _HEAD_END in self.answer
            elif self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent[:_PIECE]) :]
        except BlockingIOError:
            return
        except OSError:
            self.ended = True

    @property
    def status(self) -> int | None:
        """The answer's; None where there was none."""
        return int(self.answer.split(b" ", 2)[1]) if _HEAD_END in self.answer else None


def burst(port: int, request: bytes, count: int, within_s: float) -> list[int | None]:
    """Return each client's status; None of one that was cut off, or had no answer in time."""
    clients = [_Client(port, request) for _ in range(count)]
    deadline = time.monotonic() + within_s
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, client)
        while selector.get_map() and time.monotonic() < deadline:
            for key, mask in selector.select(1):
                client = key.data
                client.on_event(mask)
                if client.ended:
                    selector.unregister(client.socket)
                elif not client.unsent and key.events & selectors.EVENT_WRITE:
                    selector.modify(client.socket, selectors.EVENT_READ, client)
    for client in clients:
        client.socket.close()
    return [client.status for client in clients]
