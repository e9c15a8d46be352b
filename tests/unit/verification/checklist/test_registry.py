"""The registry of checks, and the runbook that is made of it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from verification.checklist.registry import CATEGORIES, CHECKS, select
from verification.checklist.support.check import Check
from verification.errors import UsageError
from verification.project import ROOT
from verification.reports.runbook_page import runbook


@pytest.mark.promise("honest")
class TestRegistry:
    """CHECKS."""

    def test_ids(self) -> None:
        """Ids are unique, and the checks of a category stand together, in its order."""
        ids = [check.id for check in CHECKS]
        assert len(ids) == len(set(ids)) >= 60
        assert all(re.fullmatch(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)
        assert list(dict.fromkeys(check.category for check in CHECKS)) == list(CATEGORIES)

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
    def test_complete(self, check: Check) -> None:
        """Every check states what holds, how to see it by hand, what to expect and a hint."""
        assert check.statement.endswith(".")
        assert check.by_hand
        assert all(command.strip() for command in check.by_hand)
        assert check.expected
        assert check.hint
        assert check.deadline_s > 0

    def test_unknown_promise(self) -> None:
        """A check cannot prove what nobody has promised."""
        with pytest.raises(ValueError, match=rf"{CHECKS[0].id}: .* has no 'nope'"):
            replace(CHECKS[0], promise="nope")

    def test_static_rules(self) -> None:
        """A rule about the network or a pod's powers is of security, any other of deployment."""
        found = {check.id: check.promise for check in select(["static"])}
        assert set(found.values()) == {"deployed", "secured"}
        assert found["static.pods-restricted"] == found["static.network-nothing-else"] == "secured"
        assert found["static.admin-inside"] == "secured"
        assert found["static.probes-present"] == "deployed"

    def test_select(self) -> None:
        """Ids and categories can be mixed; the order stays the registry's; none means all."""
        chosen = select(["pipeline.accepts", "preflight"])
        assert chosen[-1].id == "pipeline.accepts"
        assert {check.category for check in chosen[:-1]} == {"preflight"}
        assert select([]) == list(CHECKS)
        with pytest.raises(UsageError, match="no such check or category: nope"):
            select(["nope"])


@pytest.mark.promise("documented")
def test_runbook() -> None:
    """The page in the repository has every check, and is the one that the registry makes now."""
    page = (ROOT / "docs" / "testing" / "phase-1-verification.md").read_text(encoding="utf-8")
    for check in CHECKS:
        assert f"### {check.id}\n" in page
        assert "\n".join(check.by_hand) in page
    assert page == runbook(CHECKS, CATEGORIES)
