"""The measure of what a machine takes from every process on it."""

from __future__ import annotations

from itertools import chain, repeat

import pytest

from tests.support.stalls import Meter, Stalls, lost_in_one_nap


class TestMeter:
    """What counts is the worst second."""

    def test_adds_up_within_a_second_and_keeps_the_most(self) -> None:
        """Two stalls within a second count together, one that is long past does not."""
        meter = Meter()
        meter.note(1.0, 0.1)
        meter.note(1.5, 0.2)
        meter.note(9.0, 0.15)
        assert meter.most_s == pytest.approx(0.3)

    def test_leaves_out_what_every_nap_takes_too_long(self) -> None:
        """A machine that is well grants nothing, however long it is measured."""
        meter = Meter()
        for number in range(100):
            meter.note(number / 100, 0.001)
        assert meter.most_s == 0


def test_what_is_neither_nap_nor_work_is_lost() -> None:
    """A nap of 10 ms and 1 ms of work that took 61 ms have lost 50."""
    clock = iter([0.0, 0.061])
    cpu = chain([0.0], repeat(0.001))
    lost = lost_in_one_nap(lambda: next(clock), lambda: next(cpu), lambda _seconds: None)
    assert lost == pytest.approx(0.05)


def test_it_is_asked_while_it_runs() -> None:
    """The process answers as often as it is asked, and never with less than before."""
    with Stalls() as stalls:
        first = stalls.most_s()
        assert 0 <= first <= stalls.most_s() < 60
