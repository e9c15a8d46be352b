"""The goals: what counts as reached, and what ends a run with an error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench import goals, results, table
from bench.backlog import DECIDING, PARSING, SILENT, Pace
from bench.goals import Goal
from bench.open_loop import Paced
from bench.peers import BARE, GO, NAIVE, OURS
from bench.results import Results
from bench.rounds import NOT_PINNED, TWO_WORKERS, WIDE, Figures, Round

pytestmark = pytest.mark.promise("fast")

ONE = Figures(rate=1000, cpu_ms=0.5, p50_ms=10, p99_ms=20, memory_mib=50, rounds=[1000])
PEAKS = {
    BARE: ONE,
    NAIVE: replace(ONE, rate=400),
    OURS: replace(ONE, rate=800, cpu_ms=0.6, p99_ms=10),
    BARE + WIDE: ONE,
    OURS + WIDE: replace(ONE, rate=900, cpu_ms=0.55),
    BARE + NOT_PINNED: replace(ONE, rate=500),
    OURS + NOT_PINNED: replace(ONE, rate=800),
    OURS + TWO_WORKERS: replace(ONE, rate=900, cpu_ms=0.8),
}
PACED = Paced(500, 2500, 2500, 1, 2, 3, 4, 500, 1)


def test_a_goal_is_a_share_of_what_is_wanted() -> None:
    """More than wanted is more than all of it, whichever way round."""
    assert Goal("rate", 0.9, 0.8).reached == pytest.approx(1.125)
    assert Goal("memory", 100, 90, at_most=True).reached == pytest.approx(0.9)


def test_the_goals_of_the_peaks_are_ratios_within_the_run() -> None:
    """A machine that is twice as slow changes none of them."""
    found = [*goals.of_peaks(PEAKS)]
    slower = {name: replace(f, rate=f.rate / 2, cpu_ms=f.cpu_ms * 2) for name, f in PEAKS.items()}
    assert [*goals.of_peaks(slower)] == found
    assert [round(goal.value, 3) for goal in found] == [0.8, 1.2, 0.9, 1.1, 2.0, 0.5, 1.6, 1.5, 50]


def test_a_tenth_may_be_missing() -> None:
    """Machines are not that steady."""
    near, far = Goal("a", 0.91, 1), Goal("b", 0.89, 1)
    assert goals.missed([near, far]) == [far]


def test_in_ci_a_steady_goal_may_fall_to_half_of_what_it_was() -> None:
    """What moves with the machine's other work is recorded, and fails nothing."""
    recorded = [Goal("cpu", 2, 1, at_most=True), Goal("memory", 45, 90, at_most=True)]
    kept = Goal("cpu", 3.9, 1, at_most=True, steady=True)
    lost = Goal("cpu", 4.1, 1, at_most=True, steady=True)
    grown = Goal("memory", 181, 90, at_most=True, steady=True)
    shaky = Goal("rate", 0.1, 1)
    assert goals.fallen([kept, lost, grown, shaky], recorded, slack=2) == [lost, grown]


def test_an_answer_may_be_a_tenth_of_a_second_after_its_deadline() -> None:
    """A quarter more is a goal that is missed."""
    found = [*goals.of_silence({OURS: 125})]
    assert [round(goal.reached, 2) for goal in found] == [0.8]


def test_latency_may_be_thrice_bares_and_the_brokers_own() -> None:
    """Ours is held to it, and to a second for the slowest request."""
    half = {BARE: PACED, OURS: replace(PACED, p99_ms=14)}
    found = [*goals.of_latency(half, acknowledgement_ms=5)]
    assert [goal.value for goal in found] == [1.0, 0.5]


def test_a_void_run_proves_nothing() -> None:
    """A load that did not keep its schedule yields no goal, reached or missed."""
    late = replace(PACED, late_p99_ms=50)
    assert late.void == "one in a hundred requests began 50 ms late or later"
    assert [*goals.of_latency({BARE: PACED, OURS: late}, 5)] == []
    assert [*goals.of_latency({BARE: late, OURS: PACED}, 5)] == []


def test_requests_that_were_not_accepted_void_a_run() -> None:
    """Fast refusals are no speed."""
    assert replace(PACED, accepted=2000).void == "500 of 2500 requests were not accepted"
    assert PACED.void == ""


def test_two_workers_count_by_cpu_time() -> None:
    """Where a request takes each of them what it takes one alone, they are worth two."""
    same = {**PEAKS, OURS + TWO_WORKERS: PEAKS[OURS]}
    worth = {goal.name: goal.value for goal in goals.of_peaks(same)}
    assert worth["two workers over one, by CPU a request"] == 2


def test_the_bidding_logic_is_compared_with_a_loop_that_parses() -> None:
    """With decisions off and on, and its memory with them on is bounded."""
    found = goals.of_backlog(
        {PARSING: Pace(10_000, 90), DECIDING: Pace(5_000, 180, 70), SILENT: Pace(9_000, 100, 60)}
    )
    assert [(goal.value, goal.goal, goal.at_most) for goal in found] == [
        (0.9, 0.8, False),
        (0.5, 0.4, False),
        (70, 90, True),
    ]


def test_a_long_backlog_takes_its_share_of_time_and_no_more_memory() -> None:
    """Ten times the records at nine tenths of the rate take eleven times as long."""
    time, memory = goals.of_drained({100: Pace(99, 9, 60), 1000: Pace(90, 9, 63)})
    assert [time.value, memory.value] == pytest.approx([11, 1.05])
    assert (time.goal, memory.goal, time.at_most, memory.at_most) == (10.5, 1.1, True, True)
    assert [*goals.of_drained({})] == []


def test_figures_are_medians() -> None:
    """One disturbed round changes nothing."""
    rounds = [Round(rate, 0.5, 10, 20) for rate in (100, 1000, 1010)]
    assert Figures.of(rounds, 50).rate == 1000


def test_results_survive_their_file_and_are_all_in_the_table(tmp_path: Path) -> None:
    """What was not run is told with its reason, never left out."""
    made = Results(
        machine={"cores": "2"},
        peaks=PEAKS,
        not_run={GO: "Go is not installed"},
        goals=[Goal("a", 1.5, 1)],
        latency={BARE: [PACED]},
        crowded={"nobody": PACED, "a crowd": replace(PACED, accepted=1)},
        backlog={PARSING: Pace(10_000, 90)},
        drained={"1,000": Pace(9_000, 99, 70)},
    )
    results.write(made, tmp_path / "latest.json")
    assert results.read(tmp_path / "latest.json") == made
    shown = table.of_peaks(made)
    assert all(f"| {name} |" in shown for name in (*PEAKS, GO))
    assert "not run: Go is not installed" in shown
    crowded = table.of_crowded(made)
    assert "| nobody | 500 | 2500 of 2500 | 1.0 | 3.0 | 500.0 |" in crowded
    assert "| a crowd | 500 | 1 of 2500 | void: 2499 of 2500 requests were not accepted" in crowded
    paces = table.of_backlog(made.backlog, made.drained)
    assert f"| {PARSING} | 10,000 | 90 |  |" in paces
    assert "| ours, 1,000 of the smallest | 9,000 | 99 | 70 |" in paces
    assert "| a | 1.50 | at least 1 | reached |" in table.of_goals(made.goals)
