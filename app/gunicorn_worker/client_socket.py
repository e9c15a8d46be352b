"""A client's socket in the event loop: bytes in, bytes out, and the time there is for either."""

from __future__ import annotations

import socket
from collections.abc import Callable

from greenlet import getcurrent

from app.loop.event_loop import READABLE, WRITABLE, Countdown, EventLoop, Handler
from app.loop.hub import Runner

READ_BYTES = 64 * 1024
_MOST_UNSENT = 64 * 1024  # before whoever writes has to wait for the client


class ClientGoneError(ConnectionError):
    """Nobody is there to read the answer."""


class ClientSocket:
    """Never blocks the loop; bytes that the client has not read yet are kept here."""

    def __init__(  # noqa: PLR0913, PLR0917  what it stands between
        self,
        sock: socket.socket,
        loop: EventLoop,
        handler: Handler,
        writing: Countdown,
        hold: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        """Have the loop call the handler; `account` is told whenever `len` may have changed."""
        self.closed = False
        self._sock = sock
        self._loop = loop
        self._handler = handler
        self._writing = writing
        self._hold = hold
        self._monotonic = monotonic
        self._unsent = bytearray()
        self._countdown: Countdown | None = None
        self._writer: Runner | None = None  # who waits for the client to read
        self.watch(READABLE)

    def __len__(self) -> int:
        """Return how many bytes the client has yet to make room for."""
        return len(self._unsent)

    def watch(self, interest: int) -> None:
        """Be told when the socket is ready; with no interest not even that its client is gone."""
        self._loop.watch(self._sock.fileno(), self._handler, interest)

    def start_countdown(self, countdown: Countdown | None) -> None:
        """Give the client that much time from now on; None: all that it wants."""
        if self._countdown is not None:
            self._countdown.stop(self._handler)
        self._countdown = countdown
        if countdown is not None:
            countdown.start(self._handler, self._monotonic())

    def receive(self) -> bytes | None:
        """Return what has come, nothing at its end, None where nothing has come yet."""
        try:
            return self._sock.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def send(self, data: bytes) -> None:
        """Send what the client takes and keep the rest; in a greenlet, wait where that is much.

        Raises ClientGoneError, also when the client's time is over while this waits.
        """
        if self.closed:
            raise ClientGoneError
        if not self._unsent:
            data = data[self._send_some(data) :]
        if not data:
            return
        self._unsent += data
        self.watch(WRITABLE)
        if self._countdown is not self._writing:
            self.start_countdown(self._writing)
        self._hold()
        self._wait_for_room()

    def flush(self) -> bool:
        """Send what the client takes now; return whether that was the last; as above."""
        del self._unsent[: self._send_some(self._unsent)]
        self._hold()
        if len(self._unsent) <= _MOST_UNSENT:
            self._wake_writer()
        if self._unsent:
            return False
        self.start_countdown(None)
        self.watch(0)
        return True

    def end_sending(self) -> None:
        """Say that nothing more will come; raise ClientGoneError."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise ClientGoneError from error

    def close(self) -> None:
        """Let go of it."""
        self.watch(0)
        self.start_countdown(None)
        self.closed = True
        self._unsent.clear()
        self._sock.close()
        self._wake_writer()

    def _send_some(self, data: bytes | bytearray) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ClientGoneError from error

    def _wait_for_room(self) -> None:
        runner = getcurrent()
        while len(self._unsent) > _MOST_UNSENT and isinstance(runner, Runner):
            self._writer = runner
            self._loop.hub.park(runner, self, self._writing.seconds)
            if self.closed:
                raise ClientGoneError

    def _wake_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self._loop.hub.wake(writer, self)
