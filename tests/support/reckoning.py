"""The end of every fault scenario: the ledger, the topic and the counters tell one story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from tests.support.ingest import IngestProcess
from tests.support.ledger import CLEAN, Ledger
from tests.support.load import Load
from tests.support.stage import Stage
from tests.support.topics import read_all
from tests.support.waiting import eventually

NO_SETTINGS: Mapping[str, str] = {}
_MAYBE_DELIVERED = {"delivery-unknown", "internal-error"}


def assert_counters_reconcile(ingest: IngestProcess, ledger: Ledger) -> None:
    """Received = accepted + refused + unknown, here and in the clients' own books."""
    text = ingest.get_admin("/metrics").body.decode()
    samples = [it for family in text_string_to_metric_families(text) for it in family.samples]
    (received,) = (it.value for it in samples if it.name == "ingest_received_total")
    outcomes = {
        it.labels["outcome"]: it.value for it in samples if it.name == "ingest_requests_total"
    }
    accepted = outcomes.pop("accepted", 0)
    unknown = sum(outcomes.pop(outcome, 0) for outcome in _MAYBE_DELIVERED)
    counted = [accepted, sum(outcomes.values()), unknown]
    assert counted == [len(ledger.accepted), len(ledger.refused), len(ledger.unknown)]
    assert received == sum(counted)


def assert_nothing_lost(brokers: str, topic: str, ledger: Ledger) -> None:
    """Each accepted id is where its answer said; none refused is there; none is there twice."""
    assert ledger.findings(read_all(brokers, topic)) == CLEAN


def assert_recovers(ingest: IngestProcess) -> None:
    """Take bid requests again, without a restart."""
    eventually(lambda: ingest.get("/readyz").status == 200, "readiness", 30)
    assert ingest.log.read_text().count("Booting worker") == 1


@contextmanager
def at_work(
    stage: Stage,
    environ: Mapping[str, str] = NO_SETTINGS,
    *,
    clients: int = 4,
    program: Sequence[str] = IngestProcess.program,
    comes_through: bool = True,
) -> Iterator[tuple[IngestProcess, Load]]:
    """Let clients post to an ingest meanwhile, and see at the end that nothing is lost or doubled.

    One that comes through serves at the end, without a restart, and has counted and answered all.
    """
    ingest = stage.ingest(**environ)
    ingest.program = program
    with ingest:
        ingest.wait_until_ready()
        with stage.load(ingest, clients) as load:
            yield ingest, load
        if comes_through:
            assert_recovers(ingest)
            assert_counters_reconcile(ingest, stage.ledger)
            assert not stage.ledger.unanswered
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


def in_flight(ingest: IngestProcess) -> int:
    """Return how many bid requests are being answered."""
    return int(ingest.level("ingest_requests_in_flight") or 0)
