"""Each check of machine, images and cluster: green on a world that is well, red on each fault."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.fakes.harness_api import kafka_pod
from tests.support.fakes.harness_world import World
from tests.unit.verification.checklist.fault import Fault
from tests.unit.verification.checklist.faults import FAULTS
from verification.checklist.registry import CHECKS
from verification.checklist.support.check import Check
from verification.running import CheckResult, Status, run_check
from verification.session import Session

pytestmark = pytest.mark.timing

# The pipeline's faults stand in test_pipeline_checks.py, those of the manifests are the
# mutations of tests/kubernetes/manifests.
TABLED = [check for check in CHECKS if check.category in FAULTS]
ALL = [(category, fault) for category, faults in FAULTS.items() for fault in faults]
BY_ID = {check.id: check for check in CHECKS}


# What one broker spares is looked at where there are two.
AMONG_SEVERAL = ("resilience.kafka-pods-deleted-in-turn", "resilience.kafka-rolling-restart")


def _run(check: Check, world: World) -> CheckResult:
    if check.id in AMONG_SEVERAL:
        world.api.objects["pods"].append(kafka_pod("kafka-2"))
    context = world.context()
    with closing(context.underway):
        return run_check(check, Session(context))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Begin with a world that is well."""
    return World(tmp_path)


@pytest.mark.parametrize("check", TABLED, ids=lambda check: check.id)
def test_green(check: Check, world: World) -> None:
    """On a world that is well the check passes."""
    result = _run(check, world)
    assert (result.status, result.message) == (Status.PASSED, result.message)


@pytest.mark.parametrize(
    ("category", "fault"), ALL, ids=[f"{c}.{fault.check}: {fault.name}" for c, fault in ALL]
)
def test_red(category: str, fault: Fault, world: World) -> None:
    """With the fault the check fails, names what is wrong, and is not broken itself."""
    fault.change(world)
    result = _run(BY_ID[f"{category}.{fault.check}"], world)
    assert result.status is Status.FAILED
    assert fault.says in result.message
    assert "the check itself broke" not in result.message


def test_every_check_has_a_fault(note: Callable[[str], None]) -> None:
    """There is no check in these categories that has never been seen to fail."""
    faulted = {f"{category}.{fault.check}" for category, fault in ALL}
    note(f"{len(faulted)} of {len(TABLED)} checks have a fault, {len(ALL)} faults in all")
    for category, faults in FAULTS.items():
        checks = [check for check in TABLED if check.category == category]
        seen = {fault.check for fault in faults}
        note(f"  {category:<14} {len(seen)} of {len(checks)} checks, {len(faults)} faults")
    assert faulted == {check.id for check in TABLED}
