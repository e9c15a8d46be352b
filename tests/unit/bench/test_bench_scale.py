"""The arithmetic of docs/scale.md: each figure follows from what one request takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.scale import Assumptions, Measured, cost_per_billion, fleet

pytestmark = pytest.mark.promise("documented")

MEASURED = Measured(ingest_cpu_s=0.0006, consumer_cpu_s=0.0003, worker_mib=64, record_bytes=1000)
ASSUMED = Assumptions(busy=0.6, broker_bytes_s=100e6, partition_bytes_s=10e6)


def test_workers_are_cpu_time_over_what_a_core_may_be_used() -> None:
    """100,000 requests of 0.6 ms are 60 cores' work, and a core may be used to 60 %."""
    found = fleet(100_000, MEASURED, ASSUMED)
    assert (found.workers, found.pods, found.consumers) == (100, 50, 50)
    assert found.memory_gib == pytest.approx(6.25)


def test_brokers_carry_each_record_in_on_and_out() -> None:
    """100 MB/s in are 400 MB/s with two replicas to feed and one reader."""
    found = fleet(100_000, MEASURED, ASSUMED)
    assert found.in_bytes_s == 100e6
    assert found.brokers == 4


def test_what_is_stored_is_stored_as_often_as_there_are_replicas() -> None:
    """A day at 100 MB/s is 8.64 TB, three times."""
    assert fleet(100_000, MEASURED, ASSUMED).stored_bytes_day == pytest.approx(25.92e12)


def test_partitions_suffice_for_consumers_brokers_and_bytes() -> None:
    """Whoever needs most of them decides; a consumer without a partition is idle."""
    assert fleet(100_000, MEASURED, ASSUMED).partitions == 50
    light = replace(MEASURED, consumer_cpu_s=1e-7)
    assert fleet(100_000, light, ASSUMED).partitions == 10
    assert fleet(100_000, light, replace(ASSUMED, broker_bytes_s=10e6)).partitions == 40


def test_the_smallest_fleet_survives_the_loss_of_one() -> None:
    """Two pods, two consumers, as many brokers as replicas."""
    found = fleet(1, MEASURED, ASSUMED)
    assert (found.pods, found.consumers, found.brokers) == (2, 2, 3)


def test_a_billion_bids_cost_cores_and_disks_for_as_long_as_they_take() -> None:
    """At 1e9/3600 a second they take an hour: 10 cores at 4 cents, and 720 GiB for that hour."""
    assumed = replace(ASSUMED, core_hour=0.04, gib_month=1.0, retention_days=1)
    rate = 1_000_000_000 // 3600
    cost = cost_per_billion(rate, cores=10, stored_bytes_day=720 * 2**30, assumed=assumed)
    assert cost == pytest.approx(10 * 0.04 + 1.0, rel=1e-4)


def test_ten_times_the_load_costs_a_bid_no_more() -> None:
    """What is bought in whole pieces weighs less, the larger the fleet."""
    costs = [fleet(10**power, MEASURED, ASSUMED).cost_per_billion for power in range(3, 8)]
    assert costs == sorted(costs, reverse=True)
