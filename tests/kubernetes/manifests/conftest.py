"""Overlays as `kubectl kustomize` renders them, each once a session."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from verification.cluster.deployment import write_overlay
from verification.cluster.service_images import SERVICE_IMAGES
from verification.cluster.tools.kubectl import Kubectl
from verification.cluster.tools.process import SubprocessRunner
from verification.project import ROOT
from verification.rules.manifests import NAMESPACE, Manifests

CONTENT_TAG = "0123456789ab"
Render = Callable[[str], Manifests]


@pytest.fixture(scope="session")
def render(kubectl: None, tmp_path_factory: pytest.TempPathFactory) -> Render:  # noqa: ARG001  needed
    """Return what renders an overlay, its images tagged as a run would tag them."""
    tool = Kubectl(SubprocessRunner(os.environ, ROOT), Path("none"), "none", NAMESPACE)
    images = [f"{image.repository}:{CONTENT_TAG}" for image in SERVICE_IMAGES]

    @cache
    def rendered(overlay: str) -> Manifests:
        base = ROOT / "manifests" / "overlays" / overlay
        return Manifests.parse(
            tool.kustomize(write_overlay(tmp_path_factory.mktemp(overlay), base, images))
        )

    return rendered
