"""Clients that are very many, and up to no good: the others do not notice, and nothing grows."""

from __future__ import annotations

import re
import subprocess
from collections import Counter

import psutil
import pytest

from tests.support.background import Background
from tests.support.burst import burst
from tests.support.crowds import HABITS, Habit, crowds, many_descriptors
from tests.support.fault_proxy import Fault
from tests.support.ingest import PATIENT
from tests.support.load import bid
from tests.support.reckoning import assert_nothing_lost, at_work
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.timing, pytest.mark.promise("client-isolation")]

EACH = 1_000
INNOCENT = 500  # requests beside one crowd; a fifth of them beside all, who leave little time
CROWDS = {habit.name: (habit,) for habit in HABITS} | {"all": HABITS}
ATTACKS = {
    "headers": ["-H", "-i", "1", "-t", "GET", "-x", "24"],
    "body": ["-B", "-i", "1", "-t", "POST", "-s", "8192", "-x", "10"],
    "ranges": ["-R", "-a", "10", "-b", "3000", "-t", "HEAD"],
    "reading": ["-X", "-n", "2", "-w", "1", "-y", "16", "-z", "4", "-k", "10"],
}
MANY = ["-c", "500", "-r", "500", "-l", "6", "-p", "3"]  # connections, for so many seconds
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_AVAILABLE = re.compile(r"service available:\s+(\w+)")

CONNECTIONS = 4_096  # INGEST_CONNECTIONS
LARGEST = 262_144  # INGEST_MAX_BODY_BYTES
MIB = 1024 * 1024
PENDING = 16 * MIB  # INGEST_MAX_PENDING_BYTES
ROOM = PENDING // 4  # for requests on their way, which may have half, with what is around them
# What is counted once may be there three times: as a request, in kafka-python's batch, and in the
# message that the batch is sent in.
COPIES = 3
OWN = 8 * 1024  # of a connection's own objects: its socket, its parser, its request's fields


@pytest.mark.parametrize("habits", CROWDS.values(), ids=CROWDS)
@scenario(
    "1,000 clients that do not read, 1,000 that trickle bodies, 1,000 that send half a body, "
    "1,000 that trickle heads",
    client="They are sent away in time; everybody else gets 202",
)
def test_a_crowd_is_noticed_by_nobody(stage: Stage, habits: tuple[Habit, ...]) -> None:
    """Every innocent request is accepted while the crowd is there, and the workers stay."""
    with many_descriptors(2 * EACH * len(HABITS)), stage.ingest(**PATIENT) as ingest:
        workers = ingest.wait_until_ready().worker_pids()
        with crowds(ingest.port, EACH, *habits), stage.load(ingest) as load:
            load.until_accepted(INNOCENT if len(habits) == 1 else INNOCENT // 5, within_s=60)
            assert ingest.get("/healthz").status == ingest.get("/readyz").status == 200
        assert ingest.worker_pids() == workers
    assert len(stage.ledger) == len(stage.ledger.accepted)
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)


@pytest.mark.usefixtures("slowhttptest")
@pytest.mark.parametrize("options", ATTACKS.values(), ids=ATTACKS)
@scenario(
    "slowhttptest: slow headers, slow bodies, ranges, slow reading",
    client="The attackers are sent away in time; everybody else gets 202",
)
def test_the_service_stays_available(stage: Stage, options: list[str]) -> None:
    """Its own probe finds the service available all the time, and so does everybody else."""
    with at_work(stage, PATIENT, comes_through=False) as (ingest, load):
        workers = ingest.worker_pids()
        path = "bid" if "-B" in options else "healthz"
        argv = ["slowhttptest", *options, "-u", f"http://127.0.0.1:{ingest.port}/{path}", *MANY]
        run = subprocess.run(argv, capture_output=True, text=True, check=False)
        load.until_accepted(50)
        assert ingest.worker_pids() == workers
    assert len(stage.ledger) == len(stage.ledger.accepted)
    said = _COLOUR.sub("", run.stdout)
    assert set(_AVAILABLE.findall(said)) == {"YES"}, said[-3_000:] + run.stderr


class Peak(Background):
    """The most memory that a process has had, looked at all the time."""

    def __init__(self, pid: int) -> None:
        super().__init__(self._look)
        self._process = psutil.Process(pid)
        self.rss = 0

    def _look(self) -> None:
        while not self.ending.wait(0.02):
            self.rss = max(self.rss, self._process.memory_info().rss)


@pytest.mark.promise("bounded")
@scenario(
    "4,096 clients send the largest body at once, and Kafka is slow", client="202, or 503 at once"
)
def test_a_burst_of_the_largest_bodies_is_bounded(stage: Stage) -> None:
    """A gibibyte comes at once: memory stays within the settings, and everybody gets an answer."""
    body = bid("r-1", LARGEST - len(bid("r-1")))
    head = b"POST /bid HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % LARGEST
    with many_descriptors(3 * CONNECTIONS), stage.ingest(**PATIENT) as ingest:
        (worker,) = ingest.wait_until_ready().worker_pids()
        before = psutil.Process(worker).memory_info().rss
        stage.proxy.inject(Fault(delay_s=0.2))
        some = burst(ingest.port, head + body, ROOM // LARGEST, within_s=30)
        assert set(some) == {202}, "as many as there is room for"
        with Peak(worker) as peak:
            statuses = Counter(burst(ingest.port, head + body, CONNECTIONS, within_s=60))
        stage.proxy.heal()
        assert set(statuses) <= {202, 503}
        assert peak.rss - before < COPIES * PENDING + OWN * CONNECTIONS
        eventually(lambda: ingest.level("ingest_pending_bytes") == 0, "nothing to be held")
        assert ingest.post(bid("after")).status == 202
    kept = [record.key for record in read_all(stage.brokers, stage.topic)]
    assert kept.count(b"r-1") >= statuses[202] > 0
