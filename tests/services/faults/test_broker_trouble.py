"""Kafka itself: restarted, emptied, without its topic, or refusing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from tests.support.fault_proxy import FaultProxy
from tests.support.ingest import PATIENT
from tests.support.ledger import Ledger
from tests.support.load import Client
from tests.support.reckoning import (
    assert_came_through,
    assert_counters_reconcile,
    assert_nothing_lost,
    assert_recovers,
)
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import create_topic, delete_topic, make_topic, read_all
from tests.support.waiting import eventually
from verification.kafka.broker import EmbeddedKafka

pytestmark = pytest.mark.timing

KIB = 1024


@dataclass
class OwnStage(Stage):
    """A stage whose broker the test may do anything to."""

    broker: EmbeddedKafka | None = None
    data: Path = Path()


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[OwnStage]:
    """Run a broker with settings of its own, written with _ for the dots."""
    data = folder / "kafka"
    named = {name.replace("_", "."): value for name, value in settings.items()}
    with (
        EmbeddedKafka(data, settings=named) as broker,
        FaultProxy(broker.bootstrap_servers) as proxy,
    ):
        at = broker.bootstrap_servers
        topic = make_topic(at, "bid_requests")
        yield OwnStage(at, proxy, topic, folder, Ledger(), broker, data)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnStage]:
    """Run a broker for one test."""
    with running(tmp_path) as stage:
        yield stage


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[OwnStage]:
    """Run a broker that asks for rights where somebody has set any."""
    with running(
        tmp_path,
        authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        allow_everyone_if_no_acl_found="true",
    ) as stage:
        yield stage


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
            assert_came_through(own, ingest)

    @scenario(
        fault="The broker comes back without data",
        client="503 with `none`; readiness names the topic",
        kept="What is accepted afterwards",
        recovery="By itself, once the topic is made",
    )
    def test_restarted_empty(self, own: OwnStage) -> None:
        """Readiness names the topic that is gone; once somebody makes it, all goes on."""
        assert own.broker is not None
        with own.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready()
            with own.load(ingest) as load:
                load.until_accepted(20)
                own.broker.stop()
                shutil.rmtree(own.data)
                own.broker.start()
                load.until_not_accepted(20)
            eventually(
                lambda: own.topic in ingest.get_admin("/readyz").body.decode(), "the topic", 60
            )
            create_topic(own.brokers, own.topic)
            assert_recovers(ingest)
            own.ledger = Ledger()  # what the empty broker lost was not the ingest's to keep
            client = Client(ingest.port, own.ledger)
            for number in range(20):
                client.post(f"after-{number}")
            client.close()
        assert len(own.ledger.accepted) == 20
        assert_nothing_lost(own.brokers, own.topic, own.ledger)


class TestDisk:
    """The broker has no room left."""

    @scenario(
        fault="The broker's disk is full: it cannot write and ends",
        client="503 while it is away",
        kept="What was accepted",
        recovery="By itself, once the broker has room and is started",
    )
    def test_a_full_disk_under_load(self, own: OwnStage) -> None:
        """What the full disk did not take was not accepted, and what it took is still there."""
        assert own.broker is not None
        with own.ingest() as ingest:
            ingest.wait_until_ready()
            with own.load(ingest) as load:
                load.until_accepted(50)
                no_room_in_files_beyond(16 * KIB, own.broker)
                load.until_not_accepted(20)
                eventually(lambda: own.broker is None or own.broker.poll(), "the broker's end")
                own.broker.start()
                load.until_accepted(50, within_s=60)
            assert_came_through(own, ingest)
        assert "File too large" in own.broker.log_file.read_text()


def no_room_in_files_beyond(size: int, broker: EmbeddedKafka) -> None:
    """Let every write of the broker beyond `size` bytes fail, as on a disk that is full.

    A limit on the size of files is a full disk that needs no disk, and no privileges.
    """
    _, hard = psutil.Process(broker.pid).rlimit(psutil.RLIMIT_FSIZE)
    psutil.Process(broker.pid).rlimit(psutil.RLIMIT_FSIZE, (size, hard))


class TestAuthorization:
    """The cluster does not let the ingest write."""

    @scenario(
        fault="The right to write to the topic is taken away",
        client="503; readiness says why",
        kept="What was accepted",
        recovery="By itself, once the right is given back",
    )
    def test_not_authorized(self, guarded: OwnStage) -> None:
        """Refused, with the reason in /readyz, until the right is back; nothing restarts."""
        with guarded.ingest() as ingest:
            ingest.wait_until_ready()
            with guarded.load(ingest) as load:
                load.until_accepted(20)
                with no_writing(guarded.brokers, guarded.topic):
                    load.until_not_accepted(20)
                    assert ingest.get("/healthz").status == 200
                    eventually(
                        lambda: "uthoriz" in ingest.get_admin("/readyz").body.decode(), "why"
                    )
                load.until_accepted(50)
            assert_came_through(guarded, ingest)


@contextmanager
def no_writing(brokers: str, topic: str) -> Iterator[None]:
    """Let everybody do everything with the topic, but write to it."""
    pattern = ResourcePattern(ResourceType.TOPIC, topic)
    rights = [
        ACL("User:*", "*", operation, permission, pattern)
        for operation, permission in (
            (ACLOperation.ALL, ACLPermissionType.ALLOW),
            (ACLOperation.WRITE, ACLPermissionType.DENY),
        )
    ]
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        assert not admin.create_acls(rights)["failed"]
        yield
        admin.delete_acls(rights)


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
        with stage.ingest(**PATIENT) as ingest:
            eventually(
                lambda: stage.topic in ingest.get_admin("/readyz").body.decode(), "the topic's name"
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
        with stage.ingest(**PATIENT) as ingest:
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
        with stage.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                large = Client(ingest.port, stage.ledger)
                for number in range(20):
                    load.until_accepted(2)
                    answer = large.post(f"large-{number}", padding=3000)
                    assert answer is not None
                    assert answer.status == 413
                large.close()
            assert_came_through(stage, ingest)
        assert len(stage.ledger.refused) == 20
