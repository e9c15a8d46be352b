"""Peers in turns: A B C A B C, so that what disturbs a machine disturbs all of them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import wrk
from bench.server import Server

WIDE, NOT_PINNED, TWO_WORKERS = f", {wrk.MANY} connections", ", not pinned", ", two workers"


@dataclass(frozen=True)
class Load:
    """What all servers of a comparison get; `where` stands behind their names."""

    body_file: Path
    rounds: int
    seconds: int
    connections: int = wrk.FEW
    where: str = ""


@dataclass(frozen=True)
class Round:
    """One turn of one peer; `cpu_ms` is CPU time a request, latencies are in milliseconds."""

    rate: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Figures:
    """The medians of a peer's rounds; CPU seconds per 1,000 requests are `cpu_ms`, too."""

    rate: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    memory_mib: float
    rounds: Sequence[float]

    @classmethod
    def of(cls, rounds: Sequence[Round], memory_mib: float) -> Figures:
        """Return the median of each figure, and every round's rate."""
        return cls(
            rate=statistics.median(each.rate for each in rounds),
            cpu_ms=statistics.median(each.cpu_ms for each in rounds),
            p50_ms=statistics.median(each.p50_ms for each in rounds),
            p99_ms=statistics.median(each.p99_ms for each in rounds),
            memory_mib=memory_mib,
            rounds=[each.rate for each in rounds],
        )


def turn(server: Server, load: Load) -> Round:
    """Load one server at its peak."""
    before = server.cpu_s()
    peak = wrk.run(server.port, load.body_file, load.seconds, load.connections)
    cpu_ms = (server.cpu_s() - before) * 1000 / peak.requests
    return Round(peak.rate, cpu_ms, peak.p50_ms, peak.p99_ms)


def alternated(
    servers: Mapping[str, Server], load: Load, say: Callable[[str], None]
) -> dict[str, Figures]:
    """Return each server's figures; the first turn of each is a warm-up and is not counted."""
    found: dict[str, list[Round]] = {name: [] for name in servers}
    for number in range(load.rounds + 1):
        for name, server in servers.items():
            one = turn(server, load)
            if number:
                found[name].append(one)
                figures = f"{one.rate:.0f}/s, {one.cpu_ms:.3f} ms CPU a request"
                say(f"round {number}: {name}{load.where} {figures}")
    return {
        name + load.where: Figures.of(found[name], server.memory_mib())
        for name, server in servers.items()
    }
