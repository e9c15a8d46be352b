"""Each check of the pipeline: green on a deployment that is well, red on each of its faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from common.settings import read
from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.harness_pipeline import FakeDeployment
from verification.checklist.registry import CHECKS
from verification.checklist.support.check import Check
from verification.checklist.support.context import Context
from verification.checklist.support.host import LocalHost
from verification.cluster.waiting import SilentProgress
from verification.running import Status, run_check
from verification.session import Session
from verification.settings import HarnessSettings

pytestmark = pytest.mark.timing

PIPELINE = {check.id: check for check in CHECKS if check.category == "pipeline"}

FAULTS = {
    "pipeline.healthz": ["healthz"],
    "pipeline.readyz": ["readyz"],
    "pipeline.consumer-ready": ["consumer not ready"],
    "pipeline.accepts": ["refuses all", "no position"],
    "pipeline.record-bytes-identical": ["encodes again", "refuses all"],
    "pipeline.gzip-inflated": ["keeps gzip", "refuses all"],
    "pipeline.record-key-and-headers": [
        "wrong key",
        "content-type",
        "received-at",
        "x-openrtb-version",
        "traceparent",
        "wrong clock",
    ],
    "pipeline.decision-written": [
        "consumer stopped",
        "wrong offset",
        "wrong response",
        "unknown version",
    ],
    "pipeline.consumer-logs-position": ["consumer stopped", "wrong offset"],
    "pipeline.invalid-refused": ["takes anything", "leaks refused"],
    "pipeline.oversized-refused": ["takes anything", "leaks refused", "always 400"],
    "pipeline.wrong-type-refused": ["takes anything", "leaks refused", "always 400"],
    "pipeline.poison-to-dead-letters": [
        "swallows poison",
        "bare dead letters",
        "dies of poison",
    ],
    "pipeline.logs-are-json": ["prints", "kafka prints", "the job prints"],
    "pipeline.no-personal-data-in-logs": ["logs the device"],
}


def _status(check: Check, deployment: FakeDeployment, root: Path) -> tuple[Status, str]:
    context = Context(
        root=root,
        settings=read(HarnessSettings, {}),
        runner=deployment.runner(),
        clock=FakeClock(),
        progress=SilentProgress(),
        host=LocalHost(),
        http=deployment,
        run_id="v1",
    )
    result = run_check(check, Session(context))
    return result.status, result.message


def test_every_check_has_a_fault(note: Callable[[str], None]) -> None:
    """There is no check of the pipeline that has never been seen to fail."""
    faults = sum(map(len, FAULTS.values()))
    note(f"  pipeline       {len(FAULTS)} of {len(PIPELINE)} checks, {faults} faults")
    assert set(FAULTS) == set(PIPELINE)


@pytest.mark.parametrize("check_id", PIPELINE)
def test_green(check_id: str, tmp_path: Path) -> None:
    """On a deployment that is well the check passes."""
    deployment = FakeDeployment()
    if check_id == "pipeline.logs-are-json":
        _status(PIPELINE["pipeline.accepts"], deployment, tmp_path)
    assert _status(PIPELINE[check_id], deployment, tmp_path)[0] is Status.PASSED


@pytest.mark.parametrize(
    ("check_id", "fault"), [(name, fault) for name, faults in FAULTS.items() for fault in faults]
)
def test_red(check_id: str, fault: str, tmp_path: Path) -> None:
    """With the fault the check fails, and not because it is broken itself."""
    deployment = FakeDeployment({fault})
    if check_id == "pipeline.logs-are-json":
        _status(PIPELINE["pipeline.accepts"], deployment, tmp_path)
    status, message = _status(PIPELINE[check_id], deployment, tmp_path)
    assert status is Status.FAILED
    assert "the check itself broke" not in message
