"""Switching a component of the manifests on for one check."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import yaml

from verification.checklist.support.context import Context
from verification.checklist.support.under_load import recover

Object = dict[str, Any]


@contextmanager
def switched_on(
    context: Context, name: str, components: Sequence[str], patches: Sequence[Object]
) -> Iterator[None]:
    """Deploy with the components on, patched so that a check need not wait; undo it afterwards.

    `name` is that of the generated overlay, `overlay-<name>`.
    """
    before = _objects(context.kubectl.kustomize(context.overlay))
    after = _objects(_rendered(context, f"overlay-{name}", components, patches))
    known = {_key(item) for item in before}
    added = [item for item in after if _key(item) not in known]
    try:
        context.kubectl.apply(yaml.safe_dump_all(item for item in after if item["kind"] != "Job"))
        yield
    finally:
        argv = ["delete", "--ignore-not-found", "--filename", "-"]
        context.kubectl.call(*argv, stdin=yaml.safe_dump_all(added), timeout=60).checked()
        context.kubectl.apply(yaml.safe_dump_all(item for item in before if item["kind"] != "Job"))
        recover(context)


def _rendered(
    context: Context, name: str, components: Sequence[str], patches: Sequence[Object]
) -> str:
    folder = context.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    there = context.root / "manifests" / "components"
    kustomization = {
        "resources": ["../overlay"],
        "components": [os.path.relpath(there / component, folder) for component in components],
        "patches": list(patches),
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return context.kubectl.kustomize(folder)


def _objects(manifests: str) -> list[Object]:
    return [item for item in yaml.safe_load_all(manifests) if item]


def _key(item: Object) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]
