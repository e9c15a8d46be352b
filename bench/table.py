"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.backlog import Pace
from bench.goals import Goal
from bench.peers import BARE, GO, NAIVE, OURS
from bench.results import Results
from bench.rounds import Figures


def of_peaks(results: Results) -> str:
    """Return every peer's figures at its peak."""
    lines = [
        "| | requests/s | of rounds from, to | p50 ms | p99 ms | CPU ms a request | memory MiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_peak(name, figures) for name, figures in results.peaks.items()]
    lines += [f"| {name} | not run: {why} | | | | | |" for name, why in results.not_run.items()]
    return "\n".join(lines) + "\n"


def _peak(name: str, figures: Figures) -> str:
    cells = (
        name,
        f"{figures.rate:,.0f}",
        f"{min(figures.rounds):,.0f}, {max(figures.rounds):,.0f}",
        f"{figures.p50_ms:.1f}",
        f"{figures.p99_ms:.1f}",
        f"{figures.cpu_ms:.3f}",
        f"{figures.memory_mib:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def beside_go(results: Results) -> str:
    """Return what each peer does, as a share of the Go peer where that was run."""
    lines = ["| | requests/s | p99 ms | CPU ms a request | of Go |", f"|{' --- |' * 5}"]
    go = results.peaks.get(GO)
    for name in filter(results.peaks.__contains__, (BARE, NAIVE, OURS, GO)):
        peak = results.peaks[name]
        share = f"{peak.rate / go.rate:.0%}" if go else "not run"
        cells = (name, f"{peak.rate:,.0f}", f"{peak.p99_ms:.0f}", f"{peak.cpu_ms:.2f}", share)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def of_crowded(results: Results) -> str:
    """Return what innocent requests take beside whom."""
    lines = [
        "| beside | offered/s | accepted | p50 ms | p99 ms | slowest ms |",
        f"|{' --- |' * 6}",
    ]
    for name, one in results.crowded.items():
        latencies = f"{one.p50_ms:.1f} | {one.p99_ms:.1f} | {one.max_ms:.1f}"
        cells = f"void: {one.void} | |" if one.void else latencies
        lines.append(f"| {name} | {one.rate:.0f} | {one.accepted} of {one.sent} | {cells} |")
    return "\n".join(lines) + "\n"


def of_goals(goals: Sequence[Goal]) -> str:
    """Return each goal with what was measured."""
    lines = ["| | measured | goal | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {goal.name} | {goal.value:.2f} | {'at most' if goal.at_most else 'at least'} "
        f"{goal.goal:g} | {'reached' if goal.reached >= 1 else f'{goal.reached:.0%} of it'} |"
        for goal in goals
    ]
    return "\n".join(lines) + "\n"


def of_backlog(backlog: Mapping[str, Pace], drained: Mapping[str, Pace]) -> str:
    """Return what was read a second, and what that took."""
    lines = ["| | records/s | CPU µs a record | memory MiB |", "| --- | --- | --- | --- |"]
    lines += [_pace(name, pace) for name, pace in backlog.items()]
    lines += [_pace(f"ours, {name} of the smallest", pace) for name, pace in drained.items()]
    return "\n".join(lines) + "\n"


def _pace(name: str, pace: Pace) -> str:
    memory = f"{pace.memory_mib:.0f}" if pace.memory_mib else ""
    return f"| {name} | {pace.rate:,.0f} | {pace.cpu_us:.0f} | {memory} |"


def of_latency(results: Results) -> str:
    """Return percentiles by peer and offered load; void runs say why."""
    lines = [
        "| offered/s | | p50 ms | p90 ms | p99 ms | p99.9 ms | slowest ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    everything = [(one, name) for name, each in results.latency.items() for one in each]
    for one, name in sorted(everything, key=lambda item: item[0].rate):
        figures = (one.p50_ms, one.p90_ms, one.p99_ms, one.p999_ms, one.max_ms)
        cells = " | ".join(f"{figure:.1f}" for figure in figures)
        void = f"void: {one.void} | | | |" if one.void else f"{cells}"
        lines.append(f"| {one.rate:.0f} | {name} | {void} |")
    return "\n".join(lines) + "\n"
