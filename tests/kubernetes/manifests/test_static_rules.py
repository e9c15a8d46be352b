"""The rules on the real manifests and Dockerfiles: they hold, and each can fail."""

from __future__ import annotations

import copy
import os
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kubernetes.manifests.conftest import Render
from tests.kubernetes.manifests.mutations import MUTATIONS, Mutation
from verification.cluster.tools.process import SubprocessRunner
from verification.errors import ToolFailedError
from verification.project import ROOT
from verification.rules.dockerfiles import lint_dockerfiles
from verification.rules.manifests import Manifests
from verification.rules.rule import StaticRule
from verification.rules.rules import STATIC_RULES

pytestmark = pytest.mark.promise("deployed")

OVERLAYS = ("kind", "kind-autoscaling", "kind-monitoring", "kind-ha", "ha")
BY_ID = {rule.id: rule for rule in STATIC_RULES}
# no connection comes of it: the clients' own policies hold them to one port
HARMLESS = {"kind: NetworkPolicy/to-kafka spec ingress 0 ports GONE"}


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("rule", STATIC_RULES, ids=lambda rule: rule.id)
def test_holds(rule: StaticRule, overlay: str, render: Render) -> None:
    """Every rule holds on every overlay."""
    assert rule.function(render(overlay)) == []


def objections(mutation: Mutation, healthy: Manifests) -> list[str]:
    """Return what the rule that a mutation names has against it."""
    objects = [dict(copy.deepcopy(item)) for item in healthy.objects]
    mutation.spoil(objects)
    return BY_ID[mutation.rule].function(Manifests(tuple(objects)))


@pytest.mark.promise("secured")
def test_every_mutation_is_objected_to(render: Render, note: Callable[[str], None]) -> None:
    """But for a harmless one; each rule objects to some, and says what is wrong and where."""
    found = {str(item): objections(item, render(item.overlay)) for item in MUTATIONS}
    rules = {item.rule for item in MUTATIONS if found[str(item)]}
    survivors = {name for name, texts in found.items() if not texts}
    note(f"{len(found) - len(survivors)} of {len(MUTATIONS)} mutations killed")
    note(f"{len(rules)} of {len(BY_ID)} rules killed one")
    assert len(found) == len(MUTATIONS)
    assert survivors == HARMLESS
    assert rules == BY_ID.keys()
    said = re.compile(r"\S.*: expected .+, found .+", re.DOTALL)
    assert [text for texts in found.values() for text in texts if not said.fullmatch(text)] == []


def lint(*files: Path) -> list[str]:
    """Return what the real hadolint has against Dockerfiles."""
    hadolint = str(Path(sysconfig.get_path("scripts")) / "hadolint")
    return lint_dockerfiles(SubprocessRunner(os.environ, ROOT), hadolint, files)


def test_our_dockerfiles() -> None:
    """Nothing is objected to in either."""
    assert lint(Path("Dockerfile.ingest"), Path("Dockerfile.consumer")) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("FROM debian", "1 DL3006 (warning): Always tag the version of an image explicitly"),
        ("FROM debian:latest", "1 DL3007 "),
        ("FROM debian:12\nRUN apt-get install curl", "2 DL3008 "),
        ("FROM debian:12\nENTRYPOINT python -m app", "2 DL3025 "),
        ("FRO debian:12", "1 DL1000 "),
    ],
)
def test_a_bad_dockerfile(line: str, said: str, tmp_path: Path) -> None:
    """Common faults, and a file that is no Dockerfile, are told by file, line, code and level."""
    path = tmp_path / "Dockerfile"
    path.write_text(f"{line}\n", encoding="utf-8")
    assert any(text.startswith(f"{path}:{said}") for text in lint(path))


def test_a_dockerfile_that_is_not_there(tmp_path: Path) -> None:
    """A failing hadolint is not taken for nothing to object to."""
    with pytest.raises(ToolFailedError, match="does not exist"):
        lint(tmp_path / "gone")
