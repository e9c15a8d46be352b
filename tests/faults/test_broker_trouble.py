"""Kafka itself: restarted, emptied, without its topic, or refusing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.fault_proxy import FaultProxy
from tests.support.ledger import Ledger
from tests.support.load import Client
from tests.support.reckoning import (
    assert_counters_reconcile,
    assert_nothing_lost,
    assert_recovers,
)
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import create_topic, delete_topic, make_topic, read_all
from tests.support.waiting import eventually
from verification.embedded.broker import EmbeddedKafka


@dataclass
class OwnStage(Stage):
    """A stage whose broker the test may do anything to."""

    broker: EmbeddedKafka | None = None
    data: Path = Path()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnStage]:
    """Run a broker for one test."""
    data = tmp_path / "kafka"
    with EmbeddedKafka(data) as broker, FaultProxy(broker.bootstrap_servers) as proxy:
        at = broker.bootstrap_servers
        topic = make_topic(at, "bid_requests", partitions=3)
        yield OwnStage(at, proxy, topic, tmp_path, Ledger(), broker, data)


class TestRestarted:
    """The broker goes and comes back."""

    @pytest.mark.parametrize("end", ["stop", "kill"])
    @scenario(
        fault="The broker restarts, in order or by kill -9",
        client="503 while it is away",
        kept="What was accepted",
        recovery="The producer connects again or is replaced",
    )
    def test_restarted_under_load(self, own: OwnStage, end: str) -> None:
        """In order or by kill -9: what was accepted is there, and the ingest goes on by itself."""
        assert own.broker is not None
        with own.ingest() as ingest:
            ingest.wait_until_ready()
            with own.load(ingest) as load:
                load.until_accepted(50)
                getattr(own.broker, end)()
                load.until_not_accepted(20)
                own.broker.start()
                load.until_accepted(50, within_s=60)
            assert_recovers(ingest)
            assert_counters_reconcile(ingest, own.ledger)
        assert_nothing_lost(own.brokers, own.topic, own.ledger)

    @scenario(
        fault="The broker comes back without data",
        client="503 with `none`; readiness names the topic",
        kept="What is accepted afterwards",
        recovery="By itself, once the topic is made",
    )
    def test_restarted_empty(self, own: OwnStage) -> None:
        """Readiness names the topic that is gone; once somebody makes it, all goes on."""
        assert own.broker is not None
        with own.ingest() as ingest:
            ingest.wait_until_ready()
            with own.load(ingest) as load:
                load.until_accepted(20)
                own.broker.stop()
                shutil.rmtree(own.data)
                own.broker.start()
                load.until_not_accepted(20)
            eventually(lambda: own.topic in ingest.get("/readyz").body.decode(), "the topic", 20)
            create_topic(own.brokers, own.topic)
            assert_recovers(ingest)
            own.ledger = Ledger()  # what the empty broker lost was not the ingest's to keep
            client = Client(ingest.port, own.ledger)
            for number in range(20):
                client.post(f"after-{number}")
            client.close()
        assert len(own.ledger.accepted) == 20
        assert_nothing_lost(own.brokers, own.topic, own.ledger)


class TestTopic:
    """The topic is not as it should be."""

    @scenario(
        fault="The topic does not exist",
        client="503 with `none`; readiness names the topic",
        kept="What is accepted afterwards",
        recovery="By itself, once the topic is made",
    )
    def test_missing_at_the_start(self, stage: Stage) -> None:
        """Refused as not delivered, with the topic named; taken once the topic is made."""
        delete_topic(stage.brokers, stage.topic)
        with stage.ingest() as ingest:
            eventually(
                lambda: stage.topic in ingest.get("/readyz").body.decode(), "the topic's name"
            )
            client = Client(ingest.port, stage.ledger)
            answer = client.post("early")
            assert answer is not None
            assert (answer.status, answer.json["delivery"]) == (503, "none")
            create_topic(stage.brokers, stage.topic)
            assert_recovers(ingest)
            client.post("later")
            client.close()
            assert_counters_reconcile(ingest, stage.ledger)
        assert stage.ledger.accepted.keys() == {"later"}
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)

    @scenario(
        fault="The topic is deleted and made again",
        client="503 in between",
        kept="What is accepted afterwards",
        recovery="By itself, once the topic is made",
    )
    def test_deleted_under_load_and_made_again(self, stage: Stage) -> None:
        """What is accepted after the topic is back is there; nothing that was refused is."""
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                load.until_accepted(20)
                delete_topic(stage.brokers, stage.topic)
                load.until_not_accepted(20)
            before, stage.ledger = stage.ledger, Ledger()
            create_topic(stage.brokers, stage.topic)
            assert_recovers(ingest)
            client = Client(ingest.port, stage.ledger)
            for number in range(20):
                client.post(f"after-{number}")
            client.close()
        assert len(stage.ledger.accepted) == 20
        present = {record.key.decode() for record in read_all(stage.brokers, stage.topic)}
        assert stage.ledger.accepted.keys() <= present
        assert not before.refused.keys() & present

    @scenario(
        fault="A record larger than the topic takes",
        client="413; others notice nothing",
        kept="All others",
        recovery="None needed: it is refused before it is sent",
    )
    def test_a_record_too_large_for_the_topic_harms_no_other(self, stage: Stage) -> None:
        """It is 413 and nowhere; those sent along with it are accepted."""
        stage.topic = make_topic(stage.brokers, "small", configs={"max.message.bytes": "2000"})
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                large = Client(ingest.port, stage.ledger)
                for number in range(20):
                    load.until_accepted(2)
                    answer = large.post(f"large-{number}", padding=3000)
                    assert answer is not None
                    assert answer.status == 413
                large.close()
            assert_recovers(ingest)
            assert_counters_reconcile(ingest, stage.ledger)
        assert len(stage.ledger.refused) == 20
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)
