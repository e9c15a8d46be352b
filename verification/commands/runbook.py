"""`runbook`: writes the page that tells how to do all the checks by hand."""

from __future__ import annotations

import argparse

from verification.checklist.registry import CATEGORIES, CHECKS
from verification.cli import Console
from verification.errors import CheckFailedError
from verification.project import ROOT
from verification.reports.runbook_page import PATH, runbook


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("--check", action="store_true", help="fail when the page is stale")


def run(args: argparse.Namespace, console: Console) -> int:
    """Write the page, or compare it with what would be written."""
    wanted, file = runbook(CHECKS, CATEGORIES), ROOT / PATH
    if args.check:
        if not file.exists() or file.read_text(encoding="utf-8") != wanted:
            message = f"{PATH} is stale: `python -m verification runbook` writes it"
            raise CheckFailedError(message)
        return 0
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(wanted, encoding="utf-8")
    console.out.write(f"{PATH}: {len(CHECKS)} checks\n")
    return 0
