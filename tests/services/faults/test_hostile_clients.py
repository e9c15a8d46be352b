"""Clients that are slow, many, or liars: the others do not notice, and nothing odd is kept."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import psutil
import pytest

from tests.support.ingest import PATIENT, IngestProcess
from tests.support.load import Client, bid
from tests.support.raw_client import RawClient, Tricklers
from tests.support.reckoning import assert_counters_reconcile, assert_nothing_lost
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import read_all

pytestmark = [pytest.mark.timing, pytest.mark.promise("client-isolation")]

HEAD = b"POST /bid HTTP/1.1\r\nHost: x\r\n"
PROBE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
CODED = b"Transfer-Encoding: chunked\r\n\r\n"
# Whoever waits for one of the clients that are waited for waits longer than any of ours does.
FOREVER = PATIENT | {"INGEST_READ_TIMEOUT_S": "60"}
IMPATIENT = PATIENT | {"INGEST_READ_TIMEOUT_S": "2"}
BEGINNINGS = {"headers": HEAD + b"X-Slow: ", "body": HEAD + b"Content-Length: 5000\r\n\r\n{"}


def assert_serves_as_ever(ingest: IngestProcess, stage: Stage, prefix: str) -> None:
    """Take twenty bid requests and answer the probes, all without waiting for anybody."""
    with closing(Client(ingest.port, stage.ledger)) as client:
        answers = [client.post(f"{prefix}-{number}") for number in range(20)]
    assert [answer.status for answer in answers if answer] == [202] * 20
    assert ingest.get("/healthz").status == ingest.get("/readyz").status == 200


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
@scenario(
    "Clients send headers or bodies byte by byte",
    client="They get 408 after the read timeout; others notice nothing",
    kept="Nothing of theirs",
    recovery="None needed: nothing runs before a request is whole",
)
def test_slow_clients_get_408_and_hold_up_nobody(stage: Stage, beginning: bytes) -> None:
    """Fifty clients that trickle occupy nobody, and are sent away in time."""
    with stage.ingest(**FOREVER) as ingest, Tricklers(ingest.port, beginning, 50):
        assert_serves_as_ever(ingest.wait_until_ready(), stage, "during")
    with stage.ingest(**IMPATIENT) as ingest:
        with Tricklers(ingest.wait_until_ready().port, beginning, 50) as slow:
            assert slow.statuses() == [408] * 50
        assert_serves_as_ever(ingest, stage, "after")
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


@scenario(
    "1,000 idle keep-alive connections, 200 silent ones, 20 clients that never close their side",
    client="Others notice nothing",
    recovery="Idle connections end with their timeout, the last 2 s after their answer",
)
def test_who_holds_a_connection_holds_up_nobody(stage: Stage) -> None:
    """Connections on which nothing is going on cost no thread and no time."""
    with stage.ingest(**FOREVER) as ingest, ExitStack() as stack:
        ingest.wait_until_ready()
        clients = [stack.enter_context(RawClient(ingest.port)) for _ in range(1220)]
        for client in clients[:1000]:
            client.send(PROBE + b"\r\n")
            assert client.socket.recv(65_536).startswith(b"HTTP/1.1 200")
        for client in clients[1200:]:
            client.send(PROBE + b"Connection: close\r\n\r\n")
        assert_serves_as_ever(ingest, stage, "r")
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


@scenario("400 connections at the same moment", client="Each gets its answer")
def test_a_storm_of_connections_is_served(stage: Stage) -> None:
    """Four hundred clients that connect at the same moment each get their answer."""
    together = threading.Barrier(400)

    def post_once(port: int, number: int) -> None:
        with closing(Client(port, stage.ledger)) as client:
            together.wait(30)
            client.post(f"r-{number}")

    with stage.ingest() as ingest, ThreadPoolExecutor(400) as pool:
        ingest.wait_until_ready()
        list(pool.map(lambda number: post_once(ingest.port, number), range(400)))
        assert len(stage.ledger) == 400
        assert not stage.ledger.unanswered
        assert_counters_reconcile(ingest, stage.ledger)
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


BODY = bid("liar")
CHUNK = b"%x\r\n%s" % (len(BODY), BODY)
PACKED = gzip.compress(BODY)[:-1]
LENGTH = b"Content-Length: %d\r\n\r\n"
# What ends nowhere is waited for; what cannot be read is malformed, however large it may be meant.
UNFINISHED = {
    "a length that is too long": HEAD + LENGTH % (len(BODY) + 10) + BODY,
    "a chunk that is missing": HEAD + CODED + CHUNK + b"\r\n",
    "a chunk size with zeros before it": HEAD + CODED + b"00000000ff\r\n\r\n",
}
LIES = {
    "a length that is too short": (HEAD + b"Connection: close\r\n" + LENGTH % 10 + BODY, 400),
    "two lengths": (HEAD + b"Content-Length: 5\r\n" + LENGTH % len(BODY) + BODY, 400),
    "both lengths and chunks": (HEAD + b"Content-Length: 5\r\n" + CODED + CHUNK, 400),
    "a chunk without its end": (HEAD + CODED + CHUNK + b"xx0\r\n\r\n", 400),
    "a length of more digits than Python converts": (
        HEAD + b"Content-Length: " + b"9" * 4301 + b"\r\n\r\n",
        400,
    ),
    "a length over the limit": (HEAD + LENGTH % 99_999_999 + BODY, 413),
    "headers without an end": (HEAD + b"X: y\r\n" * 20_000, 431),
    "gzip without its end": (
        HEAD + b"Content-Encoding: gzip\r\n" + LENGTH % len(PACKED) + PACKED,
        400,
    ),
}


@pytest.mark.promise("same-bytes")
@scenario(
    "Lengths, chunks, headers or gzip streams that lie, or break off",
    client="400, 408, 413 or 431",
    kept="Nothing",
)
def test_a_lie_is_refused_and_leaves_no_record(stage: Stage) -> None:
    """The client is told, and the topic stays empty."""
    with stage.ingest(**FOREVER) as ingest, ExitStack() as stack:
        workers = ingest.wait_until_ready().worker_pids()
        told = {}
        for name, (sent, _) in LIES.items():
            client = stack.enter_context(RawClient(ingest.port)).send(sent)
            told[name] = client.finish().status() if "gzip" in name else client.status()
        for name, sent in UNFINISHED.items():
            client = stack.enter_context(RawClient(ingest.port)).send(sent)
            assert client.finish().status() in {400, None}, name
        assert ingest.worker_pids() == workers
    assert told == {name: status for name, (_, status) in LIES.items()}
    with stage.ingest(**IMPATIENT) as ingest, ExitStack() as stack:
        ingest.wait_until_ready()
        clients = [stack.enter_context(RawClient(ingest.port)) for _ in UNFINISHED]
        for client, sent in zip(clients, UNFINISHED.values(), strict=True):
            client.send(sent)
        assert [client.status() for client in clients] == [408] * len(clients)
    assert read_all(stage.brokers, stage.topic) == []


@pytest.mark.promise("bounded")
@scenario(
    "A gzip bomb",
    client="413",
    kept="Nothing",
    recovery="None needed: inflation stops at the limit",
)
def test_a_gzip_bomb_is_413_and_costs_no_memory(stage: Stage) -> None:
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
