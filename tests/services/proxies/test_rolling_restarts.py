"""Workers and the server restarted under load, behind a proxy that keeps its connections."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

import psutil
import pytest

from tests.services.conftest import Kafka, StartIngest
from tests.services.proxies.conftest import StartProxy
from tests.support.ingest import IngestProcess
from tests.support.ledger import CLEAN, Ledger
from tests.support.load import Load
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("drains"), pytest.mark.promise("bounded")]

WORKERS = 2
CLIENTS = 8
MIB = 1024 * 1024


@pytest.fixture
def requests(pytestconfig: pytest.Config) -> int:
    """How many requests are sent in all: `--requests=20000` for the whole."""
    return int(pytestconfig.getoption("--requests"))


def test_restarts_are_noticed_by_nobody(
    kafka: Kafka,
    topic: str,
    start_ingest: StartIngest,
    start_proxy: StartProxy,
    requests: int,
) -> None:
    """Every request is answered with 202 through ten restarts, and nothing grows with them."""
    ledger = Ledger()
    restarts = 10 if requests >= 20_000 else 4
    with (
        start_ingest(INGEST_WORKERS=str(WORKERS)) as ingest,
        start_proxy(ingest.wait_until_ready().port) as proxy,
    ):
        with Load(proxy.port, ledger, CLIENTS) as load:
            load.until_accepted(100)
            before = _held(ingest)
            for number in range(restarts):
                _restart(ingest, number)
                load.until_accepted(requests // restarts, within_s=120)
            after = _held(ingest)
        said = proxy.said()
    assert not ledger.unanswered, (sorted(ledger.unanswered)[:5], said[-2_000:])
    assert len(ledger.accepted) == len(ledger), (ledger.refused, said[-2_000:])
    assert ledger.findings(read_all(kafka.bootstrap_servers, topic)) == CLEAN
    assert after.descriptors <= before.descriptors + 8, (before, after)
    assert after.memory <= before.memory + 16 * MIB, (before, after)


@dataclass(frozen=True)
class Held:
    """What all processes of the server hold together."""

    descriptors: int
    memory: int


def _held(ingest: IngestProcess) -> Held:
    master = psutil.Process(ingest.process.pid)
    processes = [master, *master.children()]
    return Held(
        sum(process.num_fds() for process in processes),
        sum(process.memory_info().rss for process in processes),
    )


def _restart(ingest: IngestProcess, number: int) -> None:
    """End one worker, or have the server replace them all, by turns; returns once it is done."""
    before = ingest.worker_pids()
    if number % 2:
        ingest.process.send_signal(signal.SIGHUP)
        gone = set(before)
    else:
        os.kill(before[0], signal.SIGTERM)
        gone = {before[0]}

    def replaced() -> bool:
        now = ingest.worker_pids()
        return len(now) == WORKERS and not gone & set(now)

    eventually(replaced, f"workers in the place of {gone}", 60)
    ingest.wait_until_ready()
