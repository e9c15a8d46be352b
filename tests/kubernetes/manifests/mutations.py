"""The wrong manifests of mutations.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
_WORDS = {
    "POD": "spec template spec",
    "MAIN": "spec template spec containers 0",
    "NAME": "app.kubernetes.io/name",
}
_HASH_LENGTH = 10


@dataclass(frozen=True)
class Mutation:
    """One wrong manifest: `rule` must object to it."""

    rule: str
    overlay: str
    what: str
    path: str
    value: Any

    def __str__(self) -> str:
        """Overlay, object, path and what stands there."""
        return f"{self.overlay}: {self.what} {self.path} {self.value}"

    def spoil(self, objects: list[Object]) -> None:
        """Make the manifests wrong in this way."""
        here: Any = next(filter(self._is_meant, objects))
        if not self.path:
            objects.remove(here)
            return
        words = " ".join(_WORDS.get(word, word) for word in self.path.split()).split()
        *steps, last = [int(word) if word.isdigit() else word for word in words]
        for step in steps:
            here = here.setdefault(step, {}) if isinstance(here, dict) else here[step]
        match self.value:
            case "GONE":
                del here[last]
            case {"added": value}:
                here.setdefault(last, []).append(value)
            case {"replaced": texts}:
                ((old, new),) = texts.items()
                assert old in here[last]
                here[last] = here[last].replace(old, new)
            case value:
                here[last] = value

    def _is_meant(self, item: Object) -> bool:
        """Tell whether this is the object; a generated ConfigMap goes by its name without hash."""
        kind, name = self.what.split("/")
        full = item["metadata"]["name"]
        return item["kind"] == kind and name in {full, full[: -_HASH_LENGTH - 1]}


def _read() -> Iterator[Mutation]:
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    for block in yaml.safe_load(text):
        objects, overlays = block.pop("of"), block.pop("in", ["kind"])
        rows = [(rule, *row) for rule, paths in block.items() for row in paths.items()]
        for rule, path, value in rows:
            values = value["each"] if isinstance(value, dict) and "each" in value else [value]
            for each in values:
                for overlay in overlays:
                    yield from (
                        Mutation(f"static.{rule}", overlay, what, path, each) for what in objects
                    )


MUTATIONS = tuple(_read())
