"""Clients that are slow, many, or liars: the others do not notice, and nothing odd is kept."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil
import pytest

from tests.support.ingest import PATIENT, IngestProcess
from tests.support.load import Client, bid
from tests.support.raw_client import RawClient, Tricklers
from tests.support.reckoning import assert_counters_reconcile, assert_nothing_lost
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import read_all

pytestmark = pytest.mark.timing

HEAD = b"POST /bid HTTP/1.1\r\nHost: x\r\n"
# Whoever waits for one of the clients that are waited for waits longer than any of ours does.
FEW_THREADS = PATIENT | {"INGEST_READ_TIMEOUT_S": "60"}
IMPATIENT = FEW_THREADS | {"INGEST_READ_TIMEOUT_S": "2"}


def assert_serves_as_ever(ingest: IngestProcess, stage: Stage, prefix: str) -> None:
    """Take twenty bid requests and answer the probes, all without waiting for anybody."""
    client = Client(ingest.port, stage.ledger)
    for number in range(20):
        answer = client.post(f"{prefix}-{number}")
        assert answer is not None
        assert answer.status == 202
    client.close()
    assert ingest.get("/healthz").status == ingest.get("/readyz").status == 200


class TestSlowClients:
    """Slow is the client's affair, up to the read timeout."""

    @pytest.mark.parametrize(
        "beginning",
        [HEAD + b"X-Slow: ", HEAD + b"Content-Length: 5000\r\n\r\n{"],
        ids=["headers", "body"],
    )
    @scenario(
        fault="Clients send headers or bodies byte by byte",
        client="They get 408 after the read timeout; others notice nothing",
        kept="Nothing of theirs",
        recovery="None needed: nothing runs before a request is whole",
    )
    def test_slow_clients_get_408_and_hold_up_nobody(
        self,
        stage: Stage,
        beginning: bytes,
    ) -> None:
        """Fifty clients that trickle occupy none of two threads, and are sent away in time."""
        with stage.ingest(**FEW_THREADS) as ingest:
            ingest.wait_until_ready()
            with Tricklers(ingest.port, beginning, 50):
                assert_serves_as_ever(ingest, stage, "during")
        with stage.ingest(**IMPATIENT) as ingest:
            ingest.wait_until_ready()
            with Tricklers(ingest.port, beginning, 50) as slow:
                assert slow.statuses() == [408] * 50
            assert_serves_as_ever(ingest, stage, "after")
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)

    @scenario(
        fault="1,000 idle keep-alive connections, 200 silent ones",
        client="Others notice nothing",
        kept="Everything accepted",
        recovery="Idle connections end with their timeout",
    )
    def test_a_thousand_idle_connections_hold_up_nobody(self, stage: Stage) -> None:
        """A thousand kept-alive connections and two hundred that say nothing cost no thread."""
        with stage.ingest(**FEW_THREADS) as ingest, ExitStack() as stack:
            ingest.wait_until_ready()
            for number in range(1200):
                client = stack.enter_context(RawClient(ingest.port))
                if number < 1000:
                    client.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert client.socket.recv(65_536).startswith(b"HTTP/1.1 200")
            assert_serves_as_ever(ingest, stage, "r")
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)

    @scenario(
        fault="Clients never close their side",
        client="Others notice nothing",
        kept="Everything accepted",
        recovery="The connection is ended after 2 s",
    )
    def test_a_client_that_does_not_close_its_side_holds_up_nobody(self, stage: Stage) -> None:
        """Clients that ask for the end of the connection and then stay cost no time."""
        with stage.ingest(**FEW_THREADS) as ingest, ExitStack() as stack:
            ingest.wait_until_ready()
            for _ in range(20):
                client = stack.enter_context(RawClient(ingest.port))
                client.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert_serves_as_ever(ingest, stage, "r")
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)

    @scenario(
        fault="400 connections at the same moment",
        client="Each gets its answer",
        kept="Everything accepted",
        recovery="None needed",
    )
    def test_a_storm_of_connections_is_served(self, stage: Stage) -> None:
        """Four hundred clients that connect at the same moment each get their answer."""
        together = threading.Barrier(400)

        def post_once(port: int, number: int) -> None:
            client = Client(port, stage.ledger)
            together.wait(30)
            client.post(f"r-{number}")
            client.close()

        with stage.ingest() as ingest, ThreadPoolExecutor(400) as pool:
            ingest.wait_until_ready()
            list(pool.map(lambda number: post_once(ingest.port, number), range(400)))
            assert len(stage.ledger) == 400
            assert not stage.ledger.unanswered
            assert_counters_reconcile(ingest, stage.ledger)
        assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


