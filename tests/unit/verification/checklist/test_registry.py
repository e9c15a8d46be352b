"""The registry of checks, and the runbook that is made of it."""

from __future__ import annotations

import re

import pytest

from verification.checklist.registry import CATEGORIES, CHECKS, select
from verification.errors import UsageError
from verification.project import ROOT
from verification.reports.runbook_page import runbook


class TestRegistry:
    """CHECKS."""

    def test_ids(self) -> None:
        """Ids are unique, stable words, and every category is known."""
        ids = [check.id for check in CHECKS]
        assert len(ids) == len(set(ids)) >= 60
        assert all(re.fullmatch(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)
        assert {check.category for check in CHECKS} == set(CATEGORIES)

    def test_categories_are_together(self) -> None:
        """The checks of a category follow each other, in the order of CATEGORIES."""
        order = list(dict.fromkeys(check.category for check in CHECKS))
        assert order == list(CATEGORIES)

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
    def test_complete(self, check: object) -> None:
        """Every check tells its promise, how to do it by hand, what to expect and a hint."""
        fields = vars(check)
        assert fields["promise"].endswith(".")
        assert fields["by_hand"]
        assert all(command.strip() for command in fields["by_hand"])
        assert fields["expected"]
        assert fields["hint"]
        assert fields["deadline_s"] > 0


class TestSelect:
    """select."""

    def test_by_id_and_category(self) -> None:
        """Ids and categories can be mixed; the order stays the registry's."""
        chosen = select(["pipeline.accepts", "preflight"])
        assert chosen[-1].id == "pipeline.accepts"
        assert {check.category for check in chosen[:-1]} == {"preflight"}
        assert select([]) == list(CHECKS)

    def test_unknown(self) -> None:
        """A name that is neither is a usage error that names it."""
        with pytest.raises(UsageError, match="no such check or category: nope"):
            select(["nope"])


class TestRunbook:
    """runbook."""

    def test_every_check_is_in_it(self) -> None:
        """Each check has its heading, its commands and what to expect."""
        page = runbook(CHECKS, CATEGORIES)
        for check in CHECKS:
            assert f"### {check.id}\n" in page
            assert "\n".join(check.by_hand) in page

    def test_up_to_date(self) -> None:
        """The page in the repository is the one that the registry makes now."""
        page = ROOT / "docs" / "testing" / "phase-1-verification.md"
        assert page.read_text(encoding="utf-8") == runbook(CHECKS, CATEGORIES)
