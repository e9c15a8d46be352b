"""Failed requests gathered into outages, and drawn over time."""

from __future__ import annotations

import pytest

from tests.support.fakes.harness_report import some_ledger
from verification.checklist.support.check import NotAsPromisedError
from verification.checklist.support.under_load import Rules, judged
from verification.reports.drawing import histogram, strip
from verification.traffic.ledger import Attempt, Outcome, settle
from verification.traffic.outages import Outage, outages

pytestmark = pytest.mark.promise("honest")


def _attempts(*failed_at: float) -> list[Attempt]:
    good = [Attempt(f"g{n}", Outcome.ACCEPTED, n, 1.0, "HTTP 202") for n in range(10)]
    bad = [Attempt(f"b{at}", Outcome.REFUSED, at, 1.0, "HTTP 503") for at in failed_at]
    return [*bad, *good]


class TestOutages:
    """outages."""

    def test_gathered(self) -> None:
        """Failures less than a second apart are one outage, whatever was accepted in between."""
        assert outages(_attempts(7.0, 2.0, 2.5, 3.2)) == [Outage(2.0, 3.2, 3), Outage(7.0, 7.0, 1)]

    def test_none(self) -> None:
        """Where everything is accepted there is none."""
        assert outages(_attempts()) == []

    @pytest.mark.parametrize(("longest_s", "kept"), [(2.0, True), (1.0, False), (None, True)])
    def test_too_long(self, longest_s: float | None, *, kept: bool) -> None:
        """An outage longer than the rules allow breaks the promise, and is told."""
        attempts = _attempts(2.0, 2.9, 3.5)
        ids = [item.id for item in attempts if item.outcome is Outcome.ACCEPTED]
        ledger, rules = settle(attempts, ids, ids), Rules(longest_outage_s=longest_s)
        if kept:
            assert "3 requests in 1.5 s" in judged(ledger, rules, "").details["outages"]
            return
        with pytest.raises(NotAsPromisedError, match=r"more than 1 s: 3 requests in 1\.5 s"):
            judged(ledger, rules, "")


class TestDrawing:
    """Strip and histogram."""

    def test_strip_counts_everything(self) -> None:
        """The bars of a strip stand for every attempt, stacked within its height."""
        attempts = some_ledger().attempts
        drawing = strip(attempts)
        counted = sum(int(bar.label.split()[2]) for bar in drawing.bars)
        assert counted == len(attempts)
        assert {bar.kind for bar in drawing.bars} == {outcome.value for outcome in Outcome}
        assert all(0 <= bar.y <= bar.y + bar.height <= 100.001 for bar in drawing.bars)

    def test_histogram_axis(self) -> None:
        """The powers of ten within the range are marked; without one, both ends are."""
        assert [tick.label for tick in histogram([0.5, 5, 50, 5000]).ticks] == [
            "1 ms",
            "10 ms",
            "100 ms",
            "1 s",
        ]
        assert len(histogram([3.0]).ticks) == 2
        assert histogram([]).bars == ()
