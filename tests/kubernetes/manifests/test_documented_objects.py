"""What the pages have kubectl look at is what the overlays deploy."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.kubernetes.manifests.conftest import Render
from tests.support.pages import PAGES, code, kubectl_commands
from verification.project import ROOT

_KINDS = {"deploy": "Deployment", "deployment": "Deployment", "job": "Job", "service": "Service"}
COMMANDS = sorted({each for page in PAGES for each in kubectl_commands(code(page))})
FOLDERS = sorted(
    set(re.findall(r"(?:--kustomize|kubectl kustomize) (manifests/\S+)", "\n".join(COMMANDS)))
)


def named(command: str) -> set[tuple[str, str]]:
    """Return kind and name of the objects in `rtb` that a command names."""
    if "--namespace rtb " not in command:
        return set()
    found = re.findall(rf"\b({'|'.join(_KINDS)})[ /]([a-z][a-z0-9-]+)", command)
    return {(_KINDS[kind], name) for kind, name in found}


@pytest.fixture
def objects(render: Render) -> dict[tuple[str, str], dict[str, object]]:
    """Return what the overlay with everything on it deploys, by kind and name."""
    rendered = yaml.safe_load_all(render("kind-monitoring"))
    return {(item["kind"], item["metadata"]["name"]): item for item in rendered}


@pytest.mark.parametrize("command", [each for each in COMMANDS if named(each)])
def test_objects_are_deployed(
    command: str, objects: dict[tuple[str, str], dict[str, object]]
) -> None:
    """Every Deployment, Service and Job that a command names is there."""
    assert named(command) <= objects.keys()


@pytest.mark.parametrize(
    ("service", "port"), [("prometheus", 9090), ("bid-request-handler-admin", 8082)]
)
def test_the_port_that_is_forwarded(
    objects: dict[tuple[str, str], dict[str, object]], service: str, port: int
) -> None:
    """A Service has the port that docs/operations.md forwards."""
    assert any(f"port-forward service/{service} {port}" in each for each in COMMANDS)
    assert f"'port': {port}" in str(objects["Service", service]["spec"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_overlays_are_there(folder: str, render: Render) -> None:
    """Every folder that is applied or rendered can be rendered."""
    assert (ROOT / folder).is_dir()
    assert render(folder.rpartition("/")[2])
