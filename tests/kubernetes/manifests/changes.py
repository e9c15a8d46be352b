"""Ways to spoil rendered manifests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Objects = list[dict[str, Any]]
Change = Callable[[Objects], None]
Path = tuple[str | int, ...]

POD: Path = ("spec", "template", "spec")
CONTAINER: Path = (*POD, "containers", 0)
_HASH_LENGTH = 10


def find(objects: Objects, kind: str, name: str) -> dict[str, Any]:
    """Return the object; a generated ConfigMap goes by its name without the hash."""
    for item in objects:
        full = item["metadata"]["name"]
        if item["kind"] == kind and name in {full, full[: -_HASH_LENGTH - 1]}:
            return item
    message = f"there is no {kind} {name} to spoil"
    raise LookupError(message)


def parent(item: dict[str, Any], path: Path) -> Any:  # noqa: ANN401  a mapping or a list
    """Return what holds the last step of `path`, making mappings on the way."""
    here: Any = item
    for step in path[:-1]:
        here = here.setdefault(step, {}) if isinstance(here, dict) else here[step]
    return here


def put(kind: str, name: str, path: Path, value: object) -> Change:
    """Set one field."""

    def change(objects: Objects) -> None:
        parent(find(objects, kind, name), path)[path[-1]] = value

    return change


def drop(kind: str, name: str, path: Path) -> Change:
    """Remove one field, which must be there."""

    def change(objects: Objects) -> None:
        del parent(find(objects, kind, name), path)[path[-1]]

    return change


def add(kind: str, name: str, path: Path, value: object) -> Change:
    """Append to a list."""

    def change(objects: Objects) -> None:
        here = parent(find(objects, kind, name), path)
        here.setdefault(path[-1], []).append(value)

    return change


def replace(kind: str, name: str, path: Path, old: str, new: str) -> Change:
    """Replace a part of a text, which must be there."""

    def change(objects: Objects) -> None:
        here = parent(find(objects, kind, name), path)
        assert old in here[path[-1]], f"{kind} {name} {path}: there is no {old!r} to replace"
        here[path[-1]] = here[path[-1]].replace(old, new)

    return change


def remove(kind: str, name: str) -> Change:
    """Remove a whole object."""

    def change(objects: Objects) -> None:
        objects.remove(find(objects, kind, name))

    return change


def setting(config_map: str, name: str, value: str | None) -> Change:
    """Set or (None) remove one entry of a ConfigMap."""
    path: Path = ("data", name)
    if value is None:
        return drop("ConfigMap", config_map, path)
    return put("ConfigMap", config_map, path, value)
