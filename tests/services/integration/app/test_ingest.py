"""The real ingest in front of a real Kafka."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.services.conftest import Kafka, StartIngest
from tests.support.topics import create_topic, delete_topic, make_topic, read_all
from tests.support.waiting import eventually
from verification.project import ROOT
from verification.run.ports import free_port

pytestmark = pytest.mark.timing

SAMPLES = sorted((ROOT / "samples").glob("*.json"))
BID = SAMPLES[0].read_bytes()
# Where the deadline is the subject, or what is waited for takes one.
HASTY = {"INGEST_PUBLISH_TIMEOUT_MS": "1000"}


def bid(number: int) -> bytes:
    """Return a small valid bid request of its own id."""
    return b'{"id":"%d","imp":[{"id":"1","banner":{}}]}' % number


def posted(port: int, path: str, headers: dict[str, str]) -> int:
    """Post a bid request to a path and return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, BID, headers)
    status = connection.getresponse().status
    connection.close()
    return status


class TestAccepted:
    """202: the record is there."""

    def test_every_sample_lies_on_the_topic_byte_for_byte(
        self, kafka: Kafka, topic: str, start_ingest: StartIngest
    ) -> None:
        """The place that the answer names holds exactly the bytes that were sent."""
        with start_ingest() as ingest:
            ingest.wait_until_ready()
            places = {}
            for sample in SAMPLES:
                answer = ingest.post(sample.read_bytes())
                assert answer.status == 202, (sample, answer.body)
                places[answer.json["partition"], answer.json["offset"]] = sample
        records = {(r.partition, r.offset): r for r in read_all(kafka.bootstrap_servers, topic)}
        assert len(places) == len(SAMPLES) >= 12
        assert {p: r.value for p, r in records.items()} == {
            p: sample.read_bytes() for p, sample in places.items()
        }
        for record in records.values():
            assert record.key == json.loads(record.value)["id"].encode()
            assert dict(record.headers).keys() == {"content-type", "received-at", "traceparent"}

    def test_gzip_is_inflated_before_the_topic(
        self, kafka: Kafka, topic: str, start_ingest: StartIngest
    ) -> None:
        """A consumer sees the same bytes whether the partner compresses or not."""
        with start_ingest() as ingest:
            answer = ingest.wait_until_ready().post(gzip.compress(BID), Content_Encoding="gzip")
        assert answer.status == 202
        assert [r.value for r in read_all(kafka.bootstrap_servers, topic)] == [BID]

    def test_a_chunked_body_is_read_to_its_end(
        self, kafka: Kafka, topic: str, start_ingest: StartIngest
    ) -> None:
        """A body without Content-Length arrives whole."""
        with (
            start_ingest() as ingest,
            socket.create_connection(
                ("127.0.0.1", ingest.wait_until_ready().port), timeout=30
            ) as raw,
        ):
            raw.sendall(b"POST /bid HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in range(0, len(BID), 100):
                piece = BID[start : start + 100]
                raw.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            raw.sendall(b"0\r\n\r\n")
            assert raw.recv(65536).startswith(b"HTTP/1.1 202")
        assert [r.value for r in read_all(kafka.bootstrap_servers, topic)] == [BID]

    @pytest.mark.parametrize("sender", ["loop", "thread"])
    def test_many_at_once_each_have_their_own_place(
        self, kafka: Kafka, topic: str, start_ingest: StartIngest, sender: str
    ) -> None:
        """Five hundred requests over sixteen connections give five hundred records.

        That is so whoever does the work of kafka-python's sender.
        """
        environ = {"INGEST_WORKERS": "2", "INGEST_KAFKA_SENDER": sender}
        with start_ingest(**environ) as ingest, ThreadPoolExecutor(16) as pool:
            ingest.wait_until_ready()
            answers = list(pool.map(lambda n: ingest.post(bid(n)), range(500)))
            counted = ingest.get_admin("/metrics").body.decode()
        assert {answer.status for answer in answers} == {202}
        places = {(a.json["partition"], a.json["offset"]): a.json["id"] for a in answers}
        records = read_all(kafka.bootstrap_servers, topic)
        assert places == {(r.partition, r.offset): r.key.decode() for r in records}
        assert 'ingest_requests_total{outcome="accepted"} 500.0' in counted


class TestRefused:
    """Not 202: the record is not there."""

    def test_what_is_refused_leaves_no_record(
        self, kafka: Kafka, topic: str, start_ingest: StartIngest
    ) -> None:
        """400, 413 and 415 leave nothing on the topic."""
        with start_ingest(INGEST_MAX_BODY_BYTES="5000") as ingest:
            ingest.wait_until_ready()
            statuses = [
                ingest.post(b"{").status,
                ingest.post(b'{"id":"1","imp":[]}').status,
                ingest.post(b" " * 5001).status,
                ingest.post(gzip.compress(bytes(10_000_000)), Content_Encoding="gzip").status,
                ingest.post(BID, Content_Type="text/plain").status,
            ]
        assert statuses == [400, 400, 413, 413, 415]
        assert read_all(kafka.bootstrap_servers, topic) == []

    @pytest.mark.parametrize(
        "framing",
        [
            b"Content-Length: %d\r\n\r\n%s" % (len(BID) + 1, BID),
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s" % (len(BID) + 1, BID),
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n%s\r\n0\r\n\r\n" % BID,
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ],
        ids=["shorter than announced", "chunk cut off", "no chunk size", "both framings"],
    )
    def test_a_body_that_is_not_framed_well_is_400(
        self, kafka: Kafka, topic: str, start_ingest: StartIngest, framing: bytes
    ) -> None:
        """A body that ends early is not taken for a whole one, even where it is valid JSON."""
        with (
            start_ingest() as ingest,
            socket.create_connection(
                ("127.0.0.1", ingest.wait_until_ready().port), timeout=30
            ) as raw,
        ):
            raw.sendall(b"POST /bid HTTP/1.1\r\nHost: x\r\n" + framing)
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert read_all(kafka.bootstrap_servers, topic) == []

    def test_a_record_over_the_topics_limit_is_413(
        self, kafka: Kafka, start_ingest: StartIngest
    ) -> None:
        """What the broker will not take is the client's to change, not to repeat."""
        small = make_topic(kafka.bootstrap_servers, "small", configs={"max.message.bytes": "300"})
        with start_ingest(KAFKA_TOPIC_BID_REQUESTS=small) as ingest:
            answer = ingest.wait_until_ready().post(BID + b" " * 1000)
        assert answer.status == 413
        assert read_all(kafka.bootstrap_servers, small) == []

    def test_a_record_within_the_topics_limit_is_taken(
        self, kafka: Kafka, start_ingest: StartIngest
    ) -> None:
        """The limit is the topic's, and no client's own: 2 MB go where 10 MB may."""
        wide = make_topic(
            kafka.bootstrap_servers, "wide", configs={"max.message.bytes": "10000000"}
        )
        with start_ingest(KAFKA_TOPIC_BID_REQUESTS=wide, INGEST_MAX_BODY_BYTES="8000000") as ingest:
            answer = ingest.wait_until_ready().post(BID + b" " * 2_000_000)
        assert answer.status == 202
        (record,) = read_all(kafka.bootstrap_servers, wide)
        assert len(record.value) == len(BID) + 2_000_000


class TestNoProxyIsTrusted:
    """Who is connected says what a request is about, and nothing else does."""

    # what gunicorn would listen to, had it been told to trust everybody
    TRUST = {"FORWARDED_ALLOW_IPS": "*", "SCRIPT_NAME": "/x"}  # noqa: RUF012

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"SCRIPT_NAME": "/x"},
            {"PATH_INFO": "/x"},
            {"X-Forwarded-Proto": "https, https", "X-Forwarded-Ssl": "on"},
            {"X-Forwarded-Proto": "https", "X-Forwarded-Protocol": "https"},
        ],
        ids=["none", "script name", "path", "two schemes", "contradicting schemes"],
    )
    def test_a_request_is_taken_as_it_is(
        self, start_ingest: StartIngest, headers: dict[str, str]
    ) -> None:
        """Whatever a proxy's headers or the environment say: /bid is taken, /x/bid is not there."""
        with start_ingest(**self.TRUST) as ingest:
            port = ingest.wait_until_ready().port
            assert [posted(port, path, headers) for path in ("/bid", "/x/bid")] == [202, 404]


