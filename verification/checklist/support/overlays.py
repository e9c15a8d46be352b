"""Deploying something else than what the manifests say, for the time of one check."""

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
def overlaid(context: Context, name: str, kustomization: Object) -> Iterator[None]:
    """Deploy the overlay with a kustomization on top of it; put it back afterwards.

    `name` is that of the generated overlay, `overlay-<name>`. Jobs stay as they are: their
    templates cannot be changed.
    """
    folder = context.folder / f"overlay-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"resources": ["../overlay"], **kustomization})
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    before, after = (
        [item for item in yaml.safe_load_all(context.kubectl.kustomize(each)) if item]
        for each in (context.overlay, folder)
    )
    known = {_key(item) for item in before}
    added = [item for item in after if _key(item) not in known]
    try:
        _apply(context, after)
        yield
    finally:
        if added:
            argv = ["delete", "--ignore-not-found", "--filename", "-"]
            context.kubectl.call(*argv, stdin=yaml.safe_dump_all(added), timeout=60).checked()
        _apply(context, before)
        recover(context)


@contextmanager
def switched_on(
    context: Context, name: str, components: Sequence[str], patches: Sequence[Object]
) -> Iterator[None]:
    """Deploy with components of the manifests on, patched so that a check need not wait."""
    there = context.root / "manifests" / "components"
    folder = context.folder / f"overlay-{name}"
    paths = [os.path.relpath(there / component, folder) for component in components]
    with overlaid(context, name, {"components": paths, "patches": list(patches)}):
        yield


def _apply(context: Context, items: Sequence[Object]) -> None:
    context.kubectl.apply(yaml.safe_dump_all(item for item in items if item["kind"] != "Job"))


def _key(item: Object) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]
