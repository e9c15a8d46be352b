"""Signals to the ingest's processes: what was accepted stays, what was not answered is known."""

from __future__ import annotations

import os
import signal
import socket
import threading

import pytest

from app.kafka.in_flight import InFlight
from app.kafka.kafka_publisher import connect
from app.kafka.publisher import Record
from app.problems import Unavailable
from app.settings import load_settings
from tests.services.faults.killed_after_acknowledgement import DOOMED
from tests.support.fault_proxy import Fault
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.load import Client, bid
from tests.support.raw_client import RawClient
from tests.support.reckoning import assert_counters_reconcile, assert_nothing_lost, in_flight
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

GRACE_S = 20  # terminationGracePeriodSeconds of the deployment


def connects(port: int) -> bool:
    """Whether a new connection is made."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.3).close()
    except TimeoutError:
        return False
    return True


def patient(ingest: IngestProcess) -> IngestProcess:
    """Have new workers wait for Kafka longer than the ingest's 2 s, which a machine may stand."""
    ingest.program = ("-m", "tests.services.faults.patient_start")
    return ingest


class TestKilled:
    """Kill -9 of a worker."""

    @scenario(
        fault="An ingest worker is killed in the middle of requests",
        client="A broken connection",
        kept="What was accepted",
        recovery="Another worker starts",
    )
    def test_killed_in_the_middle_of_requests(self, stage: Stage) -> None:
        """What was accepted before is there; clients see a broken connection; others serve."""
        with stage.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready()
            (worker,) = ingest.worker_pids()
            with stage.load(ingest) as load:
                load.until_accepted(30)
                stage.proxy.inject(Fault(black_hole=True))
                eventually(lambda: in_flight(ingest) >= 2, "requests in flight")
                os.kill(worker, signal.SIGKILL)
                stage.proxy.heal()
                load.until_accepted(30)
        assert stage.ledger.unanswered
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)

    @scenario(
        fault="An ingest worker is killed between acknowledgement and answer",
        client="A broken connection: try again with the same id",
        kept="The record, unanswered",
        recovery="Another worker starts; the second record is marked as a duplicate",
    )
    def test_killed_between_acknowledgement_and_answer(self, stage: Stage) -> None:
        """The record is there and its client has no answer: it may try again with the same id."""
        ingest = stage.ingest(**PATIENT)
        ingest.program = ("-m", "tests.services.faults.killed_after_acknowledgement")
        with ingest:
            client = Client(ingest.wait_until_ready().port, stage.ledger)
            client.post("before")
            assert client.post(DOOMED.decode()) is None
            eventually(ingest.worker_pids, "a successor")
            ingest.wait_until_ready()
            client.post("after")
            client.close()
        assert stage.ledger.accepted.keys() == {"before", "after"}
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)
        assert DOOMED in {record.key for record in read_all(stage.brokers, stage.topic)}


class TestStopped:
    """SIGSTOP and SIGCONT: a process that is not scheduled for a while."""

    @scenario(
        fault="An ingest worker is stopped for 10 s",
        client="Late answers, some 503",
        kept="What was accepted",
        recovery="It goes on by itself",
    )
    def test_a_worker_that_was_stopped_goes_on(self, stage: Stage) -> None:
        """Nothing is lost or doubled when the world went on for longer than the deadline."""
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            (worker,) = ingest.worker_pids()
            with stage.load(ingest) as load:
                load.until_accepted(30)
                os.kill(worker, signal.SIGSTOP)
                begun = threading.Event()
                threading.Timer(10, begun.set).start()
                assert begun.wait(15)  # what is tested is the passing of this time
                os.kill(worker, signal.SIGCONT)
                load.until_accepted(30)
            assert ingest.worker_pids() == [worker]
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


