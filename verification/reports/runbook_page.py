"""The runbook `docs/testing/phase-1-verification.md`, generated from the registry of checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from verification.checklist.support.check import Check, Severity

PATH = Path("docs/testing/phase-1-verification.md")
# What the commands by hand take for granted, but for the cluster that `make up` makes.
PREAMBLE = """\
export KUBECONFIG=$PWD/.verification/kubeconfig PATH=$PWD/.venv/verify/bin:$PATH
image() { kubectl --namespace rtb get deployment "$1" --output jsonpath='{..image}'; }
INGEST_IMAGE=$(image bid-request-handler)
CONSUMER_IMAGE=$(image bidding-logic-service)
kafka() {
  kubectl --namespace rtb exec --stdin kafka-0 -- env KAFKA_HEAP_OPTS=-Xmx128m \\
    "/opt/kafka/bin/$1" --bootstrap-server kafka-service:9092 "${@:2}"
}
"""
_HEAD = f"""\
# How to verify this phase

`make verify` does all of this by itself and writes what it found to `.verification/`
(`report.html` is the one to look at). This page is the same by hand. It is generated from the
registry of checks in `verification/checklist/` by `python -m verification runbook`.

## Before you begin

Docker, kind and kubectl are needed; `make up` makes a cluster of its own, `make down` removes it.
The commands are for bash, typed in the project's folder, in one shell. Each ends with status 0 when
the promise is kept; a `!` stands before those that must be refused.

```bash
make up
{PREAMBLE}```
"""


def runbook(checks: Sequence[Check], questions: Mapping[str, str]) -> str:
    """Return the page: one section a category, one heading a check."""
    return _HEAD + "\n".join(_sections(checks, questions))


def _sections(checks: Sequence[Check], questions: Mapping[str, str]) -> Iterator[str]:
    for category in dict.fromkeys(item.category for item in checks):
        yield f"\n## {category.capitalize()}: {questions[category]}\n"
        for item in checks:
            if item.category == category:
                yield from _check(item)


def _check(item: Check) -> Iterator[str]:
    warning = " A failure is a warning." if item.severity is Severity.WARNING else ""
    yield f"### {item.id}\n"
    yield f"{item.statement}{warning}\n"
    yield "```bash"
    yield from item.by_hand
    yield "```\n"
    yield f"Expected: {item.expected}\n"
    yield f"Otherwise: {item.hint}\n"
