"""Overlays as `kubectl kustomize` renders them, each once a session."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from os.path import relpath
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONTENT_TAG = "0123456789ab"

Render = Callable[[str], str]
_REPORT = pytest.StashKey[list[str]]()


def _kustomization(folder: Path, overlay: str) -> str:
    tags = [{"name": f"rtb/{name}", "newTag": CONTENT_TAG} for name in ("ingest", "consumer")]
    base = relpath(ROOT / "manifests" / "overlays" / overlay, folder)
    kind = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return yaml.safe_dump({**kind, "resources": [base], "images": tags})


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Return what renders an overlay, its images tagged as a run would tag them."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on the PATH: the manifests are not rendered")

    @cache
    def rendered(overlay: str) -> str:
        folder = tmp_path_factory.mktemp(overlay)
        text = _kustomization(folder, overlay)
        (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
        argv = [kubectl, "kustomize", str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return rendered


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return what adds a line to the end of pytest's output."""
    return pytestconfig.stash.setdefault(_REPORT, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the lines that tests reported."""
    lines = config.stash.get(_REPORT, [])
    if lines:
        terminalreporter.section("mutations of the manifests")
    for line in lines:
        terminalreporter.write_line(line)
