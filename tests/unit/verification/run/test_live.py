"""The live view, from the text of /metrics to a terminal of any size, left as it was."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from math import inf

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console

from app.metrics import IngestMetrics
from consumer.metrics import ConsumerMetrics
from tests.support.fakes.live_screen import screen
from tests.support.fakes.local_units import Terminal
from tests.support.waiting import eventually
from verification.run.live import figures
from verification.run.live.figures import of_consumer, of_ingest
from verification.run.live.log_lines import KEPT, Notable
from verification.run.live.page import Page, Window, read_page
from verification.run.live.screen import Screen
from verification.run.live.view import LiveView, Observer
from verification.run.messages import Messages

pytestmark = [pytest.mark.timing, pytest.mark.promise("observable")]

SCREEN = replace(screen(), rates=[0, 50, 100])
BOUNDS = {"0.1": 0.1, "0.2": 0.2, "+Inf": inf}


def page(at: float, samples: Mapping[str, float], **labels: str) -> Page:
    """Return a page of samples with the same labels."""
    return Page(at, {(name, frozenset(labels.items())): value for name, value in samples.items()})


def histogram(at: float, values: list[float]) -> Page:
    """Return a page with a histogram of three buckets."""
    counts = {name: sum(value <= bound for value in values) for name, bound in BOUNDS.items()}
    buckets = {("h_bucket", frozenset({("le", name)})): count for name, count in counts.items()}
    return Page(at, buckets)


def test_nobody_answers() -> None:
    """A service that is not there has no page."""
    assert read_page("127.0.0.1", 9, 0) is None


class TestWindow:
    """Growth within the last seconds."""

    @pytest.mark.parametrize(
        ("values", "rate"),
        [
            pytest.param({}, 0, id="no page"),
            pytest.param({0: 0, 5: 100, 15: 300}, 20, id="over what is still in the window"),
            pytest.param({0: 500, 1: 3, 2: 5}, 2, id="a new process is no negative rate"),
        ],
    )
    def test_rate(self, values: dict[float, float], rate: float) -> None:
        """A rate is over the pages of the window since the process began; gauges may fall."""
        window = Window(10)
        for at, value in values.items():
            window.add(page(at, {"n_total": value, "gauge": -at}))
        assert window.rate("n_total") == rate

    def test_silence_is_forgotten_too(self) -> None:
        """A service that does not answer has no figures."""
        window = Window(10)
        window.add(page(0, {"n_total": 1}))
        window.add(None)
        assert window.last is None
        assert (of_ingest(window), of_consumer(window)) == (None, None)

    @pytest.mark.parametrize(
        ("values", "share", "expected"),
        [
            ([0.05] * 10, 0.5, 0.05),  # the middle of the bucket from 0 to 0.1
            ([0.05] * 5 + [0.15] * 5, 0.99, 0.198),
            ([9.0], 0.5, inf),
        ],
    )
    def test_quantile(self, values: list[float], share: float, expected: float) -> None:
        """A quantile lies evenly in its bucket, as Prometheus has it, and is of new samples."""
        window = Window(10)
        assert window.quantile(share, "h") is None
        window.add(histogram(0, [0.05]))
        assert window.quantile(share, "h") is None
        window.add(histogram(1, [0.05, *values]))
        assert window.quantile(share, "h") == pytest.approx(expected)


class Registry(CollectorRegistry):
    """What a service counts, read into a window."""

    def __init__(self) -> None:
        super().__init__()
        self.window = Window(10)

    def read(self, at: float) -> Window:
        """Return the window after another page."""
        self.window.add(Page.parse(generate_latest(self).decode(), at))
        return self.window


class TestFigures:
    """What both services count becomes what is shown."""

    def test_ingest(self) -> None:
        """Rate, latency of what was accepted, refusals by code and by rule, the largest first."""
        registry = Registry()
        metrics = IngestMetrics(registry)
        registry.read(0)
        for outcome, count in (("accepted", 8), ("too-large", 1), ("invalid-bid-request", 3)):
            metrics.requests.labels(outcome).inc(count)
            metrics.duration.labels(outcome).observe(0.004 if outcome == "accepted" else 1.5)
        metrics.violations.labels("type").inc()
        metrics.violations.labels("required").inc(2)
        metrics.in_flight.set(3)
        metrics.oldest.set(0.25)
        found = of_ingest(registry.read(2))
        assert found is not None
        assert (found.rate, found.accepted_rate, found.accepted) == (6, 4, 8)
        assert found.latency.p50 == pytest.approx(0.0035)
        assert found.latency.p99 == pytest.approx(0.00497)
        assert (found.in_flight, found.oldest_s) == (3, 0.25)
        assert list(found.refused.items()) == [("invalid-bid-request", 3), ("too-large", 1)]
        assert list(found.rules) == ["required", "type"]

    def test_consumer(self) -> None:
        """Lag is summed in messages and the worst in seconds; decisions by strategy and outcome."""
        registry = Registry()
        metrics = ConsumerMetrics(registry)
        metrics.decisions.labels("fixed_price", "bid").inc(5)
        metrics.decisions.labels("fixed_price", "no_bid").inc(7)
        metrics.dead_letters.labels("invalid").inc(2)
        metrics.retries.labels("kafka").inc(1)
        registry.read(0)
        metrics.end_to_end.observe([0.004])
        for partition, (lag, age) in enumerate([(4, 0.5), (6, 1.5)]):
            metrics.lag_messages.labels(partition).set(lag)
            metrics.lag_seconds.labels(partition).set(age)
        found = of_consumer(registry.read(1))
        assert found is not None
        assert (found.lag_messages, found.lag_s) == (10, 1.5)
        assert found.latency.p50 is not None
        assert (found.dead_letters, found.retries, found.rate) == (2, 1, 0)
        decisions = [("fixed_price: no_bid", 7), ("fixed_price: bid", 5)]
        assert list(found.decisions.items()) == decisions


def drawn(shown: Screen, width: int = 100, height: int = 30) -> list[str]:
    """Return the lines that a terminal of that size shows."""
    console = Console(file=io.StringIO(), width=width, height=height, highlight=False)
    with console.capture() as capture:
        console.print(shown)
    return capture.get().splitlines()


class TestScreen:
    """Everything that is promised is in sight."""

    def test_figures(self) -> None:
        """Rates, latencies, lag, decisions, refusals and the last errors are told."""
        text = "\n".join(drawn(SCREEN))
        shown = (
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
        )
        assert [each for each in shown if each not in text] == []

    @pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 20), (200, 60)])
    def test_fits(self, width: int, height: int) -> None:
        """Neither a line nor the whole is larger than the terminal."""
        lines = drawn(SCREEN, width, height)
        assert len(lines) < height
        assert max(map(len, lines)) <= width

    def test_who_does_not_answer(self) -> None:
        """A service that is away says so in place of figures, at the same height."""
        text = "\n".join(drawn(Screen(None, None, [0.0], [], 0)))
        assert text.count("does not answer") == 2
        assert "no warnings, no errors" in text
        assert "decisions   none" in text


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ([{"level": "debug"}, {"level": "info"}], []),
        ([{"level": "warning", "pause_s": 0.5}], ["03:04:05 s warning: trying again pause_s=0.5"]),
        ([b"Segmentation \x1b[2Jfault\n", b"[]\n"], ["Segmentation \\x1b[2Jfault", "[]"]),
    ],
)
def test_notable(lines: list[dict[str, object] | bytes], kept: list[str]) -> None:
    """Warnings, errors and what is no log line are kept, harmless; what is routine is not."""
    notable = Notable()
    head = {"event": "trying again", "timestamp": "2026-01-02T03:04:05.6Z", "service": "s"}
    for line in lines:
        notable.take(line if isinstance(line, bytes) else json.dumps(head | line).encode())
    assert (notable.newest(9), notable.seen) == (kept, len(kept))


@pytest.mark.promise("bounded")
def test_notable_is_bounded() -> None:
    """Only the newest are kept, and a long line is cut."""
    notable = Notable()
    for number in range(KEPT + 5):
        notable.take(json.dumps({"number": number, "long": "x" * 9999}).encode())
    assert (len(notable.newest(999)), notable.seen) == (KEPT, KEPT + 5)
    assert f"number={KEPT + 4}" in notable.newest(1)[0]
    assert len(notable.newest(1)[0]) <= 500


def test_rates_are_remembered() -> None:
    """Each look adds the rate since the one before; a service that is away counts 0."""
    counts = {0: 0, 1: 10, 2: None, 3: 0}
    pages = [
        None if count is None else page(at, {figures.REQUESTS: count}, outcome="accepted")
        for at, count in counts.items()
    ]
    observer = Observer(lambda: pages.pop(0), lambda: None, Notable())
    screens = [observer.look() for _ in counts]
    assert list(screens[-1].rates) == [0, 10, 0, 0]
    assert [each.ingest is None for each in screens] == [False, False, True, False]
    assert screens[-1].consumer is None


class Gone(Terminal):
    """A terminal that may go away."""

    gone = False

    def write(self, text: str) -> int:
        """Write, or fail as a closed terminal does."""
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().write(text)

    def wait_for_view(self) -> None:
        """Wait until it shows a screen."""
        eventually(lambda: "212.5 /s" in self.getvalue(), "the view")


ENVIRON = {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}


class TestView:
    """On a terminal, and off it again."""

    def test_messages_come_above(self) -> None:
        """What is said meanwhile comes through the view; afterwards the cursor is back, below."""
        stream = Gone()
        messages = Messages(stream)
        view = LiveView(stream, ENVIRON, lambda: SCREEN)
        with view, messages.through(view.say):
            stream.wait_for_view()
            messages.say("[red]it died[/]")
        messages.say("all stopped")
        text = stream.getvalue()
        assert "[red]it died[/]" in text
        assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
        assert text.rindex("\x1b[?25h") > text.rindex("10:15:19 ingest warning: not connected")
        assert "\x1b[?1049h" not in text
        assert text.endswith("all stopped\n")

    def test_a_terminal_that_goes_away(self) -> None:
        """Neither drawing nor leaving fails, so that everything else can be stopped in order."""
        stream = Gone()
        with LiveView(stream, ENVIRON, lambda: SCREEN):
            stream.wait_for_view()
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
