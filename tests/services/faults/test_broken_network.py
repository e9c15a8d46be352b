"""Between the ingest and Kafka: what networks do, and what becomes of bid requests then."""

from __future__ import annotations

import time

import pytest

from tests.support.fault_proxy import PRODUCE, Fault, Times, Way
from tests.support.ingest import PATIENT
from tests.support.reckoning import assert_came_through, in_flight, rss
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

MIB = 1024 * 1024


class TestAway:
    """Nobody answers where Kafka was."""

    @scenario(
        fault="Kafka away for less than the publish deadline",
        client="202, later than usual",
        kept="Everything",
        recovery="The producer connects again",
    )
    def test_away_for_less_than_the_deadline_is_not_noticed(
        self,
        stage: Stage,
    ) -> None:
        """Requests wait for Kafka to come back, and every one of them is accepted."""
        with stage.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                load.until_accepted(20)
                stage.proxy.go_away()
                eventually(lambda: in_flight(ingest) >= 4, "all clients to wait")
                stage.proxy.come_back()
                load.until_accepted(20)
            assert len(stage.ledger.accepted) == len(stage.ledger)
            assert_came_through(stage, ingest)

    @scenario(
        fault="Kafka away for longer than the publish deadline",
        client="503 after the deadline, then 503 at once",
        kept="What was accepted; of the rest only `unknown` may be there",
        recovery="The producer is replaced when Kafka is back",
    )
    def test_away_for_longer_is_503_and_then_over(
        self,
        stage: Stage,
    ) -> None:
        """The first wait for their deadline, the others are refused at once, then all is well."""
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                load.until_accepted(20)
                stage.proxy.go_away()
                load.until_not_accepted(200)
                assert ingest.get("/healthz").status == 200
                assert ingest.get_admin("/readyz").json["reasons"][0].startswith("kafka: ")
                stage.proxy.come_back()
                load.until_accepted(50)
            assert_came_through(stage, ingest)

    @scenario(
        fault="Kafka away under full load",
        client="503 at once",
        kept="What was accepted",
        recovery="As above; memory stays within 50 MiB",
    )
    def test_away_under_full_load_costs_no_memory(
        self, stage: Stage, pytestconfig: pytest.Config
    ) -> None:
        """Five thousand refused requests, or --away=300 seconds of them, cost less than 50 MiB."""
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest, clients=16) as load:
                load.until_accepted(500)
                before = rss(ingest)
                stage.proxy.go_away()
                back = time.monotonic() + pytestconfig.getoption("--away")
                load.until_not_accepted(5_000, within_s=60)
                time.sleep(max(back - time.monotonic(), 0))
                grown = rss(ingest) - before
                stage.proxy.come_back()
                load.until_accepted(50)
            assert grown < 50 * MIB
            assert_came_through(stage, ingest)


SLOW = {
    "500 ms late": Fault(delay_s=0.5, jitter_s=0.1),
    "in pieces of 7 bytes": Fault(piece_bytes=7),
}


class TestSlow:
    """Kafka is there, and takes its time."""

    @pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW)
    @scenario(
        fault="Kafka 500 ms slower, or in slices of 7 bytes",
        client="202, later than usual",
        kept="Everything",
        recovery="None needed",
    )
    def test_slower_than_usual_is_accepted_later(
        self,
        stage: Stage,
        fault: Fault,
    ) -> None:
        """Within the deadline a slow acknowledgement is an acknowledgement."""
        with stage.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready()
            stage.proxy.inject(fault)
            with stage.load(ingest) as load:
                load.until_accepted(20)
            assert len(stage.ledger.accepted) == len(stage.ledger)
            assert_came_through(stage, ingest)

    @scenario(
        fault="A link to Kafka that carries a fraction of the load",
        client="202 as far as the link goes, 503 for the rest",
        kept="What was accepted; of the rest only `unknown` may be there",
        recovery="By itself, once the link carries the load again",
    )
    def test_a_narrow_link(self, stage: Stage) -> None:
        """A link that is too narrow for the load costs answers, and no accepted request."""
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest, clients=8) as load:
                load.until_accepted(50)
                stage.proxy.inject(Fault(bytes_per_s=2_000))
                load.until_not_accepted(20)
                stage.proxy.heal()
                load.until_accepted(50)
            assert_came_through(stage, ingest)

    @pytest.mark.parametrize(
        "fault", [Fault(delay_s=5), Fault(black_hole=True)], ids=["5 s late", "a black hole"]
    )
    @scenario(
        fault="Kafka 5 s slower, or a black hole",
        client="503 with `unknown` for what was sent, `none` for what was not",
        kept="What was accepted; of the rest only `unknown` may be there",
        recovery="The producer is replaced when Kafka answers",
    )
    def test_silence_is_503_with_an_unknown_delivery_and_then_over(
        self,
        stage: Stage,
        fault: Fault,
    ) -> None:
        """What was sent into the silence is `unknown`, what was not is `none`; then all is well."""
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                load.until_accepted(20)
                stage.proxy.inject(fault)
                load.until_not_accepted(100)
                assert ingest.get("/healthz").status == 200
                stage.proxy.heal()
                load.until_accepted(50)
            assert stage.ledger.unknown
            assert stage.ledger.refused
            assert_came_through(stage, ingest)


class TestReset:
    """Connections break, at the worst moments there are."""

    @pytest.mark.parametrize("way", list(Way), ids=[way.value for way in Way])
    @scenario(
        fault="The connection breaks before or after Kafka has the record",
        client="202",
        kept="Everything, once",
        recovery="The producer sends again; Kafka drops the duplicate",
    )
    def test_a_connection_that_breaks_at_a_record_is_made_up_for(
        self,
        stage: Stage,
        way: Way,
    ) -> None:
        """Before Kafka has it or after: the record is sent again, and is there once."""
        with stage.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                for _ in range(3):
                    load.until_accepted(20)
                    cut = Times(way, PRODUCE)
                    stage.proxy.inject(Fault(cut=cut))
                    eventually(lambda cut=cut: cut.done, "the cut")  # type: ignore[misc]
                load.until_accepted(20)
            assert len(stage.ledger.accepted) == len(stage.ledger)
            assert_came_through(stage, ingest)

    @scenario(
        fault="All connections to Kafka reset, ten times",
        client="202",
        kept="Everything, once",
        recovery="The producer connects again",
    )
    def test_all_connections_broken_again_and_again(
        self,
        stage: Stage,
    ) -> None:
        """Ten resets under load cost time and nothing else."""
        with stage.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                for _ in range(10):
                    load.until_accepted(10)
                    stage.proxy.reset()
                load.until_accepted(10)
            assert len(stage.ledger.accepted) == len(stage.ledger)
            assert_came_through(stage, ingest)
