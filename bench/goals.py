"""What is promised of the figures: ratios within one run, so that the machine cancels out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.backlog import DECIDING, PARSING, SILENT, Pace
from bench.open_loop import Paced
from bench.peers import BARE, NAIVE, OURS
from bench.rounds import NOT_PINNED, TWO_WORKERS, WIDE, Figures

_NEARLY = 0.9


@dataclass(frozen=True)
class Goal:
    """A figure and what it should be at least, or with `at_most` at most.

    A `steady` one hardly changes when the machine does other things meanwhile.
    """

    name: str
    value: float
    goal: float
    at_most: bool = False
    steady: bool = False

    @property
    def reached(self) -> float:
        """How much of the goal is reached; 1 and more: all of it."""
        return self.goal / self.value if self.at_most else self.value / self.goal


def of_peaks(peaks: Mapping[str, Figures]) -> Iterator[Goal]:
    """Yield the goals for throughput, CPU time, latency and memory under closed-loop load."""
    bare, naive, ours = (peaks[name] for name in (BARE, NAIVE, OURS))
    yield from _beside_bare(bare, ours, "")
    yield from _beside_bare(peaks[BARE + WIDE], peaks[OURS + WIDE], WIDE)
    yield Goal("throughput: ours over naive", ours.rate / naive.rate, 2.3)
    yield Goal("p99: ours over bare", ours.p99_ms / bare.p99_ms, 0.5, at_most=True)
    free = peaks[OURS + NOT_PINNED].rate / peaks[BARE + NOT_PINNED].rate
    yield Goal(f"throughput: ours over bare{NOT_PINNED}", free, 1.5)
    yield _two_workers(ours.cpu_ms, peaks[OURS + TWO_WORKERS].cpu_ms)
    memory = ours.memory_mib
    yield Goal("memory of a worker under load, MiB", memory, 90, at_most=True, steady=True)


def _beside_bare(bare: Figures, ours: Figures, where: str) -> Iterator[Goal]:
    yield Goal(f"throughput: ours over bare{where}", ours.rate / bare.rate, 1.0)
    cpu = ours.cpu_ms / bare.cpu_ms
    yield Goal(f"CPU a request: ours over bare{where}", cpu, 1.0, at_most=True, steady=True)


def _two_workers(one_cpu_ms: float, two_cpu_ms: float) -> Goal:
    """Return what two workers are worth, by what a request takes of a core.

    A core each would be full at twice the requests of one worker, if a request took each of them
    what it takes one alone. Their rate says less here: with two cores in all, they share them with
    Kafka and the load.
    """
    return Goal("two workers over one, by CPU a request", 2 * one_cpu_ms / two_cpu_ms, 1.4)


def of_latency(half: Mapping[str, Paced], acknowledgement_ms: float) -> Iterator[Goal]:
    """Yield the goals for latency at half of the peak; void runs say nothing."""
    bare, ours = half[BARE], half[OURS]
    if ours.void or bare.void:
        return
    share = ours.p99_ms / (3 * bare.p99_ms + acknowledgement_ms)
    yield Goal(f"p99 at half load: {OURS}, of what is allowed", share, 1, at_most=True)
    yield Goal(f"slowest at half load: {OURS}, s", ours.max_ms / 1000, 1, at_most=True)


def of_silence(late_ms: Mapping[str, float]) -> Iterator[Goal]:
    """Yield the goals for the answers to what Kafka does not acknowledge."""
    for name, late in late_ms.items():
        yield Goal(f"slowest answer after its deadline: {name}, ms", late, 100, at_most=True)


def of_backlog(paces: Mapping[str, Pace]) -> Iterator[Goal]:
    """Yield the goals for the bidding logic: its rate over a parsing loop's, and its memory."""
    parsing = paces[PARSING].rate
    for name, goal in ((SILENT, 0.8), (DECIDING, 0.4)):
        about = name.removeprefix("ours, ")
        yield Goal(f"records/s: {about} over a parsing loop", paces[name].rate / parsing, goal)
    yield Goal("memory of the bidding logic, MiB", paces[DECIDING].memory_mib, 90, at_most=True)


def of_drained(drained: Mapping[int, Pace]) -> Iterator[Goal]:
    """Yield the goals for a backlog ten times as long: hardly more than ten times the work."""
    if not drained:
        return
    few, many = min(drained), max(drained)
    times = (many / drained[many].rate) / (few / drained[few].rate)
    memory = drained[many].memory_mib / drained[few].memory_mib
    about = f"{many:,} records over {few:,}"
    yield Goal(f"time: {about}", times, 1.05 * many / few, at_most=True)
    yield Goal(f"memory: {about}", memory, 1.1, at_most=True)


def missed(goals: Sequence[Goal]) -> list[Goal]:
    """Return the goals that are missed by more than a tenth."""
    return [goal for goal in goals if goal.reached < _NEARLY]


def fallen(goals: Sequence[Goal], recorded: Sequence[Goal], slack: float) -> list[Goal]:
    """Return the steady goals of which less than 1/`slack` is reached of what was before.

    What was better than its goal may fall to it.
    """
    before = {goal.name: min(goal.reached, 1) for goal in recorded}
    steady = [goal for goal in goals if goal.steady]
    return [goal for goal in steady if goal.reached < before.get(goal.name, 1) / slack]
