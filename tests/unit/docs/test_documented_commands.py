"""What the README and CONTRIBUTING tell one to type is typed by CI."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import blocks_in
from verification.project import ROOT

CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def commands(page: str) -> list[str]:
    """Return the commands of a page's console blocks, without their comments."""
    blocks = blocks_in(page, "console")
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s+#.*", "", line.removeprefix("$ ")) for line in lines]


def typed(command: str) -> bool:
    """Say whether CI types it, in front or in the background, with arguments of its own or not."""
    lines = [line.removeprefix("step ").partition(" & ")[0] for line in CI]
    bare = [re.sub(r"^make newcomer DO='(.*)'$", r"\1", line) for line in lines]
    return any(line == command or line.startswith(f"{command} ") for line in bare)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_command_is_typed_by_ci(name: str) -> None:
    """Each line after a prompt is a line of .ci/run."""
    found = commands((ROOT / name).read_text(encoding="utf-8"))
    assert found
    assert [command for command in found if not typed(command)] == []


def test_another_command_would_be_found() -> None:
    """A command that CI does not know is told."""
    assert commands("```console\n$ make nothing   # at all\n```\n") == ["make nothing"]
    assert not typed("make nothing")
