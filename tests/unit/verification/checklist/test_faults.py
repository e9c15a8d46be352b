"""Each check but the static ones: green on a world that is well, red on each of its faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.fakes.harness_api import running_pod
from tests.support.fakes.harness_world import World
from tests.unit.verification.checklist.faults import FAULTS, Fault
from verification.checklist.registry import CHECKS
from verification.running import CheckResult, Status, run_check
from verification.session import Session

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

LOOKING = {check.id: check for check in CHECKS if check.category != "static"}
ALL = [(name, fault) for name, faults in FAULTS.items() for fault in list(faults)]
# What one broker spares is looked at where there are two.
AMONG_SEVERAL = ("resilience.kafka-pods-deleted-in-turn", "resilience.kafka-rolling-restart")


def _run(name: str, world: World) -> CheckResult:
    if name in AMONG_SEVERAL:
        world.api.objects["pods"].append(running_pod("kafka", "kafka-2"))
    context = world.context()
    with closing(context.underway):
        return run_check(LOOKING[name], Session(context))


@pytest.mark.parametrize("name", LOOKING)
def test_green(name: str, tmp_path: Path) -> None:
    """On a world that is well the check passes."""
    result = _run(name, World(tmp_path))
    assert (result.status, result.message) == (Status.PASSED, result.message)


@pytest.mark.parametrize(("name", "fault"), ALL, ids=[f"{name}: {fault[0]}" for name, fault in ALL])
def test_red(name: str, fault: Fault, tmp_path: Path) -> None:
    """With the fault the check fails, names what is wrong, and is not broken itself."""
    world = World(tmp_path)
    _, change, says = fault
    change(world)
    result = _run(name, world)
    assert result.status is Status.FAILED
    assert says in result.message
    assert "the check itself broke" not in result.message


def test_every_check_has_a_fault(note: Callable[[str], None]) -> None:
    """There is no check in these categories that has never been seen to fail."""
    note(f"{len(FAULTS)} of {len(LOOKING)} checks have a fault, {len(ALL)} faults in all")
    checks = Counter(LOOKING[name].category for name in FAULTS)
    faults = Counter(LOOKING[name].category for name, _ in ALL)
    for category, count in checks.items():
        note(f"  {category:<14} {count} checks, {faults[category]} faults")
    assert {name for name, _ in ALL} == set(LOOKING)
