"""Traffic is sent by the clock, bounded, and every answer is counted once."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Mapping

import pytest

from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.http_answers import Answer, HttpAnswers
from tests.support.fakes.local_units import Terminal
from tests.support.waiting import eventually
from verification.cli import Console, main
from verification.run.ports import free_port
from verification.traffic.http import Response
from verification.traffic.mix import Mix
from verification.traffic.requests import Planned, planned
from verification.traffic.sender import UNDER_WAY, Sender, Sent
from verification.traffic.tally import Tally

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

VALID = Planned("banner on site", "", b"{}", "application/json", 202, "")
BROKEN = Planned("video on app", "a flag of 2", b"{}", "application/json", 400, "one-of")


class Exchange:
    """An ingest that answers once `go_on` is set, and knows how many ask at the same time."""

    def __init__(self, clock: FakeClock, error: Exception | None = None) -> None:
        """Answer 202, or raise the error."""
        self.clock = clock
        self.at: list[float] = []
        self.go_on = threading.Event()
        self._error = error

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Response:
        """Answer."""
        assert (method, path, body, timeout) == ("POST", "/bid", VALID.body, 10)
        assert headers == {"content-type": "application/json"}
        self.at.append(self.clock.monotonic())
        assert self.go_on.wait(60)
        if self._error is not None:
            raise self._error
        return Response(202, {}, b"{}", 0.0)


class TestSender:
    """An open loop, with an end."""

    @pytest.fixture
    def exchange(self) -> Exchange:
        """Begin at 0 seconds."""
        return Exchange(FakeClock())

    def _sent(self, exchange: Exchange, rate: float, go_on_at: float) -> list[Sent]:
        """Send valid requests for a second, answered at a certain time; return what came of it."""
        found: list[Sent] = []
        sender = Sender(exchange, exchange.clock, rate=rate, seconds=1)
        with exchange.clock.meanwhile([(go_on_at, exchange.go_on.set)]):
            sender.send(lambda _number: VALID, found.append)
        return found

    def test_by_the_clock(self, exchange: Exchange) -> None:
        """Requests start at the rate, though none is answered before all have begun."""
        assert len(self._sent(exchange, rate=50, go_on_at=0.98)) == 50
        assert all(at >= number / 50 for number, at in enumerate(sorted(exchange.at)))

    def test_bounded(self, exchange: Exchange) -> None:
        """Never more are under way than may be, and what is not begun in time is not sent."""
        assert len(self._sent(exchange, rate=1000, go_on_at=1)) == UNDER_WAY

    def test_waiting_for_a_connection_is_latency(self, exchange: Exchange) -> None:
        """The latency counts from when a request was due, not from when it was sent."""
        found: list[Sent] = []

        def answer() -> None:
            exchange.go_on.set()
            eventually(lambda: len(found) == UNDER_WAY, "connections that are free again")

        sender = Sender(exchange, exchange.clock, rate=UNDER_WAY * 2, seconds=1)
        with exchange.clock.meanwhile([(0.75, answer)]):
            sender.send(lambda _number: VALID, found.append)
        waited = [sent for sent in found[UNDER_WAY:] if sent.latency_ms >= 240]
        assert len(found) == UNDER_WAY * 2
        assert waited

    def test_no_answer(self) -> None:
        """A connection that breaks is an answer that did not come, and says why."""
        broken = Exchange(FakeClock(), error=ConnectionResetError("gone"))
        (sent,) = self._sent(broken, rate=1, go_on_at=0)
        assert (sent.answer, sent.why) == (None, "ConnectionResetError: gone")


def answered(request: Planned, status: int, **members: object) -> Sent:
    """Return a request with its answer."""
    return Sent(request, Response(status, {}, json.dumps(members).encode(), 0.0), 12.5)


class TestTally:
    """Each request is in one column."""

    def test_ledger(self) -> None:
        """Accepted, refused, unknown and unanswered are told apart."""
        tally = Tally()
        tally.add(answered(VALID, 202))
        tally.add(answered(BROKEN, 400, errors=[{"rule": "one-of"}]))
        tally.add(answered(VALID, 503, code="not-acknowledged", delivery="unknown"))
        tally.add(Sent(VALID, None, 1.0, "TimeoutError: timed out"))
        text = tally.summary(9)
        assert "1 accepted, 1 refused, 1 unknown, 1 unanswered" in text
        assert "4 of 9, 1 of them broken on purpose" in text
        assert "accepted  p50 12.5 ms" in text
        assert "3 banner on site, 1 video on app" in text
        assert "1 times: valid: 503 not-acknowledged for 202" in text
        assert "1 times: no answer: TimeoutError: timed out" in text
        assert tally.unexpected.total() == 2

    def test_nothing_accepted(self) -> None:
        """Without an accepted request no latency is made up."""
        assert "accepted  none" in Tally().summary(1)


def command(
    answers: HttpAnswers, *arguments: str, out: io.StringIO | None = None
) -> tuple[int, str, str]:
    """Run `traffic` against a fake ingest; return status, standard output and error."""
    shown, err = out or io.StringIO(), io.StringIO()
    environ = {"INGEST_PORT": str(answers.port), "TERM": "xterm"}
    console = Console(environ, shown, err, io.BytesIO())
    return main(["traffic", *arguments], console), shown.getvalue(), err.getvalue()


READY = {"/readyz": Answer(200), "/bid": Answer(202, b"{}")}


class TestCommand:
    """`traffic` as one types it."""

    def test_all_as_expected(self) -> None:
        """Status 0 and a summary, where every valid request was accepted."""
        with HttpAnswers(dict(READY)) as ingest:
            arguments = ("--rate", "100", "--for", "0.2", "--seed", "5", "--mix", "broken=0")
            status, out, err = command(ingest, *arguments)
            bodies = [seen.body for seen in ingest.seen if seen.method == "POST"]
        assert (status, err) == (0, "")
        assert "100 a second for 0.2 s, SEED=5" in out
        assert "20 accepted, 0 refused, 0 unknown, 0 unanswered" in out
        assert out.endswith("every answer was the expected one\n")
        mix = Mix.parse("broken=0")
        assert sorted(bodies) == sorted(planned(5, n, mix).body for n in range(20))

    def test_a_broken_one_that_is_accepted(self) -> None:
        """Status 1 when an answer is not the expected one, and the summary says which."""
        with HttpAnswers(dict(READY)) as ingest:
            arguments = ("--rate", "50", "--for", "0.2", "--seed", "5", "--mix", "broken=100")
            status, out, err = command(ingest, *arguments)
        assert status == 1
        assert "not as expected" in out
        assert err == "10 of 10 answers were not the expected ones\n"

    def test_a_bar_on_a_terminal(self) -> None:
        """On a terminal a bar counts the requests, and the cursor is there again afterwards."""
        with HttpAnswers(dict(READY)) as ingest:
            arguments = ("--rate", "50", "--for", "0.4", "--mix", "broken=0")
            status, out, _ = command(ingest, *arguments, out=Terminal())
        assert status == 0
        assert "/20" in out
        assert out.rindex("\x1b[?25h") > out.rindex("\x1b[?25l")

    def test_nobody_there(self) -> None:
        """Without an ingest nothing is sent."""
        err = io.StringIO()
        environ = {"INGEST_PORT": str(free_port())}
        assert main(["traffic"], Console(environ, io.StringIO(), err, io.BytesIO())) == 2
        assert "is `make run` up?" in err.getvalue()

    def test_not_ready(self) -> None:
        """An ingest that is not ready gets nothing either."""
        with HttpAnswers({"/readyz": Answer(503)}) as ingest:
            status, _, err = command(ingest)
        assert (status, "/readyz: 503" in err) == (2, True)

    @pytest.mark.parametrize("arguments", [("--rate", "0"), ("--rate", "1001"), ("--for", "nan")])
    def test_bounds(self, arguments: tuple[str, str]) -> None:
        """Rate and duration have bounds."""
        with HttpAnswers(dict(READY)) as ingest:
            status, _, err = command(ingest, *arguments)
            assert (status, ingest.seen) == (3, [])
        assert "must be over 0 and at most" in err