class TestKafkaAway:
    """Kafka is not there, or not yet."""

    def test_alive_not_ready_and_503_with_the_reason(self, start_ingest: StartIngest) -> None:
        """Without a broker the process lives, says why it is not ready and refuses at once."""
        nowhere = f"127.0.0.1:{free_port()}"
        with start_ingest(KAFKA_BROKERS=nowhere) as ingest:
            assert ingest.get("/healthz").status == 200
            ready = ingest.get_admin("/readyz")
            answer = ingest.post(BID)
        assert ready.status == 503
        assert ready.json["reasons"][0].startswith("kafka: ")
        assert (answer.status, answer.json["delivery"]) == (503, "none")
        assert int(answer.headers["retry-after"]) >= 1

    def test_a_missing_topic_is_named(self, start_ingest: StartIngest) -> None:
        """Readiness says which topic is missing, and becomes ready when it is made."""
        with start_ingest(KAFKA_TOPIC_BID_REQUESTS="nobody-made-this", **HASTY) as ingest:
            reason = eventually(
                lambda: [
                    r
                    for r in ingest.get_admin("/readyz").json["reasons"]
                    if "nobody-made-this" in r
                ],
                "the topic to be named",
            )
        assert reason[0].startswith("kafka: topic nobody-made-this: it does not exist")

    def test_it_recovers_by_itself_after_a_failure(
        self, kafka: Kafka, topic: str, start_ingest: StartIngest
    ) -> None:
        """A topic that was away for longer than the deadline is written to again, once it is back.

        kafka-python's idempotent producer does not recover from this by itself.
        """
        with start_ingest(**HASTY) as ingest:
            ingest.wait_until_ready()
            eventually(lambda: ingest.post(BID).status == 202, "an acceptance")
            delete_topic(kafka.bootstrap_servers, topic)
            eventually(lambda: ingest.post(BID).status == 503, "a refusal", timeout_s=30)
            create_topic(kafka.bootstrap_servers, topic)
            eventually(lambda: ingest.post(BID).status == 202, "recovery", timeout_s=60)
            assert ingest.get("/readyz").status == 200


