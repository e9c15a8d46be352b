"""`status`: what it tells of a deployment that is well, and of each way in which it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.settings import read
from tests.fakes.harness_clock import FakeClock
from tests.fakes.harness_objects import deployment, items, pod
from tests.fakes.harness_runner import FakeRunner
from verification.checks.context import Context
from verification.checks.host import LocalHost
from verification.cluster.waiting import SilentProgress
from verification.commands.status import to_json, to_text
from verification.load.http import IngestHttp
from verification.settings import HarnessSettings
from verification.status import Inquiry, Status

_DECIDED = {
    "event": "bid decided",
    "timestamp": "2026-01-02T03:04:05Z",
    "topic": "bid_requests",
    "partition": 1,
    "offset": 7,
    "id": "b-1",
    "decision": "no_bid",
}


def _lag(*rows: tuple[int, int, float]) -> str:
    lines = [{"partition": part, "lag": lag, "age_s": age} for part, lag, age in rows]
    return "\n".join(map(json.dumps, [*lines, {"complete": True}]))


@pytest.fixture
def runner() -> FakeRunner:
    """Answer as a deployment that is well."""
    runner = FakeRunner()
    runner.answer("get", "deployments,statefulsets,jobs", with_=items(deployment("web")))
    runner.answer("get", "pods", with_=items(pod("logic-1", app="bidding-logic-service")))
    older = {**_DECIDED, "timestamp": "2026-01-02T03:04:04Z", "id": "b-0"}
    runner.answer("logs", with_="\n".join(map(json.dumps, [_DECIDED, older])))
    runner.answer("exec", with_=_lag((0, 0, 0.0), (1, 3, 1.5)))
    return runner


@pytest.fixture
def inquiry(runner: FakeRunner, tmp_path: Path) -> Inquiry:
    """Ask that deployment."""
    settings = read(HarnessSettings, {})
    tools = (runner, FakeClock(), SilentProgress(), LocalHost(), IngestHttp(1))
    return Inquiry(Context(tmp_path, settings, *tools, run_id="v1"))


class TestWell:
    """A deployment that is well."""

    def test_text(self, inquiry: Inquiry) -> None:
        """Workloads, the lag of each partition and the newest decision are told."""
        text = to_text(inquiry.status())
        assert "✓ deployment/web" in text
        assert "lag: 3 messages, 1.5 s" in text
        assert "          1         3      1.5" in text
        assert "last decision: no_bid for b-1 (bid_requests/1/7)" in text
        assert "no open problems" in text

    def test_json(self, inquiry: Inquiry) -> None:
        """A program gets the same."""
        found = json.loads(to_json(inquiry.status()))
        assert found["workloads"] == {"deployment/web": "available"}
        assert found["lag"][1] == {"partition": 1, "messages": 3, "seconds": 1.5}
        assert (found["lag_messages"], found["lag_seconds"]) == (3, 1.5)
        assert found["last_decision"]["id"] == "b-1"
        assert found["problems"] == []


def _only_problem(status: Status) -> tuple[str, str]:
    (problem,) = status.problems
    return problem.what, problem.next


class TestProblems:
    """Each problem is told with the command to type next."""

    def test_workload(self, inquiry: Inquiry, runner: FakeRunner) -> None:
        """A workload that lacks replicas is to be described."""
        lacking = items(deployment("web", have=0))
        runner.answer("get", "deployments,statefulsets,jobs", with_=lacking)
        what, command = _only_problem(inquiry.status())
        assert "0 of 1" in what
        assert command.endswith("--namespace rtb describe deployment/web")

    def test_nothing_deployed(self, inquiry: Inquiry, runner: FakeRunner) -> None:
        """An empty namespace is a problem that `make up` solves."""
        runner.answer("get", "deployments,statefulsets,jobs", with_=items())
        assert _only_problem(inquiry.status()) == ("nothing is deployed", "make up")

    def test_pod(self, inquiry: Inquiry, runner: FakeRunner) -> None:
        """A pod that waits is told with its reason; that the lag is unknown, too."""
        stuck = pod("logic-1", app="bidding-logic-service", waiting="ErrImagePull", message="why")
        runner.answer("get", "pods", with_=items(stuck))
        status = inquiry.status()
        assert "ErrImagePull: pod logic-1" in status.problems[0].what
        assert status.problems[0].next.endswith("describe pod/logic-1")
        assert "the lag is unknown" in status.problems[1].what
        assert "lag:" not in to_text(status)

    def test_restarts(self, inquiry: Inquiry, runner: FakeRunner) -> None:
        """A container that was restarted has a log of its previous run."""
        restarted = pod("logic-1", app="bidding-logic-service", restarts=2)
        runner.answer("get", "pods", with_=items(restarted))
        what, command = _only_problem(inquiry.status())
        assert what == "logic-1/main has been restarted 2 times"
        assert command.endswith("logs logic-1 --container main --previous")

    def test_late(self, inquiry: Inquiry, runner: FakeRunner) -> None:
        """A partition that nobody consumes is told by its age."""
        runner.answer("exec", with_=_lag((0, 0, 0.0), (1, 9, 61.0)))
        what, command = _only_problem(inquiry.status())
        assert what == "partition 1 is 61 s behind, 9 messages"
        assert "logs deployment/bidding-logic-service" in command
        assert "next: kubectl" in to_text(inquiry.status())

    def test_no_decision(self, inquiry: Inquiry, runner: FakeRunner) -> None:
        """A bidding logic that has not decided yet is no problem, and neither is a missing log."""
        runner.answer("logs", code=1, stderr="container is waiting to start")
        assert "last decision: none yet" in to_text(inquiry.status())
        assert not inquiry.status().problems
