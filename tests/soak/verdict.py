"""What a soak has to show at its end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from common import decisions
from tests.soak.sampling import MIB, Growth
from tests.soak.world import World
from tests.support.ledger import Findings
from tests.support.topics import read_all
from tests.support.waiting import eventually

DRAINED_WITHIN_S = 60.0
MOST_MEMORY = 12 * MIB
MOST_THREADS = 4
MOST_FILES = 8


@dataclass(frozen=True)
class Finding:
    """One line of the table: a promise, what was found, and whether it is kept."""

    promise: str
    found: str
    kept: bool


def judge(world: World, growth: Sequence[Growth]) -> list[Finding]:
    """Wait until everything is decided, then hold ledger, topics and processes against it."""
    eventually(lambda: world.ingest.get("/readyz").status == 200, "the ingest", DRAINED_WITHIN_S)
    eventually(lambda: world.pipeline.lag() == 0, "lag 0", DRAINED_WITHIN_S, 1)
    return [*_ledger(world), watched(growth), *map(flat, growth)]


def _ledger(world: World) -> Iterator[Finding]:
    ledger, pipeline = world.ledger, world.pipeline
    columns: dict[str, Collection[str]] = {
        "accepted": ledger.accepted,
        "refused": ledger.refused,
        "unknown": ledger.unknown,
        "unanswered": ledger.unanswered,
    }
    distinct = len(set().union(*columns.values()))
    records = read_all(pipeline.brokers, pipeline.requests)
    found = ledger.findings(records)
    decided = {decisions.read(record.value).request.id for record in pipeline.decided()}
    letters = len(pipeline.given_up())
    said = ", ".join(f"{len(ids)} {name}" for name, ids in columns.items())
    yield Finding("each id in one column", said, distinct == len(ledger))
    for name in Findings.__dataclass_fields__:
        ids = getattr(found, name)
        yield Finding(f"none {name}", f"{len(ids)} of {len(records)} records", not ids)
    missing = ledger.accepted.keys() - decided
    yield Finding("accepted are decided", f"{len(missing)} missing", not missing)
    yield Finding("nothing dead-lettered", str(letters), not letters)


def watched(growth: Sequence[Growth]) -> Finding:
    """Say whether each service was looked at: without processes there is no growth to find."""
    services = {item.service for item in growth}
    kept = services == {"ingest worker", "ingest", "bidding logic"}
    return Finding("every service is watched", ", ".join(sorted(services)), kept)


def flat(growth: Growth) -> Finding:
    """Say whether a process has no more in the end than in the beginning."""
    memory = growth.last.memory - growth.first.memory
    threads = growth.last.threads - growth.first.threads
    files = growth.last.files - growth.first.files
    found = (
        f"{growth.seconds:.0f} s: {growth.last.memory / MIB:.1f} MiB ({memory / MIB:+.1f}), "
        f"{growth.last.threads} threads ({threads:+d}), {growth.last.files} files ({files:+d})"
    )
    kept = memory <= MOST_MEMORY and threads <= MOST_THREADS and files <= MOST_FILES
    return Finding(f"{growth.service} {growth.pid} is flat", found, kept)


def print_table(findings: Sequence[Finding], out: TextIO) -> None:
    """Print a line for each promise, and a last one that says how many are kept."""
    width = max(len(finding.promise) for finding in findings)
    for finding in findings:
        mark = "kept  " if finding.kept else "BROKEN"
        out.write(f"{mark}  {finding.promise:<{width}}  {finding.found}\n")
    kept = sum(finding.kept for finding in findings)
    out.write(f"{kept} passed, {len(findings) - kept} failed\n")
