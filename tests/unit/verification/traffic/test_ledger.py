"""The ledger and the load behind it."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import RemoteDisconnected

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fakes.harness_clock import FakeClock
from verification.traffic.http import Response
from verification.traffic.ledger import Attempt, Column, Outcome, settle
from verification.traffic.steady import MAX_REQUESTS, SteadyLoad, judge

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]


def _attempt(bid_id: str, outcome: Outcome) -> Attempt:
    return Attempt(bid_id, outcome, 0.0, 1.0, "")


class TestSettle:
    """settle."""

    @pytest.mark.parametrize(
        ("outcome", "requests", "decisions", "column"),
        [
            (Outcome.ACCEPTED, 1, 1, Column.ACCEPTED_ONCE),
            (Outcome.ACCEPTED, 1, 2, Column.ACCEPTED_REPEATED),
            (Outcome.ACCEPTED, 2, 1, Column.ACCEPTED_REPEATED),
            (Outcome.ACCEPTED, 1, 0, Column.ACCEPTED_MISSING),
            (Outcome.ACCEPTED, 0, 1, Column.ACCEPTED_MISSING),
            (Outcome.ACCEPTED, 0, 0, Column.ACCEPTED_MISSING),
            (Outcome.REFUSED, 0, 0, Column.REFUSED_ABSENT),
            (Outcome.REFUSED, 1, 0, Column.REFUSED_PRESENT),
            (Outcome.INDETERMINATE, 1, 1, Column.INDETERMINATE_PRESENT),
            (Outcome.INDETERMINATE, 0, 0, Column.INDETERMINATE_ABSENT),
        ],
    )
    def test_columns(self, outcome: Outcome, requests: int, decisions: int, column: Column) -> None:
        """Each outcome and each number of records has its column."""
        ledger = settle([_attempt("a", outcome)], ["a"] * requests, ["a"] * decisions)
        assert ledger.columns[column] == ("a",)

    # as the property tests: machines that run tests are slow at times
    @settings(deadline=None)
    @given(
        st.dictionaries(st.text(max_size=3), st.sampled_from(Outcome), max_size=20),
        st.lists(st.text(max_size=3), max_size=30),
        st.lists(st.text(max_size=3), max_size=30),
    )
    def test_exactly_one_column(
        self, sent: dict[str, Outcome], requests: list[str], decisions: list[str]
    ) -> None:
        """Every id that was sent stands in exactly one column, every other is unaccounted for."""
        attempts = [_attempt(bid_id, outcome) for bid_id, outcome in sent.items()]
        ledger = settle(attempts, requests, decisions)
        placed = [bid_id for ids in ledger.columns.values() for bid_id in ids]
        assert sorted(placed) == sorted(sent)
        assert set(ledger.strangers) == (set(requests) | set(decisions)) - set(sent)

    def test_violations(self) -> None:
        """Losses, refused ids that are there, and strangers are violations; repeats are not."""
        attempts = [_attempt("lost", Outcome.ACCEPTED), _attempt("refused", Outcome.REFUSED)]
        attempts.append(_attempt("twice", Outcome.ACCEPTED))
        ledger = settle(attempts, ["refused", "who", "twice"], ["twice", "twice"])
        found = "; ".join(ledger.violations())
        assert "1 accepted and missing (first: lost)" in found
        assert "1 refused and present (first: refused)" in found
        assert "1 unaccounted for (first: who)" in found
        assert "twice" not in found


def _response(status: int, body: bytes = b"") -> Response:
    return Response(status, {}, body, 0.0)


class TestJudge:
    """judge."""

    @pytest.mark.parametrize(
        ("response", "outcome"),
        [
            (_response(202), Outcome.ACCEPTED),
            (_response(400), Outcome.REFUSED),
            (_response(413), Outcome.REFUSED),
            (_response(503, b'{"delivery": "none"}'), Outcome.REFUSED),
            (_response(503, b'{"delivery": "unknown"}'), Outcome.INDETERMINATE),
            (_response(502, b"bad gateway"), Outcome.INDETERMINATE),
            (_response(200), Outcome.INDETERMINATE),
        ],
    )
    def test_outcomes(self, response: Response, outcome: Outcome) -> None:
        """Only 202 is accepted; only what certainly did not reach Kafka is refused."""
        assert judge(response) is outcome


class FakeIngest:
    """Answers 202, or does what `fate` does."""

    def __init__(self, fate: Exception | None = None) -> None:
        self.fate = fate
        self.bodies: list[bytes] = []

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Response:
        """Take a bid."""
        assert (method, path, bool(headers), timeout > 0) == ("POST", "/bid", True, True)
        self.bodies.append(body)
        if self.fate is not None:
            raise self.fate
        return _response(202)


class TestSteadyLoad:
    """SteadyLoad."""

    def _send(self, ingest: FakeIngest, seconds: float) -> tuple[Attempt, ...]:
        clock = FakeClock()
        with SteadyLoad(ingest, clock, prefix="p", rate=500) as load:
            clock.sleep(seconds)
            assert load.sent == len(load.settled())
        clock.sleep(1)
        return load.attempts()

    def test_every_id_once(self) -> None:
        """Each request has an id of its own and an attempt in the books."""
        ingest = FakeIngest()
        attempts = self._send(ingest, 0.1)
        assert len({item.id for item in attempts}) == len(attempts) == len(ingest.bodies)
        assert {item.outcome for item in attempts} == {Outcome.ACCEPTED}

    def test_by_the_clock(self) -> None:
        """Requests are sent when they are due, from the beginning until the load is left."""
        sent = [item.sent_s for item in self._send(FakeIngest(), 0.1)]
        assert sent == pytest.approx([number / 500 for number in range(51)])

    def test_bounded(self) -> None:
        """However long it goes on, there is an end to what is sent."""
        assert len(self._send(FakeIngest(), MAX_REQUESTS)) == MAX_REQUESTS

    @pytest.mark.parametrize(
        ("fate", "outcome"),
        [
            (ConnectionRefusedError(), Outcome.REFUSED),
            (ConnectionResetError(), Outcome.INDETERMINATE),
            (RemoteDisconnected("closed"), Outcome.INDETERMINATE),
            (TimeoutError(), Outcome.INDETERMINATE),
        ],
    )
    def test_broken_connections(self, fate: Exception, outcome: Outcome) -> None:
        """Without an answer the fate is unknown, unless there was no connection at all."""
        attempts = self._send(FakeIngest(fate), 0.01)
        assert {item.outcome for item in attempts} == {outcome}
