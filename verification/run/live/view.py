"""The live view: looks once a second, draws, and leaves the terminal as it was."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from verification.run.live.figures import of_consumer, of_ingest
from verification.run.live.log_lines import KEPT, Notable
from verification.run.live.page import Page, Window
from verification.run.live.screen import Screen

PERIOD_S = 1.0
WINDOW_S = 10.0
_REMEMBERED = 240

Read = Callable[[], Page | None]


class Observer:
    """Remembers what it has read of both services, and makes a screen of it."""

    def __init__(self, ingest: Read, consumer: Read, notable: Notable) -> None:
        self._reads = (ingest, consumer)
        self._windows = (Window(WINDOW_S), Window(WINDOW_S))
        self._newest = Window(2 * PERIOD_S)
        self._notable = notable
        self._rates: deque[float] = deque(maxlen=_REMEMBERED)

    def look(self) -> Screen:
        """Read both services and return what there is to see."""
        for read, window in zip(self._reads, self._windows, strict=True):
            window.add(read())
        ingest, consumer = (
            of_ingest(self._windows[0]),
            of_consumer(self._windows[1]),
        )
        self._newest.add(self._windows[0].last)
        now = of_ingest(self._newest)
        self._rates.append(0.0 if now is None else now.rate)
        newest = self._notable.newest(KEPT)
        return Screen(ingest, consumer, tuple(self._rates), newest, self._notable.seen)


class LiveView:
    """Draws below whatever the terminal shows, from a thread of its own, until it is left."""

    def __init__(
        self, stream: TextIO, environ: Mapping[str, str], look: Callable[[], Screen]
    ) -> None:
        console = Console(file=stream, _environ=environ, highlight=False)
        self._live = Live(Text(""), console=console, auto_refresh=False, redirect_stdout=False)
        self._look = look
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._draw_all, name="live view", daemon=True)

    def say(self, text: str) -> None:
        """Write a line that stays, above the view."""
        self._live.console.print(Text(text))

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last view where it is and the cursor below it, without waiting for a look."""
        with self._lock, suppress(OSError):  # the terminal may be what has gone
            self._over.set()
            self._live.stop()

    def _draw_all(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            screen = self._look()
            with self._lock, suppress(OSError):
                if not self._over.is_set():
                    self._live.update(screen, refresh=True)
            self._over.wait(max(0.0, PERIOD_S - (time.monotonic() - began)))
