"""docker, kind and kubectl: what is asked of them, and what is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fakes.harness_objects import items, node
from tests.support.fakes.harness_runner import FakeRunner
from verification.cluster.tools.docker import Docker
from verification.cluster.tools.kind import Kind
from verification.cluster.tools.kubectl import Kubectl
from verification.errors import ToolFailedError, ToolOutputError

pytestmark = pytest.mark.promise("honest")

FILE = Path("/state/kubeconfig")


@pytest.fixture
def runner() -> FakeRunner:
    """Know no answer yet."""
    return FakeRunner()


@pytest.fixture
def kind(runner: FakeRunner) -> Kind:
    """Work on a cluster called ours."""
    return Kind(runner, "ours", FILE)


@pytest.fixture
def kubectl(runner: FakeRunner) -> Kubectl:
    """Work in a context of our own."""
    return Kubectl(runner, FILE, "kind-ours", "rtb")


@pytest.mark.parametrize(
    ("printed", "ask", "said"),
    [
        ('{"ServerErrors": ["no daemon"]}', lambda r: Docker(r).info(), "no daemon"),
        ("]]<html>", lambda r: Docker(r).info(), "printed no JSON object: ']]<html>'"),
        ("kind of magic", lambda r: Kind(r, "ours", FILE).version(), "kind of magic"),
        (
            '{"items": [{"metadata"',
            lambda r: Kubectl(r, FILE, "kind-ours", "rtb").list("pods"),
            "printed no JSON object",
        ),
    ],
)
def test_what_is_not_believed(
    runner: FakeRunner, printed: str, ask: Callable[[FakeRunner], object], said: str
) -> None:
    """No engine behind a client, garbage, no version, and output that breaks off are errors."""
    runner.answer(with_=printed)
    with pytest.raises(ToolOutputError, match=said):
        ask(runner)


def test_an_image_that_is_not_there(runner: FakeRunner) -> None:
    """A missing image is None, any other failure an error."""
    runner.answer("image", code=1, stderr="Error: No such image: x")
    assert Docker(runner).image("x") is None
    runner.answer("image", code=1, stderr="permission denied")
    with pytest.raises(ToolFailedError, match="permission denied"):
        Docker(runner).image("x")


def test_build_arguments(runner: FakeRunner, tmp_path: Path) -> None:
    """A build names its Dockerfile, its tag and its arguments."""
    runner.answer("build")
    Docker(runner).build(tmp_path, "Dockerfile.x", "rtb/x:1", {"PYTHON_IMAGE": "p"})
    assert runner.called(str(tmp_path / "Dockerfile.x"), "rtb/x:1", "PYTHON_IMAGE=p")


def test_never_the_users_cluster_or_kubeconfig(
    kind: Kind, kubectl: Kubectl, runner: FakeRunner
) -> None:
    """Every call names our cluster or context, and our file."""
    runner.answer("cluster")
    runner.answer("get", with_=items(node()))
    kind.create("kindest/node:v1", "config")
    kind.delete()
    assert kubectl.list("nodes", namespace="*")
    own = ("--kubeconfig", str(FILE))
    assert runner.called("create", "--image", "kindest/node:v1", "--name", "ours", *own)
    assert runner.called("delete", "--name", "ours", *own)
    assert runner.called("--context", "kind-ours", "--all-namespaces", *own)


def test_other_clusters_are_not_ours(kind: Kind, runner: FakeRunner) -> None:
    """Only a cluster of exactly our name is ours."""
    runner.answer("clusters", with_="ours-too\ntheirs\n")
    assert not kind.exists()
    runner.answer("clusters", with_="theirs\nours\n")
    assert kind.exists()


def test_exec_keeps_the_command_apart(kubectl: Kubectl, runner: FakeRunner) -> None:
    """What is to be run stands behind `--`, so that its options are its own."""
    runner.answer("exec", with_="ok")
    assert kubectl.exec("pod-1", ["ls", "-l"], stdin="x").stdout == "ok"
    call = runner.calls[-1]
    assert call[call.index("--") + 1 :] == ("ls", "-l")
    assert "--stdin" in call
