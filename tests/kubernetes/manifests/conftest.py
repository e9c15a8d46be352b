"""Overlays as `kubectl kustomize` renders them, each once a session."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from os.path import relpath
from pathlib import Path

import pytest
import yaml

from verification.project import ROOT

CONTENT_TAG = "0123456789ab"

Render = Callable[[str], str]


def _kustomization(folder: Path, overlay: str) -> str:
    tags = [{"name": f"rtb/{name}", "newTag": CONTENT_TAG} for name in ("ingest", "consumer")]
    base = relpath(ROOT / "manifests" / "overlays" / overlay, folder)
    kind = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return yaml.safe_dump({**kind, "resources": [base], "images": tags})


@pytest.fixture(scope="session")
def render(kubectl: None, tmp_path_factory: pytest.TempPathFactory) -> Render:  # noqa: ARG001  needed
    """Return what renders an overlay, its images tagged as a run would tag them."""

    @cache
    def rendered(overlay: str) -> str:
        folder = tmp_path_factory.mktemp(overlay)
        text = _kustomization(folder, overlay)
        (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
        argv = ["kubectl", "kustomize", str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return rendered
