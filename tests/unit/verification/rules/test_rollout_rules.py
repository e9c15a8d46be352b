"""Rules about how pods come and go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.verification.rules.objects import (
    config_map,
    container,
    deployment,
    objections,
    pod,
    reading,
    workload,
)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"minReadySeconds": 0}, "spec.minReadySeconds: expected 1 or more, found 0"),
        ({"strategy": {}}, "maxUnavailable: expected 0, found None"),
        ({"progressDeadlineSeconds": 6}, "expected more than 6 (startup and settling)"),
        ({"progressDeadlineSeconds": 600}, "at most 180, found 600"),
    ],
)
def test_a_rollout_that_is_not_safe(changes: dict[str, Any], path: str) -> None:
    """Roll-outs that drop a pod, do not settle, or end too early or too late are named."""
    (found,) = objections("rollout-safe", deployment("web", **changes))
    assert path in found


def test_a_job_and_brokers_roll_in_their_own_way() -> None:
    """A Job does not roll, and a StatefulSet only has to settle."""
    assert objections("rollout-safe", workload("Job", "once")) == []
    assert objections("rollout-safe", workload("StatefulSet", "store", minReadySeconds=5)) == []


def test_jobs_end() -> None:
    """A Job without a deadline or a bound on its retries is named."""
    assert objections("jobs-finite", deployment()) == []
    found = objections("jobs-finite", workload("Job", "once", backoffLimit=1))
    assert found == ["Job/rtb/once spec.activeDeadlineSeconds: expected a number, found none"]


def test_several_pods_are_spread() -> None:
    """A workload with several pods prefers different nodes; a single pod needs not."""
    assert objections("pods-spread", deployment("web", replicas=1)) == []
    assert len(objections("pods-spread", deployment("web", replicas=2))) == 1
    spread = pod(topologySpreadConstraints=[{"topologyKey": "kubernetes.io/hostname"}])
    assert objections("pods-spread", deployment("web", spread, replicas=2)) == []


class TestStops:
    """The time that a pod gets for an orderly stop."""

    SETTINGS = {"INGEST_GRACEFUL_TIMEOUT_S": "5", "INGEST_DRAIN_TIMEOUT_S": "2"}  # noqa: RUF012  never changed

    def objections(self, grace: int, sleep: int, **settings: str) -> list[str]:
        """Return what is objected to an ingest with this grace period, sleep and settings."""
        hook = {"preStop": {"sleep": {"seconds": sleep}}}
        spec = pod(reading("settings", lifecycle=hook), terminationGracePeriodSeconds=grace)
        item = deployment("bid-request-handler", spec)
        found = objections("shutdown-adds-up", config_map("settings", **settings), item)
        return [text for text in found if "bid-request-handler" in text]

    def test_just_enough(self) -> None:
        """Sleep, both timeouts and the margin make 15 seconds."""
        assert self.objections(15, 5, **self.SETTINGS) == []

    def test_a_second_too_few(self) -> None:
        """One second less is named with what is needed."""
        (found,) = self.objections(14, 5, **self.SETTINGS)
        assert found.endswith("terminationGracePeriodSeconds: expected 15 or more, found 14")

    def test_an_unstated_timeout(self) -> None:
        """A timeout that no ConfigMap states cannot be added up."""
        (found,) = self.objections(60, 5, INGEST_DRAIN_TIMEOUT_S="2")
        assert "expected INGEST_GRACEFUL_TIMEOUT_S in a ConfigMap" in found

    def test_missing_workloads(self) -> None:
        """A workload whose budget is known must be there."""
        assert "kafka: expected a workload, found none" in objections("shutdown-adds-up")

    def test_traffic_stops_first(self) -> None:
        """The ingest sleeps before it stops; without a sleep, or an ingest, that is named."""
        hook = {"preStop": {"sleep": {"seconds": 5}}}
        slow = deployment("bid-request-handler", pod(container(lifecycle=hook)))
        assert objections("traffic-stops-first", slow) == []
        assert len(objections("traffic-stops-first", deployment("bid-request-handler"))) == 1
        assert len(objections("traffic-stops-first")) == 1
