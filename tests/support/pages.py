"""The pages of the documentation, and the code on them."""

from __future__ import annotations

import re

from verification.project import ROOT

RUNBOOK = "docs/testing/phase-1-verification.md"
PAGES = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for file in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page in one language."""
    return blocks_in(PAGES[page], language)


def blocks_in(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a text in one language."""
    return [code for name, code in _BLOCK.findall(text) if name == language]


def spans(page: str) -> list[str]:
    """Return what stands between backticks in the text of a page."""
    found = re.findall(r"`([^`]+)`", _BLOCK.sub("", PAGES[page]))
    return [" ".join(code.split()) for code in found]


def code(page: str) -> str:
    """Return all code of a page, a snippet a line or more."""
    return "\n".join([*(text for _, text in _BLOCK.findall(PAGES[page])), *spans(page)])


def kubectl_commands(text: str) -> list[str]:
    """Return the commands of kubectl, each without what it is piped into and comments."""
    return [" ".join(line.split()) for line in re.findall(r"kubectl [^\n|&#]+", text)]
