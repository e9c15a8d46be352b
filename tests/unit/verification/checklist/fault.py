"""What a fault is, and the ways to put one into a world that is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.fakes.harness_world import World

Change = Callable[[World], object]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with the world; `check` must say so with the word `says`."""

    check: str
    name: str
    change: Change
    says: str


def docker(*words: str, **answer: Any) -> Change:  # noqa: ANN401  as FakeRunner.answer takes it
    """Let docker answer otherwise."""
    return lambda world: world.runner.answer("docker", *words, **answer)


def config(name: str, value: object) -> Change:
    """Change one entry of the images' configuration."""
    return lambda world: world.image["Config"].update({name: value})


def status(kind: str, name: str, **values: object) -> Change:
    """Change an object's status."""
    return lambda world: world.api.the(kind, name)["status"].update(values)


def shell(word: str, printed: str) -> Change:
    """Let a script in a pod print something else."""
    return lambda world: world.shell.update({word: printed})


def opened(source: str, target: str) -> Change:
    """Let connections through."""
    return lambda world: world.open[source].append(target)


def closed(source: str, target: str) -> Change:
    """Let connections no longer through."""
    return lambda world: world.open[source].remove(target)


def api(fault: str) -> Change:
    """Let the API server do wrong."""
    return lambda world: world.api.faults.add(fault)


def pipeline(fault: str) -> Change:
    """Let the deployment do wrong."""
    return lambda world: world.deployment.faults.add(fault)


def put(part: str, name: str, value: object) -> Change:
    """Set an attribute of a part of the world."""
    return lambda world: setattr(getattr(world, part) if part else world, name, value)
