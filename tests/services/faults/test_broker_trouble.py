"""Kafka itself: restarted, emptied, without its topic, or refusing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from kafka.admin import ACLOperation, ResourcePattern, ResourceType

from tests.support.fault_proxy import FaultProxy
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.ledger import Ledger
from tests.support.load import Client
from tests.support.reckoning import assert_nothing_lost, assert_recovers, at_work
from tests.support.scenario import scenario
from tests.support.secured_kafka import AUTHORIZER, denied
from tests.support.stage import Stage
from tests.support.topics import create_topic, delete_topic, make_topic, read_all
from tests.support.waiting import eventually
from verification.kafka.broker import EmbeddedKafka

pytestmark = [
    pytest.mark.timing,
    pytest.mark.promise("acknowledged", "explicit", "recovers"),
]

KIB = 1024


@dataclass
class OwnStage(Stage):
    """A stage whose broker the test may do anything to."""

    broker: EmbeddedKafka = field(kw_only=True)

    def wipe(self) -> None:
        """Have the broker come back without data."""
        self.broker.stop()
        shutil.rmtree(self.logs / "kafka")
        self.broker.start()

    def delete(self) -> None:
        """Delete the topic."""
        delete_topic(self.brokers, self.topic)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnStage]:
    """Run a broker for one test, which asks for rights where somebody has set any."""
    with (
        EmbeddedKafka(tmp_path / "kafka", settings=AUTHORIZER) as broker,
        FaultProxy(broker.bootstrap_servers) as proxy,
    ):
        topic = make_topic(broker.bootstrap_servers, "bid_requests")
        yield OwnStage(broker.bootstrap_servers, proxy, topic, tmp_path, broker=broker)


def names_the_topic(ingest: IngestProcess, topic: str) -> None:
    """Wait until readiness does."""
    eventually(lambda: topic in ingest.get_admin("/readyz").body.decode(), "the topic", 60)


def assert_serves_once_it_is_made(stage: Stage, ingest: IngestProcess) -> None:
    """Make the topic, and have twenty requests accepted, which a new ledger says."""
    create_topic(stage.brokers, stage.topic)
    assert_recovers(ingest)
    stage.ledger = Ledger()
    with closing(Client(ingest.port, stage.ledger)) as client:
        for number in range(20):
            client.post(f"after-{number}")
    assert len(stage.ledger.accepted) == 20


@pytest.mark.parametrize("end", [EmbeddedKafka.stop, EmbeddedKafka.kill], ids=["stop", "kill"])
@scenario(
    "The broker restarts, in order or by kill -9",
    client="503 while it is away",
    recovery="The producer connects again or is replaced",
)
def test_restarted_under_load(own: OwnStage, end: Callable[[EmbeddedKafka], None]) -> None:
    """In order or by kill -9: what was accepted is there, and the ingest goes on by itself."""
    with at_work(own) as (_, load):
        load.until_accepted(50)
        end(own.broker)
        load.until_not_accepted(20)
        own.broker.start()
        load.until_accepted(50, within_s=60)


@pytest.mark.parametrize("goes", [OwnStage.wipe, OwnStage.delete], ids=["wiped", "deleted"])
@scenario(
    "The topic is deleted and made again, or the broker comes back without data",
    client="503 with `none` in between; readiness names the topic",
    kept="What is accepted afterwards",
    recovery="By itself, once the topic is made",
)
def test_gone_under_load_and_made_again(own: OwnStage, goes: Callable[[OwnStage], None]) -> None:
    """What is accepted after the topic is back is there; nothing that was refused is."""
    with own.ingest(**PATIENT) as ingest:
        with own.load(ingest.wait_until_ready()) as load:
            load.until_accepted(20)
            goes(own)
            load.until_not_accepted(20)
        names_the_topic(ingest, own.topic)
        before = own.ledger  # what went with the topic was not the ingest's to keep
        assert_serves_once_it_is_made(own, ingest)
    present = {record.key.decode() for record in read_all(own.brokers, own.topic)}
    assert own.ledger.accepted.keys() <= present
    assert not before.refused.keys() & present


@scenario(
    "The broker's disk is full: it cannot write and ends",
    client="503 while it is away",
    recovery="By itself, once the broker has room and is started",
)
def test_a_full_disk_under_load(own: OwnStage) -> None:
    """What the full disk did not take was not accepted, and what it took is still there."""
    with at_work(own) as (_, load):
        load.until_accepted(50)
        # a limit on the size of files is a full disk that needs no disk, and no privileges
        process = psutil.Process(own.broker.pid)
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (16 * KIB, hard))
        load.until_not_accepted(20)
        eventually(own.broker.poll, "the broker's end")
        own.broker.start()
        load.until_accepted(50, within_s=60)
    assert "File too large" in own.broker.log_file.read_text()


@pytest.mark.promise("secured")
@scenario(
    "The right to write to the topic is taken away",
    client="503; readiness says why",
    recovery="By itself, once the right is given back",
)
def test_not_authorized(own: OwnStage) -> None:
    """Refused, with the reason in /readyz, until the right is back; nothing restarts."""
    topic = ResourcePattern(ResourceType.TOPIC, own.topic)
    with at_work(own) as (ingest, load):
        load.until_accepted(20)
        with denied(own.brokers, topic, ACLOperation.WRITE):
            load.until_not_accepted(20)
            assert ingest.get("/healthz").status == 200
            eventually(lambda: "uthoriz" in ingest.get_admin("/readyz").body.decode(), "why")
        load.until_accepted(50)


@scenario(
    "The topic does not exist",
    client="503 with `none`; readiness names the topic",
    kept="What is accepted afterwards",
    recovery="By itself, once the topic is made",
)
def test_missing_at_the_start(stage: Stage) -> None:
    """Refused as not delivered, with the topic named; taken once the topic is made."""
    delete_topic(stage.brokers, stage.topic)
    with stage.ingest(**PATIENT) as ingest, closing(Client(ingest.port, Ledger())) as early:
        names_the_topic(ingest, stage.topic)
        answer = early.post("early")
        assert answer is not None
        assert (answer.status, answer.json["delivery"]) == (503, "none")
        assert_serves_once_it_is_made(stage, ingest)
        assert ingest.level("ingest_received_total") == 21
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


@scenario(
    "A record larger than the topic takes",
    client="413; others notice nothing",
    kept="All others",
    recovery="None needed: it is refused before it is sent",
)
def test_a_record_too_large_for_the_topic_harms_no_other(stage: Stage) -> None:
    """It is 413 and nowhere; those sent along with it are accepted."""
    stage.topic = make_topic(stage.brokers, "small", configs={"max.message.bytes": "2000"})
    with (
        at_work(stage, PATIENT) as (ingest, load),
        closing(Client(ingest.port, stage.ledger)) as large,
    ):
        for number in range(20):
            load.until_accepted(2)
            answer = large.post(f"large-{number}", padding=3000)
            assert answer is not None
            assert answer.status == 413
    assert len(stage.ledger.refused) == 20
