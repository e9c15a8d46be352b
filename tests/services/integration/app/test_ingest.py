"""The real ingest in front of a real Kafka."""

from __future__ import annotations

import gzip
import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.services.conftest import Kafka, StartIngest
from tests.services.integration.app.conftest import Service
from tests.support.load import bid
from tests.support.raw_client import RawClient
from tests.support.topics import make_topic, read_all
from verification.project import ROOT

pytestmark = [pytest.mark.timing, pytest.mark.promise("acknowledged")]

SAMPLES = [path.read_bytes() for path in sorted((ROOT / "samples").glob("*.json"))]
BID = SAMPLES[0]
# what a proxy would say, and what gunicorn would listen to, had it been told to trust everybody
NO_PROXY: tuple[dict[str, str], ...] = (
    {},
    {"SCRIPT_NAME": "/x"},
    {"PATH_INFO": "/x"},
    {"X-Forwarded-Proto": "https, https", "X-Forwarded-Ssl": "on"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Protocol": "https"},
)
TRUST = {"FORWARDED_ALLOW_IPS": "*", "SCRIPT_NAME": "/x"}


def post_in_chunks(port: int, body: bytes) -> bytes:
    """Post a body without a length, in pieces, and return the beginning of the answer."""
    with RawClient(port) as raw:
        raw.send(b"POST /bid HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 100):
            piece = body[start : start + 100]
            raw.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        return raw.send(b"0\r\n\r\n").socket.recv(65_536)[:12]


@pytest.mark.promise("same-bytes")
def test_every_sample_lies_on_the_topic_byte_for_byte(kafka: Kafka, service: Service) -> None:
    """The place that the answer names holds exactly the bytes that were sent, or inflated."""
    places = {}
    for sample in SAMPLES:
        for body, headers in ((sample, {}), (gzip.compress(sample), {"Content_Encoding": "gzip"})):
            answer = service.ingest.post(body, **headers)
            assert answer.status == 202, (sample, answer.body)
            places[answer.json["partition"], answer.json["offset"]] = sample
    records = {(r.partition, r.offset): r for r in read_all(kafka.bootstrap_servers, service.topic)}
    assert len(places) == 2 * len(SAMPLES) >= 24
    for place, sample in places.items():
        record = records[place]
        assert (record.value, record.key) == (sample, json.loads(sample)["id"].encode())
        assert dict(record.headers).keys() == {"content-type", "received-at", "traceparent"}


@pytest.mark.promise("same-bytes")
def test_a_chunked_body_is_read_to_its_end(
    kafka: Kafka, topic: str, start_ingest: StartIngest
) -> None:
    """A body without Content-Length arrives whole."""
    with start_ingest() as ingest:
        assert post_in_chunks(ingest.wait_until_ready().port, BID) == b"HTTP/1.1 202"
    assert [r.value for r in read_all(kafka.bootstrap_servers, topic)] == [BID]


@pytest.mark.parametrize("sender", ["loop", "thread"])
def test_many_at_once_each_have_their_own_place(
    kafka: Kafka, topic: str, start_ingest: StartIngest, sender: str
) -> None:
    """Five hundred requests over sixteen connections give five hundred records.

    That is so whoever does the work of kafka-python's sender.
    """
    environ = {"INGEST_WORKERS": "2", "INGEST_KAFKA_SENDER": sender}
    with start_ingest(**environ) as ingest, ThreadPoolExecutor(16) as pool:
        ingest.wait_until_ready()
        answers = list(pool.map(lambda n: ingest.post(bid(str(n))), range(500)))
        counted = ingest.get_admin("/metrics").body.decode()
    assert {answer.status for answer in answers} == {202}
    places = {(a.json["partition"], a.json["offset"]): a.json["id"] for a in answers}
    records = read_all(kafka.bootstrap_servers, topic)
    assert places == {(r.partition, r.offset): r.key.decode() for r in records}
    assert 'ingest_requests_total{outcome="accepted"} 500.0' in counted


@pytest.mark.promise("valid")
@pytest.mark.promise("counted")
def test_what_is_refused_leaves_no_record(
    kafka: Kafka, topic: str, start_ingest: StartIngest
) -> None:
    """400, 413 and 415 leave nothing on the topic, and each a line of JSON in the log."""
    with start_ingest(INGEST_MAX_BODY_BYTES="5000") as ingest:
        ingest.wait_until_ready()
        statuses = [
            ingest.post(b"{").status,
            ingest.post(b'{"id":"1","imp":[]}').status,
            ingest.post(b" " * 5001).status,
            ingest.post(gzip.compress(bytes(10_000_000)), Content_Encoding="gzip").status,
            ingest.post(BID, Content_Type="text/plain").status,
        ]
        assert read_all(kafka.bootstrap_servers, topic) == []
        accepted = ingest.post(b'{"id":"a\\nb","imp":[{"id":"1","banner":{}}]}').status
    assert (statuses, accepted) == ([400, 400, 413, 413, 415], 202)
    lines = ingest.log_lines()  # start and end included
    assert {line["service"] for line in lines} == {"bid-request-handler"}
    events = [line["event"] for line in lines]
    # two of them before the application has a part in it
    told = [events.count(each) for each in ("bid accepted", "bid refused", "request refused")]
    assert told == [1, 3, 2]


def test_a_record_within_the_topics_limit_is_taken(kafka: Kafka, start_ingest: StartIngest) -> None:
    """The limit is the topic's, and no client's own: 2 MB go where 10 MB may."""
    wide = make_topic(kafka.bootstrap_servers, "wide", configs={"max.message.bytes": "10000000"})
    with start_ingest(KAFKA_TOPIC_BID_REQUESTS=wide, INGEST_MAX_BODY_BYTES="8000000") as ingest:
        assert ingest.wait_until_ready().post(BID + b" " * 2_000_000).status == 202
    (record,) = read_all(kafka.bootstrap_servers, wide)
    assert len(record.value) == len(BID) + 2_000_000


@pytest.mark.promise("secured")
def test_no_proxy_is_trusted(start_ingest: StartIngest) -> None:
    """Whatever a proxy's headers or the environment say: /bid is taken, /x/bid is not there."""

    def posted(path: str, headers: dict[str, str]) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request("POST", path, BID, headers)
            return connection.getresponse().status

    with start_ingest(**TRUST) as ingest:
        port = ingest.wait_until_ready().port
        for headers in NO_PROXY:
            assert [posted(path, headers) for path in ("/bid", "/x/bid")] == [202, 404], headers