class TestProcess:
    """How the process starts, logs and ends."""

    def test_every_line_on_stdout_is_a_json_object(self, start_ingest: StartIngest) -> None:
        """Start, requests, refusals and shutdown are logged as JSON with the service's name."""
        with start_ingest() as ingest:
            ingest.wait_until_ready().post(BID)
            ingest.post(b'{"id":"a\\nb","imp":[{"id":"1","banner":{}}]}')
            ingest.post(b"{")
        lines = ingest.log_lines()
        assert {line["service"] for line in lines} == {"bid-request-handler"}
        events = [line["event"] for line in lines]
        assert (events.count("bid accepted"), events.count("bid refused")) == (2, 1)

    def test_sigterm_lets_requests_in_flight_finish(
        self, kafka: Kafka, topic: str, start_ingest: StartIngest
    ) -> None:
        """A request that is being read when SIGTERM comes is answered and is on the topic."""
        slow = {"INGEST_READ_TIMEOUT_S": "30", "INGEST_GRACEFUL_TIMEOUT_S": "30"}
        with (
            start_ingest(**slow) as ingest,
            socket.create_connection(
                ("127.0.0.1", ingest.wait_until_ready().port), timeout=30
            ) as raw,
        ):
            head = b"POST /bid HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BID)
            raw.sendall(head + BID[:10])
            ingest.process.send_signal(signal.SIGTERM)
            eventually(
                lambda: "Handling signal: term" in ingest.log.read_text(), "SIGTERM to be seen"
            )
            raw.sendall(BID[10:])
            assert raw.recv(65536).startswith(b"HTTP/1.1 202")
            assert ingest.process.wait(timeout=60) == 0
        assert [r.value for r in read_all(kafka.bootstrap_servers, topic)] == [BID]

    def test_a_killed_worker_is_replaced(self, start_ingest: StartIngest) -> None:
        """Kill -9 of a worker costs its requests, not the service."""
        with start_ingest() as ingest:
            ingest.wait_until_ready()
            (worker,) = (
                int(line["event"].rsplit(" ", 1)[1])
                for line in ingest.log_lines()
                if line["event"].startswith("Booting worker with pid")
            )
            os.kill(worker, signal.SIGKILL)
            eventually(
                lambda: ingest.log.read_text().count("Booting worker with pid") == 2,
                "a second worker",
            )
            assert ingest.wait_until_ready().post(BID).status == 202
