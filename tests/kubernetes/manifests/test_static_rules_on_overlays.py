"""The rules on the real manifests: they hold, and each can fail."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.kubernetes.manifests.mutation import Mutation
from tests.kubernetes.manifests.mutations import MUTATIONS
from verification.rules.manifests import Manifests
from verification.rules.rule import StaticRule
from verification.rules.rules import STATIC_RULES

OVERLAYS = ("kind", "kind-autoscaling", "kind-monitoring", "kind-ha", "ha")
BY_ID = {rule.id: rule for rule in STATIC_RULES}

Render = Callable[[str], str]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("rule", STATIC_RULES, ids=lambda rule: rule.id)
def test_holds(rule: StaticRule, overlay: str, render: Render) -> None:
    """Every rule holds on every overlay."""
    assert rule.function(Manifests.parse(render(overlay))) == []


def killed(mutation: Mutation, healthy: Manifests) -> bool:
    """Tell whether the rule that a mutation names objects to it."""
    objects = [dict(copy.deepcopy(item)) for item in healthy.objects]
    mutation.change(objects)
    return bool(BY_ID[mutation.rule].function(Manifests(tuple(objects))))


def test_kill_rate(render: Render, note: Callable[[str], None]) -> None:
    """Every rule objects to some mutation, and 95 % of the mutations are objected to."""
    healthy = {overlay: Manifests.parse(render(overlay)) for overlay in OVERLAYS}
    dead = [item for item in MUTATIONS if killed(item, healthy[item.overlay])]
    rules = {item.rule for item in dead}
    rate = len(dead) / len(MUTATIONS)
    note(f"{len(dead)} of {len(MUTATIONS)} mutations killed ({rate:.1%})")
    note(f"{len(rules)} of {len(BY_ID)} rules killed one")
    for item in MUTATIONS:
        if item not in dead:
            note(f"survived: {item.name} ({item.rule})")
    assert rules == set(BY_ID)
    assert rate >= 0.95


def test_mutations_have_names() -> None:
    """No two mutations share a name, so that a survivor can be told."""
    names = [item.name for item in MUTATIONS]
    assert sorted(names) == sorted(set(names))
