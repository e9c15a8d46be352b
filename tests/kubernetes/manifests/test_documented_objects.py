"""What the pages have kubectl look at is what the overlays deploy."""

from __future__ import annotations

import re

import pytest

from tests.kubernetes.manifests.conftest import Render
from tests.support.pages import PAGES, code, kubectl_commands
from verification.project import ROOT

pytestmark = pytest.mark.promise("documented")

_KINDS = {"deploy": "Deployment", "deployment": "Deployment", "job": "Job", "service": "Service"}
COMMANDS = sorted({each for page in PAGES for each in kubectl_commands(code(page))})
FOLDERS = re.findall(r"(?:--kustomize|kubectl kustomize) (manifests/\S+)", "\n".join(COMMANDS))
NAMED = {
    command: re.findall(rf"\b({'|'.join(_KINDS)})[ /]([a-z][a-z0-9-]+)", command)
    for command in COMMANDS
    if "--namespace rtb " in command
}


@pytest.mark.parametrize("command", [command for command, named in NAMED.items() if named])
def test_objects_are_deployed(command: str, render: Render) -> None:
    """Every Deployment, Service and Job that a command names is there."""
    manifests = render("kind-monitoring")
    for kind, name in NAMED[command]:
        assert manifests.named(_KINDS[kind], name), name


@pytest.mark.parametrize(
    ("service", "port"), [("prometheus", 9090), ("bid-request-handler-admin", 8082)]
)
def test_the_port_that_is_forwarded(service: str, port: int, render: Render) -> None:
    """A Service has the port that docs/operations.md forwards."""
    assert any(f"port-forward service/{service} {port}" in each for each in COMMANDS)
    found = render("kind-monitoring").named("Service", service)
    assert found is not None
    assert port in [each["port"] for each in found["spec"]["ports"]]


@pytest.mark.parametrize("folder", sorted({*FOLDERS}))
def test_overlays_are_there(folder: str, render: Render) -> None:
    """Every folder that is applied or rendered can be rendered."""
    assert (ROOT / folder).is_dir()
    assert render(folder.rpartition("/")[2]).objects
