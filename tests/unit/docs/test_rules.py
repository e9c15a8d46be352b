"""The table of rules in docs/validation.md: each line is true of both validators."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from app.openrtb import bid_request
from app.validation.compile_rules import Rejected
from app.validation.compiled_check import Compiled
from app.validation.explain import violations
from docs.rules import Rule, all_rules
from tests.unit.app.openrtb.full_request import full

pytestmark = pytest.mark.promise("valid", "documented")

RULES = list(all_rules(bid_request()))
COMPILED = Compiled(bid_request())


def with_members(path: str, members: dict[str, Any]) -> dict[str, Any]:
    """Return the full request with these members put into the object at `path`."""
    first = path.split(".", maxsplit=1)[0]
    document = full(first if first in {"app", "dooh"} else "site")
    if not path and {"app", "dooh"} & set(members):
        del document["site"]
    place: Any = document
    for step in re.findall(r"\w+", path):
        place = place[int(step) if step.isdigit() else step]
    place.update(copy.deepcopy(members))
    return document


def soft(document: dict[str, Any]) -> set[str]:
    """Return the soft rules that an accepted document breaks."""
    assert violations(document) == []
    return set(COMPILED.check(document))


def names(rule: Rule) -> str:
    """Return the rule's place and name."""
    return f"{rule.path or rule.place.path}-{rule.name}"


@pytest.mark.parametrize("rule", RULES, ids=names)
class TestEveryRule:
    """What holds of each line."""

    def test_passes(self, rule: Rule) -> None:
        """The request with the passing example is accepted by both, the rule not mentioned."""
        assert rule.name not in soft(with_members(rule.place.path, rule.passes))

    def test_fails(self, rule: Rule) -> None:
        """The failing example breaks this rule, at this place, and no other."""
        document = with_members(rule.place.path, rule.fails)
        if rule.path is None:
            assert soft(document) == {rule.name}
            return
        assert [(each.path, each.rule) for each in violations(document)] == [(rule.path, rule.name)]
        with pytest.raises(Rejected):
            COMPILED.check(document)


def test_every_declaration_has_a_line() -> None:
    """No field, constraint, relation or recommendation of any object is left out."""
    for place in {rule.place.path: rule.place for rule in RULES}.values():
        own = [rule for rule in RULES if rule.place == place]
        schema = place.schema
        typed = {rule.path for rule in own}
        assert {place.path_of(name) for name in schema.fields} <= typed | {"source.ext"}
        declared = [*schema.relations, *schema.recommendations]
        assert len(own) >= len(schema.fields) - ("ext" in schema.fields) + len(declared)
        assert {recommendation.rule for recommendation in schema.recommendations} == {
            r.name for r in own if r.path is None
        }
    assert len({type(rule.place.schema) for rule in RULES}) >= 34
