"""A soak's verdict: what counts as growth, and what is not enough to judge by."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import psutil
import pytest

from tests.soak.sampling import MIB, Growth, Sample, Sampler, thirds
from tests.soak.verdict import Finding, flat, print_table, watched
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

NOW = Sample(memory=50 * MIB, threads=10, files=20)
STEADY = Growth("ingest", 7, 600, NOW, NOW)


def test_a_process_that_stays_as_it_is_is_flat() -> None:
    """No growth is no finding."""
    assert flat(STEADY).kept


@pytest.mark.parametrize(
    "last",
    [replace(NOW, memory=80 * MIB), replace(NOW, threads=20), replace(NOW, files=40)],
    ids=["memory", "threads", "files"],
)
def test_growth_of_anything_breaks_the_promise(last: Sample) -> None:
    """Memory, threads and open files are each enough."""
    assert not flat(replace(STEADY, last=last)).kept


def test_the_first_third_is_held_against_the_last() -> None:
    """What comes and goes in between is not growth."""
    samples = [NOW] * 4 + [replace(NOW, threads=99)] * 4 + [replace(NOW, threads=12)] * 4
    assert thirds(samples) == (NOW, replace(NOW, threads=12))


def test_a_service_that_nobody_watched_breaks_the_promise() -> None:
    """A table without the bidding logic does not pass for one that says it is flat."""
    assert not watched([STEADY]).kept


def test_a_process_of_its_own_is_seen() -> None:
    """The sampler finds memory, threads and files of a real process."""
    sampler = Sampler(lambda: {"tests": [psutil.Process()]})
    with sampler:
        eventually(lambda: sampler.looks >= 2, "two looks")


def test_the_last_line_counts_what_is_kept_and_what_is_broken() -> None:
    """A broken promise is named, and is in the count."""
    out = StringIO()
    print_table([Finding("one", "x", kept=True), Finding("two", "y", kept=False)], out)
    assert out.getvalue().splitlines() == ["kept    one  x", "BROKEN  two  y", "1 passed, 1 failed"]
