"""From a measured request to a fleet: what so many requests a second take, on paper.

Everything here is arithmetic on bench/results/latest.json and the assumptions below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.backlog import DECIDING
from bench.peers import OURS
from bench.results import Results

DAY_S = 86_400


@dataclass(frozen=True)
class Assumptions:
    """What was not measured here, each a number to be replaced with one's own."""

    busy: float = 0.6  # share of a core that may be used, so that a burst finds room
    workers_per_pod: int = 2  # INGEST_WORKERS
    replicas: int = 3  # copies of each record, as the ha overlay has it
    partition_bytes_s: float = 10e6  # what a partition's leader takes before latency suffers
    broker_bytes_s: float = 100e6  # what a broker's network and disk take, replication included
    retention_days: float = 1.0
    core_hour: float = 0.04  # dollars
    gib_month: float = 0.08  # dollars, of a disk
    broker_cores: int = 4


@dataclass(frozen=True)
class Measured:
    """What a request and a record cost here: CPU seconds, MiB of a worker, bytes of a record."""

    ingest_cpu_s: float
    consumer_cpu_s: float
    worker_mib: float
    record_bytes: int

    @classmethod
    def by(cls, results: Results, record_bytes: int) -> Measured:
        """Take the figures of the default client."""
        ours = results.peaks[OURS]
        consumer_s = results.backlog[DECIDING].cpu_us / 1e6
        return cls(ours.cpu_ms / 1000, consumer_s, ours.memory_mib, record_bytes)


@dataclass(frozen=True)
class Fleet:
    """What a load takes."""

    rate: int
    workers: int
    pods: int
    memory_gib: float
    partitions: int
    consumers: int
    brokers: int
    in_bytes_s: float
    stored_bytes_day: float
    cost_per_billion: float


def fleet(rate: int, measured: Measured, assumed: Assumptions) -> Fleet:
    """Return what `rate` requests a second take."""
    workers = max(2, math.ceil(rate * measured.ingest_cpu_s / assumed.busy))
    consumers = max(2, math.ceil(rate * measured.consumer_cpu_s / assumed.busy))
    in_bytes_s = float(rate * measured.record_bytes)
    # each record crosses a broker's network once in, `replicas - 1` times on, and once out
    moved = in_bytes_s * (assumed.replicas + 1)
    brokers = max(assumed.replicas, math.ceil(moved / assumed.broker_bytes_s))
    stored = in_bytes_s * DAY_S * assumed.replicas
    partitions = max(consumers, brokers, math.ceil(in_bytes_s / assumed.partition_bytes_s))
    cores = workers + consumers + brokers * assumed.broker_cores
    return Fleet(
        rate=rate,
        workers=workers,
        pods=max(2, math.ceil(workers / assumed.workers_per_pod)),
        memory_gib=workers * measured.worker_mib / 1024,
        partitions=partitions,
        consumers=consumers,
        brokers=brokers,
        in_bytes_s=in_bytes_s,
        stored_bytes_day=stored,
        cost_per_billion=cost_per_billion(rate, cores, stored, assumed),
    )


def cost_per_billion(rate: int, cores: int, stored_bytes_day: float, assumed: Assumptions) -> float:
    """Return dollars for a billion bids: cores and disks for as long as they take."""
    hours = 1e9 / rate / 3600
    gib = stored_bytes_day * assumed.retention_days / 2**30
    return hours * (cores * assumed.core_hour + gib * assumed.gib_month / (30 * 24))
