"""The wish to stop, and waiting that ends with it."""

from __future__ import annotations

from consumer.clock import Clock

_SLICE_S = 0.1


class Stop:
    """Requested from a signal handler, looked at by the poll loop.

    A plain flag and short sleeps instead of a threading.Event: a handler that runs while its own
    thread is inside Event.wait can find the event's lock taken, for good.
    """

    def __init__(self, clock: Clock) -> None:
        """Take the clock to sleep by."""
        self._clock = clock
        self.requested = False

    def request(self) -> None:
        """Wish to stop."""
        self.requested = True

    def wait(self, seconds: float) -> None:
        """Sleep, but not much longer than until a stop is requested."""
        end = self._clock.monotonic() + seconds
        while not self.requested and (left := end - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, _SLICE_S))
