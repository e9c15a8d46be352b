"""Waiting for a roll-out, and giving up early."""

from __future__ import annotations

import json
from pathlib import Path

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

pytestmark = pytest.mark.timing


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


class TestWait:
    """Rollout.wait."""

    def test_available(self, rollout: Rollout, runner: FakeRunner) -> None:
        """All replicas available and all pods ready: done."""
        runner.answer("get", with_=items(deployment(), pod()))
        assert rollout.wait() == 0

    @pytest.mark.parametrize("reason", sorted(TERMINAL - {"Unschedulable"}))
    def test_hopeless(
        self, rollout: Rollout, runner: FakeRunner, clock: FakeClock, reason: str
    ) -> None:
        """A reason that waiting cannot help ends the wait within seconds, naming pod and image."""
        runner.answer("get", with_=items(deployment(have=0), pod(waiting=reason, message="why")))
        with pytest.raises(RolloutError, match=rf"{reason}: pod web-1, .*image rtb/web:abc: why"):
            rollout.wait()
        assert clock.seconds < 30

    def test_unschedulable(self, rollout: Rollout, runner: FakeRunner, clock: FakeClock) -> None:
        """A pod that fits on no node ends the wait within seconds, too."""
        runner.answer("get", with_=items(deployment(have=0), unschedulable()))
        with pytest.raises(RolloutError, match="Unschedulable: pod web-1: 0/1"):
            rollout.wait()
        assert clock.seconds < 30

    def test_trouble_that_passes(self, rollout: Rollout, runner: FakeRunner) -> None:
        """A pod that is in trouble for a moment only does not end the wait."""
        seen = iter([items(deployment(have=0), unschedulable())] * 4)
        well = items(deployment(), pod())
        runner.answer("get", with_=lambda _argv, _stdin: json.dumps(next(seen, well)))
        assert rollout.wait() == pytest.approx(2.0)

    def test_pods_of_an_older_revision(self, rollout: Rollout, runner: FakeRunner) -> None:
        """What is wrong with pods that are being replaced does not end the wait for new ones."""
        old, new = replica_set("web-old", 9), replica_set("web-new", 10)
        stuck = owned(pod("web-old-1", waiting="ErrImagePull"), "web-old")
        runner.answer("get", with_=items(deployment(), old, new, stuck))
        assert rollout.wait() == 0
        stuck = owned(pod("web-new-1", waiting="ErrImagePull"), "web-new")
        runner.answer("get", with_=items(deployment(have=0), old, new, stuck))
        with pytest.raises(RolloutError, match="pod web-new-1"):
            rollout.wait()

    def test_never_finished(self, rollout: Rollout, runner: FakeRunner) -> None:
        """A roll-out that takes too long tells what it waited for: the product's fault."""
        runner.answer("get", with_=items(deployment(have=0), pod(ready=False)))
        with pytest.raises(RolloutError, match=r"0 of 1 .*web-1: Pending, not ready yet") as error:
            rollout.wait()
        assert error.value.exit_code == 1

    def test_nothing_deployed(self, rollout: Rollout, runner: FakeRunner) -> None:
        """A namespace without workloads is no finished roll-out."""
        runner.answer("get", with_=items())
        with pytest.raises(RolloutError, match="there are no workloads yet"):
            rollout.wait()


class TestPods:
    """blocked and restarts."""

    def test_ready_and_succeeded(self) -> None:
        """A ready pod is not blocked, a finished one neither."""
        done = pod(ready=False)
        done["status"]["phase"] = "Succeeded"
        assert blocked(pod()) is None
        assert blocked(done) is None

    def test_on_its_way_out(self) -> None:
        """A pod that is being deleted is not ready, whatever its condition says."""
        going = pod()
        going["metadata"]["deletionTimestamp"] = "now"
        reason = blocked(going)
        assert reason is not None
        assert "is being deleted" in reason.message

    def test_terminal_reason_first(self) -> None:
        """Of several reasons the one that waiting cannot help is told."""
        item = pod(waiting="ContainerCreating")
        second = pod(waiting="ErrImagePull")["status"]["containerStatuses"][0]
        item["status"]["containerStatuses"].append(second)
        reason = blocked(item)
        assert reason is not None
        assert reason.reason == "ErrImagePull"

    def test_restarts(self) -> None:
        """Restarts are counted by pod and container."""
        assert restarts([pod(), pod("web-2", restarts=3)]) == {"web-2/main": 3}


class TestWorkloads:
    """Pending and failure."""

    def test_change_not_seen_yet(self) -> None:
        """A status of an older generation says nothing about the newer one."""
        item = deployment()
        item["status"]["observedGeneration"] = 1
        assert pending(item) is not None

    def test_old_pods_left(self) -> None:
        """As long as pods of the old revision are there, the roll-out goes on."""
        item = deployment()
        item["status"]["replicas"] = 2
        assert pending(item) == "deployment/web: 1 old pods are still there"

    def test_job(self) -> None:
        """A Job is pending until it has its completions."""
        job = {"kind": "Job", "metadata": {"name": "j"}, "spec": {}, "status": {}}
        assert pending(job) == "job/j: 0 of 1 completions"
        assert pending({**job, "status": {"succeeded": 1}}) is None

    @pytest.mark.parametrize(
        "entry",
        [
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"},
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
        ],
    )
    def test_given_up(self, entry: dict[str, str]) -> None:
        """A failed Job and an exceeded deadline are told by their reason."""
        item = {**deployment(), "status": {"conditions": [entry]}}
        assert entry["reason"] in (failure(item) or "")
        assert failure(deployment()) is None


class TestWaiter:
    """Waiter."""

    def test_reason_is_told(self, clock: FakeClock) -> None:
        """A wait that ends in vain says what, how long, and the last reason."""
        reasons = iter(["first", "second"])
        waiter = Waiter(clock, SilentProgress())
        with pytest.raises(WaitTimeoutError, match="thing: not within 3 s; last seen: last"):
            waiter.until("thing", lambda: next(reasons, "last"), within=3)
        assert clock.seconds == 3

    def test_time_that_it_took(self, clock: FakeClock) -> None:
        """The seconds until the condition held are returned."""
        states = iter(["not yet", "not yet", None])
        assert Waiter(clock, SilentProgress()).until("x", lambda: next(states), within=9) == 1.0


class TestOverlay:
    """write_overlay."""

    def test_relative_base_and_tags(self, tmp_path: Path) -> None:
        """The overlay refers to its base by a relative path and carries the images' tags."""
        folder = write_overlay(tmp_path / "state" / "o", tmp_path / "m", ["rtb/ingest:abc"])
        text = (folder / "kustomization.yaml").read_text()
        assert "../../m" in text
        assert "name: rtb/ingest\n  newTag: abc" in text
