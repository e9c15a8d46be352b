"""What a static rule is."""

from __future__ import annotations

from collections.abc import Callable
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
