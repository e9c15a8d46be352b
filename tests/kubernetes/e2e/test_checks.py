"""Every check of the registry, each a test of its own (`pytest -m e2e`)."""

from __future__ import annotations

import pytest

from verification.checklist.registry import CHECKS
from verification.checklist.support.check import Check, Severity
from verification.running import Status, run_one
from verification.session import Session

pytestmark = [pytest.mark.e2e, pytest.mark.promise("deployed")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_check(check: Check, session: Session) -> None:
    """The check's promise is kept in the cluster."""
    result = run_one(check, session)
    if result.status is Status.SKIPPED:
        pytest.skip(result.message)
    if result.status is Status.FAILED and check.severity is Severity.WARNING:
        pytest.skip(f"a warning: {result.message}")
    if result.status is Status.FAILED:
        bundle = session.bundle or session.collect("failed")
        by_hand = "\n  ".join(check.by_hand)
        pytest.fail(
            f"{check.statement}\n{result.message}\nhint: {check.hint}\nby hand:\n  {by_hand}\n"
            f"diagnostics: {bundle}",
            pytrace=False,
        )
