"""The signals that end a run: none of them may tear what is being put in order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Handler = Callable[[int, FrameType | None], object] | signal.Handlers


class Endings:
    """Has the first signal raise KeyboardInterrupt; later ones do in `hurried` alone."""

    def __init__(self) -> None:
        self._interrupts = True
        self._noted = False

    def take(self, _number: int, _frame: FrameType | None) -> None:
        """Interrupt, or note that a signal came; see signal.signal."""
        if not self._interrupts:
            self._noted = True
            return
        self._interrupts = False
        raise KeyboardInterrupt

    def hold(self) -> None:
        """Note signals from now on, whether or not one has come."""
        self._interrupts = False

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Interrupt once more meanwhile, at once where a signal has been noted."""
        self._interrupts = True
        try:
            if self._noted:
                raise KeyboardInterrupt
            yield
        finally:
            self._interrupts = False


@contextmanager
def endings_interrupt() -> Iterator[Endings]:
    """Have SIGTERM and a closed terminal raise KeyboardInterrupt, as Ctrl-C does."""
    endings = Endings()
    with endings_taken(endings.take, but_ignored=[signal.SIGHUP]):  # nohup
        yield endings


@contextmanager
def endings_taken(handler: _Handler, but_ignored: Collection[int] = ENDINGS) -> Iterator[None]:
    """Treat every signal that ends a process so, but for those of these that are ignored."""
    before = {
        number: signal.signal(number, handler)
        for number in ENDINGS
        if number not in but_ignored or signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handled in before.items():
            signal.signal(number, handled)
