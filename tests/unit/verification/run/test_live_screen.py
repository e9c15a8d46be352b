"""What the live view shows, in terminals of any size, and that it leaves them as they were."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace

import pytest
from rich.console import Console

from tests.support.fakes.live_screen import screen
from tests.support.fakes.local_units import Terminal
from tests.support.waiting import eventually
from verification.run.live.log_lines import KEPT, Notable
from verification.run.live.page import Page
from verification.run.live.screen import Screen
from verification.run.live.view import LiveView, Observer
from verification.run.messages import Messages

pytestmark = pytest.mark.timing

SCREEN = replace(screen(), rates=[0, 50, 100])


def drawn(screen: Screen, width: int = 100, height: int = 30) -> list[str]:
    """Return the lines that a terminal of that size shows."""
    console = Console(file=io.StringIO(), width=width, height=height, highlight=False)
    with console.capture() as capture:
        console.print(screen)
    return capture.get().splitlines()


class TestScreen:
    """Everything that is promised is in sight."""

    @pytest.mark.parametrize(
        "shown",
        [
            "212.5 /s",
            "200.2 /s, 12,345 in all",
            "4 ms / 21 ms",
            "30 ms / off scale from receipt",
            "17 messages, 0.4 s",
            "1 dead letters",
            "no_bid: no_bid 12,000",
            "invalid-bid-request 42, too-large 2",
            "rule-0 10, rule-1 9, rule-2 8, rule-3 7, others 11",
            "▁▅█",
            "warnings and errors: 1,234, the last of them",
            "10:15:19 ingest warning: not connected",
        ],
    )
    def test_figures(self, shown: str) -> None:
        """Rates, latencies, lag, decisions, refusals and the last errors are told."""
        assert shown in "\n".join(drawn(SCREEN))

    @pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 20), (200, 60)])
    def test_fits(self, width: int, height: int) -> None:
        """Neither a line nor the whole is larger than the terminal."""
        lines = drawn(SCREEN, width, height)
        assert len(lines) < height
        assert max(map(len, lines)) <= width

    def test_who_does_not_answer(self) -> None:
        """A service that is away says so in place of figures, at the same height."""
        nothing = Screen(None, None, [0.0], [], 0)
        text = "\n".join(drawn(nothing))
        assert text.count("does not answer") == 2
        assert "no warnings, no errors" in text
        assert "decisions   none" in text


class TestNotable:
    """What is routine is passed over."""

    @staticmethod
    def line(level: str, **more: object) -> bytes:
        """Return a service's log line."""
        head = {"event": "trying again", "level": level, "service": "consumer"}
        return json.dumps({**head, "timestamp": "2026-01-02T03:04:05.6Z", **more}).encode() + b"\n"

    def test_levels(self) -> None:
        """Warnings and errors are kept with their time, service and fields; info is not."""
        notable = Notable()
        for level in ("debug", "info", "warning"):
            notable.take(self.line(level, pause_s=0.5))
        assert notable.newest(9) == ["03:04:05 consumer warning: trying again pause_s=0.5"]
        assert notable.seen == 1

    def test_what_is_no_log_line(self) -> None:
        """Whatever else a service prints is kept, harmless for a terminal."""
        notable = Notable()
        notable.take(b"Segmentation \x1b[2Jfault\n")
        notable.take(b"[]\n")
        assert notable.newest(9) == ["Segmentation \\x1b[2Jfault", "[]"]

    def test_bounded(self) -> None:
        """Only the newest are kept, and a long line is cut."""
        notable = Notable()
        for number in range(KEPT + 5):
            notable.take(self.line("error", number=number, long="x" * 9999))
        assert (len(notable.newest(999)), notable.seen) == (KEPT, KEPT + 5)
        assert f"number={KEPT + 4}" in notable.newest(1)[0]
        assert len(notable.newest(1)[0]) <= 500


class TestObserver:
    """A look is a screen."""

    def test_rates_are_remembered(self) -> None:
        """Each look adds the rate since the one before; a service that is away counts 0."""
        pages = [self.page(0, 0), self.page(1, 10), None, self.page(3, 0)]
        observer = Observer(lambda: pages.pop(0), lambda: None, Notable())
        screens = [observer.look() for _ in range(4)]
        assert list(screens[-1].rates) == [0, 10, 0, 0]
        assert [each.ingest is None for each in screens] == [False, False, True, False]
        assert screens[-1].consumer is None

    @staticmethod
    def page(at: float, requests: float) -> Page:
        """Return an ingest's page."""
        key = ("ingest_requests_total", frozenset({("outcome", "accepted")}))
        return Page(at, {key: requests})


class Gone(Terminal):
    """A terminal that goes away."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = False

    def write(self, text: str) -> int:
        """Write, or fail as a closed terminal does."""
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().write(text)


ENVIRON = {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}


class TestView:
    """On a terminal, and off it again."""

    def test_the_cursor_comes_back(self) -> None:
        """While it is shown the cursor is hidden; afterwards it is not, below the last view."""
        stream = Terminal()
        with LiveView(stream, ENVIRON, lambda: SCREEN):
            eventually(lambda: "212.5 /s" in stream.getvalue(), "the view")
        text = stream.getvalue()
        assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
        assert text.rindex("\x1b[?25h") > text.rindex("10:15:19 ingest warning: not connected")
        assert "\x1b[?1049h" not in text

    def test_messages_come_above(self) -> None:
        """What is said meanwhile is written through the view; afterwards directly."""
        stream = Terminal()
        messages = Messages(stream)
        view = LiveView(stream, ENVIRON, lambda: SCREEN)
        with view, messages.through(view.say):
            eventually(lambda: "212.5 /s" in stream.getvalue(), "the view")
            messages.say("[red]it died[/]")
        messages.say("all stopped")
        text = stream.getvalue()
        assert "[red]it died[/]" in text
        assert text.endswith("all stopped\n")

    def test_a_terminal_that_goes_away(self) -> None:
        """Neither drawing nor leaving fails, so that everything else can be stopped in order."""
        stream = Gone()
        with LiveView(stream, ENVIRON, lambda: SCREEN):
            eventually(lambda: "212.5 /s" in stream.getvalue(), "the view")
            stream.gone = True

    def test_leaving_does_not_wait_for_a_look(self) -> None:
        """A service that does not answer keeps nobody from leaving."""
        begun, answer, answered = (threading.Event() for _ in range(3))

        def slow() -> Screen:
            begun.set()
            answer.wait(60)
            answered.set()
            return SCREEN

        with LiveView(Terminal(), ENVIRON, slow):
            assert begun.wait(30)
        assert not answered.is_set()
        answer.set()