BODY = bid("liar")
LIARS = {
    "a length that is too long": (
        HEAD + b"Content-Length: %d\r\n\r\n" % (len(BODY) + 10) + BODY,
        408,
    ),
    "a length that is too short": (
        HEAD + b"Connection: close\r\nContent-Length: 10\r\n\r\n" + BODY,
        400,
    ),
    "both lengths and chunks": (
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + BODY,
        400,
    ),
    "two lengths": (
        HEAD + b"Content-Length: 5\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
        400,
    ),
    "a chunk that is missing": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY + b"\r\n",
        408,
    ),
    "a chunk without its end": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY + b"xx0\r\n\r\n",
        400,
    ),
    # No number for us: what cannot be read is malformed, however large it may be meant to be.
    "a length of more digits than Python converts": (
        HEAD + b"Content-Length: " + b"9" * 4301 + b"\r\n\r\n",
        400,
    ),
    "a length with as many zeros": (HEAD + b"Content-Length: " + b"0" * 4301 + b"\r\n\r\n", 400),
    "a chunk size with zeros before it": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n00000000ff\r\n\r\n",
        408,
    ),
    "a length over the limit": (HEAD + b"Content-Length: 99999999\r\n\r\n" + BODY, 413),
    "headers without an end": (HEAD + b"X: y\r\n" * 20_000, 431),
}


class TestLiars:
    """A request that is not what it says leaves nothing on the topic."""

    @pytest.mark.parametrize(("sent", "status"), LIARS.values(), ids=LIARS)
    @scenario(
        fault="Lengths, chunks or headers that lie",
        client="400, 408, 413 or 431",
        kept="Nothing",
        recovery="None needed",
    )
    def test_a_lie_is_refused_and_leaves_no_record(
        self, stage: Stage, sent: bytes, status: int
    ) -> None:
        """The client is told, and the topic stays empty."""
        with stage.ingest(**IMPATIENT if status == 408 else FEW_THREADS) as ingest:
            workers = ingest.wait_until_ready().worker_pids()
            with RawClient(ingest.port) as client:
                assert client.send(sent).status() == status
            assert ingest.worker_pids() == workers
        assert read_all(stage.brokers, stage.topic) == []

    @pytest.mark.parametrize("cut", [0.5, 0.99], ids=["in the middle", "at the last chunk"])
    @scenario(
        fault="A chunked body breaks off",
        client="400, or a closed connection",
        kept="Nothing",
        recovery="None needed",
    )
    def test_a_chunked_body_that_breaks_off_leaves_no_record(
        self, stage: Stage, cut: float
    ) -> None:
        """A client that dies half way through has sent nothing."""
        whole = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        whole %= (len(BODY), BODY)
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            with RawClient(ingest.port) as client:
                client.send(whole[: int(len(whole) * cut)]).finish()
                assert client.status() in {400, None}
        assert read_all(stage.brokers, stage.topic) == []

    @scenario(
        fault="A gzip bomb",
        client="413",
        kept="Nothing",
        recovery="None needed: inflation stops at the limit",
    )
    def test_a_gzip_bomb_is_413_and_costs_no_memory(self, stage: Stage) -> None:
        """A hundred mebibytes in a hundred kibibytes are refused, twenty times, at no cost."""
        bomb = gzip.compress(bytes(100 * 1024 * 1024), 9)
        with stage.ingest(**PATIENT) as ingest:
            ingest.wait_until_ready().post(bid("first"))
            (worker,) = psutil.Process(ingest.process.pid).children()
            before = worker.memory_info().rss
            statuses = {ingest.post(bomb, Content_Encoding="gzip").status for _ in range(20)}
            grown = worker.memory_info().rss - before
        assert statuses == {413}
        assert grown < 10 * 1024 * 1024
        assert [r.key for r in read_all(stage.brokers, stage.topic)] == [b"first"]

    @pytest.mark.parametrize("kept", [1, 10, -8, -1])
    @scenario(
        fault="A truncated gzip stream",
        client="400",
        kept="Nothing",
        recovery="None needed",
    )
    def test_a_truncated_gzip_body_is_400(self, stage: Stage, kept: int) -> None:
        """A stream without its end is not taken for what came of it."""
        with stage.ingest() as ingest:
            ingest.wait_until_ready()
            cut = gzip.compress(BODY)[:kept]
            assert ingest.post(cut, Content_Encoding="gzip").status == 400
        assert read_all(stage.brokers, stage.topic) == []
