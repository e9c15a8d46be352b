"""docker, kind and kubectl: what is asked of them, and what is believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fakes.harness_objects import items, node
from tests.support.fakes.harness_runner import FakeRunner
from verification.cluster.tools.docker import Docker
from verification.cluster.tools.kind import Kind
from verification.cluster.tools.kubectl import Kubectl
from verification.errors import ToolFailedError, ToolOutputError


@pytest.fixture
def runner() -> FakeRunner:
    """Know no answer yet."""
    return FakeRunner()


class TestDocker:
    """Docker."""

    def test_engine_that_does_not_answer(self, runner: FakeRunner) -> None:
        """A client that answers without an engine behind it is not believed."""
        runner.answer("info", with_={"ServerErrors": ["no daemon"]})
        with pytest.raises(ToolOutputError, match="no daemon"):
            Docker(runner).info()

    def test_image_that_is_not_there(self, runner: FakeRunner) -> None:
        """A missing image is None, any other failure an error."""
        runner.answer("image", code=1, stderr="Error: No such image: x")
        assert Docker(runner).image("x") is None
        runner.answer("image", code=1, stderr="permission denied")
        with pytest.raises(ToolFailedError, match="permission denied"):
            Docker(runner).image("x")

    def test_garbage(self, runner: FakeRunner) -> None:
        """Output that is no JSON object is quoted."""
        runner.answer("info", with_="]]<html>")
        with pytest.raises(ToolOutputError, match="printed no JSON object: ']]<html>'"):
            Docker(runner).info()

    def test_build_arguments(self, runner: FakeRunner, tmp_path: Path) -> None:
        """A build names its Dockerfile, its tag and its arguments."""
        runner.answer("build")
        Docker(runner).build(tmp_path, "Dockerfile.x", "rtb/x:1", {"PYTHON_IMAGE": "p"})
        assert runner.called(str(tmp_path / "Dockerfile.x"), "rtb/x:1", "PYTHON_IMAGE=p")


class TestKind:
    """Kind."""

    @pytest.fixture
    def kind(self, runner: FakeRunner, tmp_path: Path) -> Kind:
        """Work on a cluster called ours."""
        return Kind(runner, "ours", tmp_path / "kubeconfig")

    def test_own_cluster_and_kubeconfig(
        self, kind: Kind, runner: FakeRunner, tmp_path: Path
    ) -> None:
        """Creating and deleting always name our cluster, our kubeconfig file and the image."""
        runner.answer("cluster")
        kind.create("kindest/node:v1", "config")
        kind.delete()
        own = ("--name", "ours", "--kubeconfig", str(tmp_path / "kubeconfig"))
        assert runner.called("create", "--image", "kindest/node:v1", *own)
        assert runner.called("delete", *own)

    def test_version_without_a_number(self, kind: Kind, runner: FakeRunner) -> None:
        """A version that cannot be read is quoted."""
        runner.answer("version", with_="kind of magic")
        with pytest.raises(ToolOutputError, match="kind of magic"):
            kind.version()

    def test_other_clusters_are_not_ours(self, kind: Kind, runner: FakeRunner) -> None:
        """Only a cluster of exactly our name is ours."""
        runner.answer("clusters", with_="ours-too\ntheirs\n")
        assert not kind.exists()
        runner.answer("clusters", with_="theirs\nours\n")
        assert kind.exists()


class TestKubectl:
    """Kubectl."""

    @pytest.fixture
    def kubectl(self, runner: FakeRunner, tmp_path: Path) -> Kubectl:
        """Work in a context of our own."""
        return Kubectl(runner, tmp_path / "kubeconfig", "kind-ours", "rtb")

    def test_never_the_users_kubeconfig(
        self, kubectl: Kubectl, runner: FakeRunner, tmp_path: Path
    ) -> None:
        """Every call to a cluster names our file and our context."""
        runner.answer("get", with_=items(node()))
        assert kubectl.list("nodes", namespace="*")
        file = str(tmp_path / "kubeconfig")
        assert runner.called("--kubeconfig", file, "--context", "kind-ours", "--all-namespaces")

    def test_exec_keeps_the_command_apart(self, kubectl: Kubectl, runner: FakeRunner) -> None:
        """What is to be run stands behind `--`, so that its options are its own."""
        runner.answer("exec", with_="ok")
        assert kubectl.exec("pod-1", ["ls", "-l"], stdin="x").stdout == "ok"
        call = runner.calls[-1]
        assert call[call.index("--") + 1 :] == ("ls", "-l")
        assert "--stdin" in call

    def test_dies_halfway(self, kubectl: Kubectl, runner: FakeRunner) -> None:
        """Output that breaks off is an error, not a shorter list."""
        runner.answer("get", with_='{"items": [{"metadata"')
        with pytest.raises(ToolOutputError, match="printed no JSON object"):
            kubectl.list("pods")
