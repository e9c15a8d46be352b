"""The end of every fault scenario: the ledger, the topic and the counters tell one story."""

from __future__ import annotations

import re

import psutil

from tests.support.ingest import IngestProcess
from tests.support.ledger import CLEAN, Ledger
from tests.support.stage import Stage
from tests.support.topics import read_all
from tests.support.waiting import eventually

_SAMPLE = re.compile(r'^(\w+?)(?:\{outcome="([^"]+)"\})? ([0-9.e+]+)$', re.MULTILINE)
_MAYBE_DELIVERED = {"delivery-unknown", "internal-error"}


def counted(ingest: IngestProcess) -> tuple[int, int, int, int]:
    """Return how many the ingest counts as received, accepted, refused and unknown."""
    received, outcomes = 0, {}
    for name, outcome, value in _SAMPLE.findall(ingest.get_admin("/metrics").body.decode()):
        if name == "ingest_received_total":
            received = int(float(value))
        elif name == "ingest_requests_total":
            outcomes[outcome] = int(float(value))
    accepted = outcomes.pop("accepted", 0)
    unknown = sum(outcomes.pop(outcome, 0) for outcome in _MAYBE_DELIVERED)
    return received, accepted, sum(outcomes.values()), unknown


def assert_counters_reconcile(ingest: IngestProcess, ledger: Ledger) -> None:
    """Received = accepted + refused + unknown, here and in the clients' own books."""
    received, *outcomes = counted(ingest)
    assert received == sum(outcomes)
    assert outcomes == [len(ledger.accepted), len(ledger.refused), len(ledger.unknown)]


def assert_nothing_lost(brokers: str, topic: str, ledger: Ledger) -> None:
    """Each accepted id is where its answer said; none refused is there; none is there twice."""
    assert ledger.findings(read_all(brokers, topic)) == CLEAN


def assert_recovers(ingest: IngestProcess) -> None:
    """Take bid requests again, without a restart."""
    eventually(lambda: ingest.get("/readyz").status == 200, "readiness", 30)
    assert ingest.log.read_text().count("Booting worker") == 1


def assert_came_through(stage: Stage, ingest: IngestProcess) -> None:
    """Say that nothing is lost, doubled, unexplained or without an answer."""
    assert_recovers(ingest)
    assert_counters_reconcile(ingest, stage.ledger)
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)
    assert not stage.ledger.unanswered


def in_flight(ingest: IngestProcess) -> int:
    """Return how many bid requests are being answered."""
    text = ingest.get_admin("/metrics").body.decode()
    found = re.search(r"^ingest_requests_in_flight ([0-9.]+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else 0


def rss(ingest: IngestProcess) -> int:
    """Return the bytes of memory that the workers hold."""
    return sum(psutil.Process(pid).memory_info().rss for pid in ingest.worker_pids())
