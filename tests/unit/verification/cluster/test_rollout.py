"""Waiting for a roll-out, and giving up early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.harness_objects import (
    deployment,
    items,
    owned,
    pod,
    replica_set,
    unschedulable,
)
from tests.support.fakes.harness_runner import FakeRunner
from verification.cluster.deployment import Rollout, write_overlay
from verification.cluster.pods import TERMINAL, blocked, restarts
from verification.cluster.tools.kubectl import Kubectl
from verification.cluster.waiting import SilentProgress, Waiter, WaitTimeoutError
from verification.cluster.workloads import failure, pending
from verification.errors import RolloutError

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

SETS = (replica_set("web-old", 9), replica_set("web-new", 10))
JOB: dict[str, Any] = {"kind": "Job", "metadata": {"name": "j"}, "spec": {}, "status": {}}


@pytest.fixture
def runner() -> FakeRunner:
    """Know no answer yet."""
    return FakeRunner()


@pytest.fixture
def clock() -> FakeClock:
    """Time that passes in sleep alone."""
    return FakeClock()


@pytest.fixture
def rollout(runner: FakeRunner, clock: FakeClock, tmp_path: Path) -> Rollout:
    """Watch a roll-out through the runner."""
    kubectl = Kubectl(runner, tmp_path, "kind-ours", "rtb")
    return Rollout(kubectl, Waiter(clock, SilentProgress()), clock)


def stuck(owner: str) -> dict[str, Any]:
    """Return a pod of that revision whose image cannot be had."""
    return owned(pod(f"{owner}-1", waiting="ErrImagePull"), owner)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([deployment(), pod()], id="all is available"),
        pytest.param([deployment(), *SETS, stuck("web-old")], id="a pod that is being replaced"),
    ],
)
def test_finished(rollout: Rollout, runner: FakeRunner, found: list[dict[str, Any]]) -> None:
    """All replicas are available; what is wrong with older pods is waited for by nobody."""
    runner.answer("get", with_=items(*found))
    assert rollout.wait() == 0


@pytest.mark.parametrize(
    ("found", "said"),
    [
        *(
            (
                pod(waiting=reason, message="why"),
                rf"{reason}: pod web-1, .*image rtb/web:abc: why",
            )
            for reason in sorted(TERMINAL - {"Unschedulable"})
        ),
        (unschedulable(), "Unschedulable: pod web-1: 0/1"),
        (stuck("web-new"), "ErrImagePull: pod web-new-1"),
    ],
)
def test_hopeless(
    rollout: Rollout, runner: FakeRunner, clock: FakeClock, found: dict[str, Any], said: str
) -> None:
    """A reason that waiting cannot help ends the wait within seconds, naming pod and image."""
    runner.answer("get", with_=items(deployment(have=0), *SETS, found))
    with pytest.raises(RolloutError, match=said):
        rollout.wait()
    assert clock.seconds < 30


def test_trouble_that_passes(rollout: Rollout, runner: FakeRunner) -> None:
    """A pod that is in trouble for a moment only does not end the wait."""
    seen = iter([items(deployment(have=0), unschedulable())] * 4)
    well = items(deployment(), pod())
    runner.answer("get", with_=lambda _argv, _stdin: json.dumps(next(seen, well)))
    assert rollout.wait() == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([deployment(have=0), pod(ready=False)], r"0 of 1 .*web-1: Pending, not ready yet"),
        ([], "there are no workloads yet"),
    ],
)
def test_never_finished(
    rollout: Rollout, runner: FakeRunner, found: list[dict[str, Any]], said: str
) -> None:
    """A roll-out that takes too long tells what it waited for: the product's fault."""
    runner.answer("get", with_=items(*found))
    with pytest.raises(RolloutError, match=said) as error:
        rollout.wait()
    assert error.value.exit_code == 1


def test_what_blocks_a_pod() -> None:
    """Nothing when it is ready or done; being deleted; first what waiting cannot help."""
    done, going, two = pod(ready=False), pod(), pod(waiting="ContainerCreating")
    done["status"]["phase"] = "Succeeded"
    going["metadata"]["deletionTimestamp"] = "now"
    more = pod(waiting="ErrImagePull")["status"]["containerStatuses"]
    two["status"]["containerStatuses"] += more
    assert (blocked(pod()), blocked(done)) == (None, None)
    on_its_way, worst = blocked(going), blocked(two)
    assert on_its_way is not None
    assert "is being deleted" in on_its_way.message
    assert worst is not None
    assert worst.reason == "ErrImagePull"


def test_restarts() -> None:
    """Restarts are counted by pod and container."""
    assert restarts([pod(), pod("web-2", restarts=3)]) == {"web-2/main": 3}


@pytest.mark.parametrize(
    ("workload", "status", "lacking"),
    [
        (deployment(), {"observedGeneration": 1}, "the controller has not seen the change yet"),
        (deployment(), {"replicas": 2}, "deployment/web: 1 old pods are still there"),
        (JOB, {}, "job/j: 0 of 1 completions"),
        (JOB, {"succeeded": 1}, None),
    ],
)
def test_pending(workload: dict[str, Any], status: dict[str, Any], lacking: str | None) -> None:
    """What a workload lacks is said: a status that is old, pods that are, completions."""
    found = pending({**workload, "status": {**workload["status"], **status}})
    assert found is lacking if lacking is None else lacking in (found or "")


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"},
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
    ],
)
def test_given_up(entry: dict[str, str]) -> None:
    """A failed Job and an exceeded deadline are told by their reason."""
    item = {**deployment(), "status": {"conditions": [entry]}}
    assert entry["reason"] in (failure(item) or "")
    assert failure(deployment()) is None


def test_a_wait_tells_its_time_and_its_last_reason(clock: FakeClock) -> None:
    """The seconds until the condition held are returned; one in vain says what and how long."""
    waiter = Waiter(clock, SilentProgress())
    states, reasons = iter(["not yet", "not yet", None]), iter(["first", "second"])
    assert waiter.until("x", lambda: next(states), within=9) == 1.0
    with pytest.raises(WaitTimeoutError, match="thing: not within 3 s; last seen: last"):
        waiter.until("thing", lambda: next(reasons, "last"), within=3)
    assert clock.seconds == 4


def test_an_overlay_has_a_relative_base_and_tags(tmp_path: Path) -> None:
    """The overlay refers to its base by a relative path and carries the images' tags."""
    folder = write_overlay(tmp_path / "state" / "o", tmp_path / "m", ["rtb/ingest:abc"])
    text = (folder / "kustomization.yaml").read_text()
    assert "../../m" in text
    assert "name: rtb/ingest\n  newTag: abc" in text
