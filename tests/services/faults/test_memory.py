"""What a worker holds is bounded, whatever comes at once and however slow Kafka is."""

from __future__ import annotations

from collections import Counter

import psutil
import pytest

from tests.support.background import Background
from tests.support.burst import burst
from tests.support.crowds import many_descriptors
from tests.support.fault_proxy import Fault
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.load import bid
from tests.support.scenario import scenario
from tests.support.stage import Stage
from tests.support.topics import read_all
from tests.support.waiting import eventually

pytestmark = pytest.mark.timing

CONNECTIONS = 4_096  # INGEST_CONNECTIONS
LARGEST = 262_144  # INGEST_MAX_BODY_BYTES
MIB = 1024 * 1024
PENDING = 16 * MIB  # INGEST_MAX_PENDING_BYTES
ROOM = PENDING // 4  # for requests on their way, which may have half, with what is around them
# What is counted once may be there three times: as a request, in kafka-python's batch, and in the
# message that the batch is sent in.
COPIES = 3
EACH = 8 * 1024  # of a connection's own objects: its socket, its parser, its request's fields


class Peak(Background):
    """The most memory that a process has had, looked at all the time."""

    def __init__(self, pid: int) -> None:
        super().__init__(self._look)
        self._process = psutil.Process(pid)
        self.rss = 0

    def _look(self) -> None:
        while not self.ending.wait(0.02):
            self.rss = max(self.rss, self._process.memory_info().rss)


def held(ingest: IngestProcess) -> float | None:
    """Return the bytes that the gate has counted in and not out."""
    return ingest.level("ingest_pending_bytes")


@scenario(
    fault="4,096 clients send the largest body at once, and Kafka is slow",
    client="202, or 503 at once",
    kept="Everything accepted",
    recovery="None needed",
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
        assert peak.rss - before < COPIES * PENDING + EACH * CONNECTIONS
        eventually(lambda: held(ingest) == 0, "nothing to be held")
        assert ingest.post(bid("after")).status == 202
    kept = [record.key for record in read_all(stage.brokers, stage.topic)]
    assert kept.count(b"r-1") >= statuses[202] > 0
