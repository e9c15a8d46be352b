"""The end of a soak, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from tests.soak.verdict import Finding


def print_table(findings: Sequence[Finding], out: TextIO) -> None:
    """Print a line for each promise, and a last one that says how many are kept."""
    width = max(len(finding.promise) for finding in findings)
    for finding in findings:
        mark = "kept  " if finding.kept else "BROKEN"
        out.write(f"{mark}  {finding.promise:<{width}}  {finding.found}\n")
    kept = sum(finding.kept for finding in findings)
    out.write(f"{kept} passed, {len(findings) - kept} failed\n")
