"""Signals to the ingest's processes: what was accepted stays, what was not answered is known."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack, closing

import pytest

from app.kafka.in_flight import InFlight
from app.kafka.kafka_publisher import connect
from app.kafka.publisher import Record
from app.problems import Unavailable
from app.settings import load_settings
from tests.services.faults.altered import DOOMED, UNANSWERED, altered
from tests.services.faults.altered import PATIENT as PATIENT_START
from tests.support.fault_proxy import Fault
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.load import Client, bid
from tests.support.raw_client import RawClient
from tests.support.reckoning import (
    assert_counters_reconcile,
    assert_nothing_lost,
    at_work,
    in_flight,
)
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("acknowledged")]

GRACE_S = 20  # terminationGracePeriodSeconds of the deployment
# New workers wait for Kafka longer than the ingest's 2 s, which a machine may stand.
RENEWED = altered(PATIENT_START, "app")


def posting(body: bytes) -> bytes:
    """Return a request."""
    return b"POST /bid HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def terminate(ingest: IngestProcess) -> None:
    """Have it end within the grace period."""
    ingest.process.send_signal(signal.SIGTERM)
    assert ingest.process.wait(GRACE_S) == 0


@pytest.mark.promise("recovers")
@scenario(
    "An ingest worker is killed in the middle of requests",
    client="A broken connection",
    recovery="Another worker starts",
)
def test_killed_in_the_middle_of_requests(stage: Stage) -> None:
    """What was accepted before is there; clients see a broken connection; others serve."""
    with at_work(stage, PATIENT, comes_through=False) as (ingest, load):
        (worker,) = ingest.worker_pids()
        load.until_accepted(30)
        stage.proxy.inject(Fault(black_hole=True))
        eventually(lambda: in_flight(ingest) >= 2, "requests in flight")
        os.kill(worker, signal.SIGKILL)
        stage.proxy.heal()
        load.until_accepted(30)
    assert stage.ledger.unanswered


@scenario(
    "An ingest worker is killed between acknowledgement and answer",
    client="A broken connection: try again with the same id",
    kept="The record, unanswered",
    recovery="Another worker starts; the second record is marked as a duplicate",
)
def test_killed_between_acknowledgement_and_answer(stage: Stage) -> None:
    """The record is there and its client has no answer: it may try again with the same id."""
    ingest = stage.ingest(**PATIENT)
    ingest.program = altered(UNANSWERED, "app")
    with ingest, closing(Client(ingest.wait_until_ready().port, stage.ledger)) as client:
        client.post("before")
        assert client.post(DOOMED.decode()) is None
        eventually(ingest.worker_pids, "a successor")
        ingest.wait_until_ready()
        client.post("after")
    assert stage.ledger.accepted.keys() == {"before", "after"}
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)
    assert DOOMED in {record.key for record in read_all(stage.brokers, stage.topic)}


@pytest.mark.promise("recovers")
@scenario(
    "An ingest worker is stopped for 10 s",
    client="Late answers, some 503",
    recovery="It goes on by itself",
)
def test_a_worker_that_was_stopped_goes_on(stage: Stage) -> None:
    """Nothing is lost or doubled when the world went on for longer than the deadline."""
    with at_work(stage, comes_through=False) as (ingest, load):
        (worker,) = ingest.worker_pids()
        load.until_accepted(30)
        os.kill(worker, signal.SIGSTOP)
        begun = threading.Event()
        threading.Timer(10, begun.set).start()
        assert begun.wait(15)  # what is tested is the passing of this time
        os.kill(worker, signal.SIGCONT)
        load.until_accepted(30)
        assert ingest.worker_pids() == [worker]


@pytest.mark.promise("drains")
@scenario(
    "SIGTERM under load",
    client="202, then refused connections",
    recovery="Exit 0 within the grace period",
)
def test_terminated_under_load_answers_everybody(stage: Stage) -> None:
    """Each request that was taken is answered, and the process ends in time with 0."""
    with at_work(stage, PATIENT, clients=8, comes_through=False) as (ingest, load):
        load.until_accepted(50)
        terminate(ingest)
    assert len(stage.ledger.accepted) == len(stage.ledger)


@pytest.mark.promise("drains")
@scenario(
    "SIGTERM with connections in the listen backlog, and with a body that is half sent",
    client="202",
    recovery="Exit 0 within the grace period",
)
def test_the_listen_backlog_is_served(stage: Stage) -> None:
    """Who has connected by SIGTERM is answered, accepted or not, and whole or not."""
    half = posting(bid("half"))
    slow = {"INGEST_READ_TIMEOUT_S": "30", "INGEST_GRACEFUL_TIMEOUT_S": "30"}
    with stage.ingest(**PATIENT, **slow) as ingest, ExitStack() as stack:
        (worker,) = ingest.wait_until_ready().worker_pids()
        os.kill(worker, signal.SIGSTOP)
        waiting = [stack.enter_context(RawClient(ingest.port)) for _ in range(20)]
        waiting[0].send(half[:-5])
        for number, client in enumerate(waiting[1:]):
            client.send(posting(bid(f"r-{number}")))
        ingest.process.send_signal(signal.SIGTERM)
        eventually(lambda: "Handling signal: term" in ingest.log.read_text(), "SIGTERM to be seen")
        os.kill(worker, signal.SIGTERM)  # as the arbiter does, now or in a moment
        os.kill(worker, signal.SIGCONT)
        assert [client.status() for client in waiting[1:]] == [202] * 19
        assert waiting[0].send(half[-5:]).status() == 202
        assert ingest.process.wait(GRACE_S) == 0
    assert len(read_all(stage.brokers, stage.topic)) == 20


@pytest.mark.promise("drains")
@pytest.mark.promise("explicit")
@scenario(
    "SIGTERM while Kafka takes longer than the grace, and a client sends slower",
    client="503, and 408",
    kept="Whatever Kafka has got",
    recovery="None is needed",
)
def test_terminated_answers_who_still_waits(stage: Stage) -> None:
    """At the end of the grace nobody is cut off: each is told that there is no acceptance."""
    hasty = {"INGEST_PUBLISH_TIMEOUT_MS": "60000", "INGEST_GRACEFUL_TIMEOUT_S": "1"}
    with stage.ingest(**hasty, INGEST_READ_TIMEOUT_S="60") as ingest:
        ingest.wait_until_ready()
        stage.proxy.inject(Fault(black_hole=True))
        with RawClient(ingest.port) as whole, RawClient(ingest.port) as half:
            half.send(posting(bid("half"))[:-20])
            whole.send(posting(bid("whole")))
            eventually(lambda: in_flight(ingest) == 1, "the record to wait")
            ingest.process.send_signal(signal.SIGTERM)
            assert (whole.status(), half.status()) == (503, 408)
        assert ingest.process.wait(GRACE_S) == 0


@pytest.mark.promise("drains")
@scenario(
    "SIGTERM with Kafka away",
    client="503",
    recovery="Exit 0 within the grace period: the drain has one deadline",
)
def test_terminated_with_kafka_away_ends_in_time(stage: Stage) -> None:
    """The drain has one deadline; what it leaves behind is answered, not dropped."""
    with at_work(stage, comes_through=False) as (ingest, load):
        load.until_accepted(20)
        stage.proxy.inject(Fault(black_hole=True))
        load.until_not_accepted(1)
        terminate(ingest)
        stage.proxy.heal()
    assert not stage.ledger.unanswered


@pytest.mark.promise("drains")
@scenario("SIGHUP under load", client="202", recovery="New workers take over")
def test_reloaded_under_load(stage: Stage) -> None:
    """SIGHUP replaces the workers, and no client notices."""
    with at_work(stage, PATIENT, program=RENEWED, comes_through=False) as (ingest, load):
        before = {*ingest.worker_pids()}
        load.until_accepted(50)
        ingest.process.send_signal(signal.SIGHUP)
        eventually(
            ingest.worker_pids, "other workers", until=lambda now: now and before.isdisjoint(now)
        )
        load.until_accepted(50)
    assert len(stage.ledger.accepted) == len(stage.ledger)


@pytest.mark.promise("drains")
@scenario("Workers replaced after 50 requests each", client="202", recovery="New workers take over")
def test_recycled_workers(stage: Stage) -> None:
    """Workers that leave after fifty requests take none of the others with them."""
    ingest = stage.ingest(INGEST_MAX_REQUESTS="50", INGEST_WORKERS="2", **PATIENT)
    ingest.program = RENEWED
    with ingest:
        with stage.load(ingest.wait_until_ready()) as load:
            load.until_accepted(400)
        assert ingest.log.read_text().count("Booting worker") > 2
        assert_counters_reconcile(ingest, stage.ledger)
    assert len(stage.ledger.accepted) == len(stage.ledger)
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


@pytest.mark.promise("recovers")
@scenario(
    "The producer's sender thread is dead",
    client="503 with `none` for one request",
    recovery="Another producer",
)
def test_a_dead_sender_thread_is_replaced(stage: Stage) -> None:
    """One request is refused as not sent, the next ones go through another producer."""
    environ = {"KAFKA_BROKERS": stage.brokers, "KAFKA_TOPIC_BID_REQUESTS": stage.topic}
    publisher = connect(load_settings(environ | PATIENT), InFlight(10, 10_000))
    publisher.start(patience_s=30)
    try:
        assert publisher.publish(Record(b"1", b"{}", ())).offset >= 0
        (sender,) = (t for t in threading.enumerate() if "network-thread" in t.name)
        sender.force_close()  # type: ignore[attr-defined]  # kafka-python's own
        sender.join(30)
        with pytest.raises(Unavailable) as refused:
            publisher.publish(Record(b"2", b"{}", ()))
        assert refused.value.delivery == "none"
        eventually(lambda: not publisher.not_ready(), "another producer")
        publisher.publish(Record(b"3", b"{}", ()))
    finally:
        publisher.close(2)
    assert {r.key for r in read_all(stage.brokers, stage.topic)} == {b"1", b"3"}
