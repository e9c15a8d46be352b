"""Between the ingest and Kafka: what networks do, and what becomes of bid requests then."""

from __future__ import annotations

import pytest

from tests.faults.conftest import StartIngest
from tests.integration.conftest import Kafka
from tests.support.fault_proxy import PRODUCE, Fault, FaultProxy, Times, Way
from tests.support.ingest import IngestProcess
from tests.support.ledger import Ledger
from tests.support.load import Load
from tests.support.reckoning import (
    assert_counters_reconcile,
    assert_nothing_lost,
    assert_recovers,
    in_flight,
    rss,
)
from tests.support.waiting import eventually

DEADLINE_S = 1.0
ALLOWANCE_S = 0.1 + 0.15  # of the promise, and of a machine that does other things as well
MIB = 1024 * 1024


def assert_came_through(
    kafka: Kafka, topic: str, ingest: IngestProcess, ledger: Ledger, deadline_s: float = DEADLINE_S
) -> None:
    """Say that nothing is lost, doubled or unexplained, and that every answer came in time."""
    assert_recovers(ingest)
    assert_counters_reconcile(ingest, ledger)
    assert_nothing_lost(kafka.bootstrap_servers, topic, ledger)
    assert not ledger.unanswered
    assert ledger.slowest_s <= deadline_s + ALLOWANCE_S


class TestAway:
    """Nobody answers where Kafka was."""

    def test_away_for_less_than_the_deadline_is_not_noticed(
        self,
        kafka: Kafka,
        topic: str,
        proxy: FaultProxy,
        ledger: Ledger,
        start_ingest: StartIngest,
    ) -> None:
        """Requests wait for Kafka to come back, and every one of them is accepted."""
        with start_ingest(INGEST_PUBLISH_TIMEOUT_MS="8000") as ingest:
            ingest.wait_until_ready()
            with Load(ingest.port, ledger) as load:
                load.until_accepted(20)
                proxy.go_away()
                eventually(lambda: in_flight(ingest) >= 4, "all clients to wait")
                proxy.come_back()
                load.until_accepted(20)
            assert len(ledger.accepted) == len(ledger)
            assert_came_through(kafka, topic, ingest, ledger, deadline_s=8)

    def test_away_for_longer_is_503_and_then_over(
        self,
        kafka: Kafka,
        topic: str,
        proxy: FaultProxy,
        ledger: Ledger,
        start_ingest: StartIngest,
    ) -> None:
        """The first wait for their deadline, the others are refused at once, then all is well."""
        with start_ingest() as ingest:
            ingest.wait_until_ready()
            with Load(ingest.port, ledger) as load:
                load.until_accepted(20)
                proxy.go_away()
                load.until_not_accepted(200)
                assert ingest.get("/healthz").status == 200
                assert ingest.get("/readyz").json["reasons"][0].startswith("kafka: ")
                proxy.come_back()
                load.until_accepted(50)
            assert_came_through(kafka, topic, ingest, ledger)

    def test_away_under_full_load_costs_no_memory(
        self,
        kafka: Kafka,
        topic: str,
        proxy: FaultProxy,
        ledger: Ledger,
        start_ingest: StartIngest,
    ) -> None:
        """Five thousand refused requests leave less than 50 MiB behind, and no thread."""
        with start_ingest() as ingest:
            ingest.wait_until_ready()
            with Load(ingest.port, ledger, clients=16) as load:
                load.until_accepted(500)
                before = rss(ingest)
                proxy.go_away()
                load.until_not_accepted(5_000, within_s=60)
                grown = rss(ingest) - before
                proxy.come_back()
                load.until_accepted(50)
            assert grown < 50 * MIB
            assert_came_through(kafka, topic, ingest, ledger)


SLOW = {
    "500 ms late": Fault(delay_s=0.5, jitter_s=0.1),
    "in pieces of 7 bytes": Fault(piece_bytes=7),
}


class TestSlow:
    """Kafka is there, and takes its time."""

    @pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW)
    def test_slower_than_usual_is_accepted_later(
        self,
        kafka: Kafka,
        topic: str,
        proxy: FaultProxy,
        ledger: Ledger,
        start_ingest: StartIngest,
        fault: Fault,
    ) -> None:
        """Within the deadline a slow acknowledgement is an acknowledgement."""
        with start_ingest(INGEST_PUBLISH_TIMEOUT_MS="3000") as ingest:
            ingest.wait_until_ready()
            proxy.inject(fault)
            with Load(ingest.port, ledger) as load:
                load.until_accepted(20)
            assert len(ledger.accepted) == len(ledger)
            assert_came_through(kafka, topic, ingest, ledger, deadline_s=3)

    @pytest.mark.parametrize(
        "fault", [Fault(delay_s=5), Fault(black_hole=True)], ids=["5 s late", "a black hole"]
    )
    def test_silence_is_503_with_an_unknown_delivery_and_then_over(
        self,
        kafka: Kafka,
        topic: str,
        proxy: FaultProxy,
        ledger: Ledger,
        start_ingest: StartIngest,
        fault: Fault,
    ) -> None:
        """What was sent into the silence is `unknown`, what was not is `none`; then all is well."""
        with start_ingest() as ingest:
            ingest.wait_until_ready()
            with Load(ingest.port, ledger) as load:
                load.until_accepted(20)
                proxy.inject(fault)
                load.until_not_accepted(100)
                assert ingest.get("/healthz").status == 200
                proxy.heal()
                load.until_accepted(50)
            assert ledger.unknown
            assert ledger.refused
            assert_came_through(kafka, topic, ingest, ledger)


class TestReset:
    """Connections break, at the worst moments there are."""

    @pytest.mark.parametrize("way", list(Way), ids=[way.value for way in Way])
    def test_a_connection_that_breaks_at_a_record_is_made_up_for(
        self,
        kafka: Kafka,
        topic: str,
        proxy: FaultProxy,
        ledger: Ledger,
        start_ingest: StartIngest,
        way: Way,
    ) -> None:
        """Before Kafka has it or after: the record is sent again, and is there once."""
        with start_ingest(INGEST_PUBLISH_TIMEOUT_MS="5000") as ingest:
            ingest.wait_until_ready()
            with Load(ingest.port, ledger) as load:
                for _ in range(3):
                    load.until_accepted(20)
                    cut = Times(way, PRODUCE)
                    proxy.inject(Fault(cut=cut))
                    eventually(lambda cut=cut: cut.done, "the cut")  # type: ignore[misc]
                load.until_accepted(20)
            assert len(ledger.accepted) == len(ledger)
            assert_came_through(kafka, topic, ingest, ledger, deadline_s=5)

    def test_all_connections_broken_again_and_again(
        self,
        kafka: Kafka,
        topic: str,
        proxy: FaultProxy,
        ledger: Ledger,
        start_ingest: StartIngest,
    ) -> None:
        """Ten resets under load cost time and nothing else."""
        with start_ingest(INGEST_PUBLISH_TIMEOUT_MS="5000") as ingest:
            ingest.wait_until_ready()
            with Load(ingest.port, ledger) as load:
                for _ in range(10):
                    load.until_accepted(10)
                    proxy.reset()
                load.until_accepted(10)
            assert len(ledger.accepted) == len(ledger)
            assert_came_through(kafka, topic, ingest, ledger, deadline_s=5)
