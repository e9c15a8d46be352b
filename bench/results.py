"""What a run found, as a file: docs/performance.md and docs/scale.md are computed from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.backlog import Pace
from bench.goals import Goal
from bench.open_loop import Paced
from bench.rounds import Figures

LATEST = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True)
class Results:
    """Everything that was measured in one run."""

    machine: Mapping[str, str]
    peaks: Mapping[str, Figures]
    not_run: Mapping[str, str]
    goals: Sequence[Goal]
    latency: Mapping[str, Sequence[Paced]] = field(default_factory=dict)
    crowded: Mapping[str, Paced] = field(default_factory=dict)
    acknowledgement_p99_ms: float = 0.0
    backlog: Mapping[str, Pace] = field(default_factory=dict)
    drained: Mapping[str, Pace] = field(default_factory=dict)


def write(results: Results, path: Path = LATEST) -> None:
    """Keep the results; figures are rounded to what they are worth."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(_rounded(asdict(results)), indent=1) + "\n", encoding="utf-8")


def read(path: Path = LATEST) -> Results:
    """Return what a run left."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Results(
        machine=raw["machine"],
        peaks={name: Figures(**each) for name, each in raw["peaks"].items()},
        not_run=raw["not_run"],
        goals=[Goal(**each) for each in raw["goals"]],
        latency={name: [Paced(**one) for one in each] for name, each in raw["latency"].items()},
        crowded={name: Paced(**one) for name, one in raw["crowded"].items()},
        acknowledgement_p99_ms=raw["acknowledgement_p99_ms"],
        backlog={name: Pace(**each) for name, each in raw["backlog"].items()},
        drained={name: Pace(**each) for name, each in raw["drained"].items()},
    )


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, (list, tuple)) else value
