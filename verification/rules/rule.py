"""What a static rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verification.rules.manifests import Manifests

RENDER = "kubectl kustomize manifests/overlays/kind"


@dataclass(frozen=True)
class StaticRule:
    """One promise about the rendered manifests.

    `function` returns what it objects to, one string each; none: the promise holds. `by_hand` are
    the commands with which a person looks at the same.
    """

    id: str
    promise: str
    by_hand: tuple[str, ...]
    hint: str
    function: Callable[[Manifests], list[str]]


def rule(*by_hand: str, hint: str) -> Callable[[Callable[[Manifests], Iterator[str]]], StaticRule]:
    """Turn the decorated function, which yields what it objects to, into a rule.

    Its name is the id, its docstring the promise.
    """

    def decorate(objections: Callable[[Manifests], Iterator[str]]) -> StaticRule:
        name, promise = objections.__name__.replace("_", "-"), str(objections.__doc__)
        return StaticRule(f"static.{name}", promise, by_hand, hint, lambda m: [*objections(m)])

    return decorate