class TestTerminated:
    """SIGTERM, and what else replaces a worker in order."""

    @scenario(
        fault="SIGTERM under load",
        client="202, then refused connections",
        kept="Everything accepted",
        recovery="Exit 0 within the grace period",
    )
    def test_terminated_under_load_answers_everybody(self, stage: Stage) -> None:
        """Each request that was taken is answered, and the process ends in time with 0."""
        with stage.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest, clients=8) as load:
                load.until_accepted(50)
                ingest.process.send_signal(signal.SIGTERM)
                assert ingest.process.wait(GRACE_S) == 0
        assert len(stage.ledger.accepted) == len(stage.ledger)
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)

    @scenario(
        fault="SIGTERM with connections in the listen backlog",
        client="202",
        kept="Everything",
        recovery="Exit 0 within the grace period",
    )
    def test_the_listen_backlog_is_served(self, stage: Stage) -> None:
        """Connections that nobody had accepted at SIGTERM are answered."""
        with stage.ingest(**PATIENT) as ingest:
            (worker,) = ingest.wait_until_ready().worker_pids()
            os.kill(worker, signal.SIGSTOP)
            waiting = [socket.create_connection(("127.0.0.1", ingest.port), 10) for _ in range(20)]
            for number, connection in enumerate(waiting):
                body = bid(f"r-{number}")
                head = b"POST /bid HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
                connection.sendall(head + body)
            ingest.process.send_signal(signal.SIGTERM)
            eventually(
                lambda: "Handling signal: term" in ingest.log.read_text(), "SIGTERM to be seen"
            )
            os.kill(worker, signal.SIGTERM)  # as the arbiter does, now or in a moment
            os.kill(worker, signal.SIGCONT)
            statuses = [connection.recv(65_536)[:12] for connection in waiting]
            for connection in waiting:
                connection.close()
        assert statuses == [b"HTTP/1.1 202"] * 20
        assert len(read_all(stage.brokers, stage.topic)) == 20

    @scenario(
        fault="SIGTERM while Kafka takes longer than the grace, and a client sends slower",
        client="503, and 408",
        kept="Whatever Kafka has got",
        recovery="None is needed",
    )
    def test_terminated_answers_who_still_waits(self, stage: Stage) -> None:
        """At the end of the grace nobody is cut off: each is told that there is no acceptance."""
        hasty = {"INGEST_PUBLISH_TIMEOUT_MS": "60000", "INGEST_GRACEFUL_TIMEOUT_S": "1"}
        body = bid("waits")
        head = b"POST /bid HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        with stage.ingest(**hasty, INGEST_READ_TIMEOUT_S="60") as ingest:
            ingest.wait_until_ready()
            stage.proxy.inject(Fault(black_hole=True))
            with RawClient(ingest.port) as whole, RawClient(ingest.port) as half:
                half.send(head + body[:9])
                whole.send(head + body)
                eventually(lambda: in_flight(ingest) == 1, "the record to wait")
                ingest.process.send_signal(signal.SIGTERM)
                assert (whole.status(), half.status()) == (503, 408)
            assert ingest.process.wait(GRACE_S) == 0

    @scenario(
        fault="SIGTERM with Kafka away",
        client="503",
        kept="What was accepted",
        recovery="Exit 0 within the grace period: the drain has one deadline",
    )
    def test_terminated_with_kafka_away_ends_in_time(self, stage: Stage) -> None:
        """The drain has one deadline; what it leaves behind is answered, not dropped."""
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                load.until_accepted(20)
                stage.proxy.inject(Fault(black_hole=True))
                load.until_not_accepted(1)
                ingest.process.send_signal(signal.SIGTERM)
                assert ingest.process.wait(GRACE_S) == 0
            stage.proxy.heal()
        assert not stage.ledger.unanswered
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)

    @scenario(
        fault="SIGHUP under load",
        client="202",
        kept="Everything",
        recovery="New workers take over",
    )
    def test_reloaded_under_load(self, stage: Stage) -> None:
        """SIGHUP replaces the workers, and no client notices."""
        with patient(stage.ingest(**PATIENT)) as ingest:
            before = ingest.wait_until_ready().worker_pids()
            with stage.load(ingest) as load:
                load.until_accepted(50)
                ingest.process.send_signal(signal.SIGHUP)
                eventually(
                    lambda: ingest.worker_pids() and not {*before} & {*ingest.worker_pids()},
                    "other workers",
                )
                load.until_accepted(50)
        assert len(stage.ledger.accepted) == len(stage.ledger)
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)

    @scenario(
        fault="Workers replaced after 50 requests each",
        client="202",
        kept="Everything",
        recovery="New workers take over",
    )
    def test_recycled_workers(self, stage: Stage) -> None:
        """Workers that leave after fifty requests take none of the others with them."""
        recycling = {"INGEST_MAX_REQUESTS": "50", "INGEST_WORKERS": "2"}
        with patient(stage.ingest(**recycling, **PATIENT)) as ingest:
            ingest.wait_until_ready()
            with stage.load(ingest) as load:
                load.until_accepted(400)
            assert ingest.log.read_text().count("Booting worker") > 2
            assert_counters_reconcile(ingest, stage.ledger)
        assert len(stage.ledger.accepted) == len(stage.ledger)
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


class TestSenderThread:
    """The thread that does the sending inside kafka-python."""

    @scenario(
        fault="The producer's sender thread is dead",
        client="503 with `none` for one request",
        kept="What was accepted",
        recovery="Another producer",
    )
    def test_a_dead_sender_thread_is_replaced(self, stage: Stage) -> None:
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
