"""Making, reusing and removing the cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from common.settings import read
from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.harness_objects import deployment, items, node, storage_class
from tests.support.fakes.harness_runner import FakeRunner
from verification.cluster.kind_config import HASH_LABEL, config_hash, kind_config
from verification.cluster.lifecycle import Cluster
from verification.cluster.tools.kind import Kind
from verification.cluster.tools.kubectl import Kubectl
from verification.cluster.waiting import SilentProgress, Waiter, WaitTimeoutError
from verification.errors import ToolFailedError, ToolMissingError
from verification.settings import HarnessSettings

pytestmark = pytest.mark.timing

SETTINGS = read(HarnessSettings, {"VERIFY_CLUSTER": "ours"})


@pytest.fixture
def runner() -> FakeRunner:
    """Tools with which everything goes well and no cluster is there."""
    runner = FakeRunner()
    runner.answer("kind", "clusters")
    runner.answer("kind", "cluster")
    runner.answer("kind", "kubeconfig")
    labels = {HASH_LABEL: config_hash(SETTINGS)}
    runner.answer("nodes", with_=items(node(labels=labels)))
    runner.answer("coredns", with_=deployment("coredns"))
    runner.answer("storageclasses", with_=items(storage_class()))
    runner.answer("serviceaccounts", with_=items({"metadata": {"name": "default"}}))
    return runner


@pytest.fixture
def cluster(runner: FakeRunner, tmp_path: Path) -> Cluster:
    """Drive those tools."""
    kubeconfig = tmp_path / "state" / "kubeconfig"
    progress = SilentProgress()
    return Cluster(
        SETTINGS,
        Kind(runner, "ours", kubeconfig),
        Kubectl(runner, kubeconfig, "kind-ours", "rtb"),
        Waiter(FakeClock(), progress),
        progress,
    )


class TestConfiguration:
    """kind_config and config_hash."""

    def test_port_is_on_loopback(self) -> None:
        """The ingest's port is published on 127.0.0.1 alone."""
        assert "listenAddress: 127.0.0.1" in kind_config(SETTINGS)
        assert "hostPort: 8080" in kind_config(SETTINGS)

    def test_looks_often(self) -> None:
        """Autoscalers and what containers use are looked at every 5 s."""
        patches = map(yaml.safe_load, yaml.safe_load(kind_config(SETTINGS))["kubeadmConfigPatches"])
        found = {patch["kind"]: patch for patch in patches}
        manager = found["ClusterConfiguration"]["controllerManager"]["extraArgs"]
        kubelet = found["InitConfiguration"]["nodeRegistration"]["kubeletExtraArgs"]
        assert manager == {"horizontal-pod-autoscaler-sync-period": "5s"}
        assert kubelet == {"housekeeping-interval": "5s"}

    @pytest.mark.parametrize(
        "change", [{"INGEST_PORT": "9"}, {"KIND_NODE_IMAGE": "x"}, {"VERIFY_OVERLAY": "ha"}]
    )
    def test_hash_follows_the_configuration(self, change: dict[str, str]) -> None:
        """Another port, node image or overlay is another cluster."""
        assert config_hash(read(HarnessSettings, change)) != config_hash(SETTINGS)


def _brought_up(cluster: Cluster, *, fresh: bool = False) -> bool:
    """Return whether one was made."""
    cluster.begin(fresh=fresh)
    cluster.finish()
    return cluster.created


class TestBringingUp:
    """Cluster.begin and Cluster.finish."""

    def test_created_when_there_is_none(self, cluster: Cluster, runner: FakeRunner) -> None:
        """Without a cluster one is made."""
        assert _brought_up(cluster)
        assert runner.called("kind", "create", "cluster")

    def test_reused(self, cluster: Cluster, runner: FakeRunner) -> None:
        """A healthy cluster of the same configuration is used again."""
        runner.answer("kind", "clusters", with_="ours")
        assert not _brought_up(cluster)
        assert not runner.called("create")

    def test_fresh(self, cluster: Cluster, runner: FakeRunner) -> None:
        """--fresh replaces even a fitting cluster."""
        runner.answer("kind", "clusters", with_="ours")
        assert _brought_up(cluster, fresh=True)
        assert runner.called("delete")
        assert runner.called("create")

    def test_other_configuration(self, cluster: Cluster, runner: FakeRunner) -> None:
        """A cluster of another configuration is replaced."""
        runner.answer("kind", "clusters", with_="ours")
        runner.answer("nodes", with_=items(node(labels={HASH_LABEL: "other"})))
        _brought_up(cluster)
        assert runner.called("delete")

    def test_unhealthy(self, cluster: Cluster, runner: FakeRunner) -> None:
        """A cluster whose API server does not answer is replaced."""
        runner.answer("kind", "clusters", with_="ours")
        states = iter([False, False])

        def nodes(_argv: object, _stdin: str) -> str:
            if next(states, True):
                return '{"items": [{"metadata": {"name": "n"}, "status": {"conditions": []}}]}'
            return "garbage"

        runner.answer("nodes", with_=nodes)
        with pytest.raises(WaitTimeoutError):
            _brought_up(cluster)
        assert runner.called("delete")
        assert runner.called("create")

    def test_create_that_lies(self, cluster: Cluster, runner: FakeRunner) -> None:
        """When `kind create` succeeds and no node becomes Ready, that is what is said."""
        runner.answer("nodes", with_=items(node(ready=False)))
        with pytest.raises(WaitTimeoutError, match="node node-1 is not Ready"):
            _brought_up(cluster)

    @pytest.mark.parametrize(
        ("words", "answer", "reason"),
        [
            ("nodes", items(), "there is none"),
            ("coredns", deployment("coredns", wanted=2, have=1), "1 of 2"),
            ("storageclasses", items(storage_class(default=False)), "no default storage class"),
            ("serviceaccounts", items(), "service account"),
        ],
    )
    def test_ready_means_usable(
        self, cluster: Cluster, runner: FakeRunner, words: str, answer: object, reason: str
    ) -> None:
        """A cluster without node, DNS, storage class or service account is not ready."""
        runner.answer(words, with_=answer)
        with pytest.raises(WaitTimeoutError, match=reason):
            _brought_up(cluster)

    def test_create_that_fails(self, cluster: Cluster, runner: FakeRunner) -> None:
        """What kind says when it fails is passed on."""
        runner.answer("kind", "create", code=1, stderr="port is already allocated")
        with pytest.raises(ToolFailedError, match="port is already allocated"):
            _brought_up(cluster)

    def test_missing_tool_is_no_unhealthy_cluster(
        self, cluster: Cluster, runner: FakeRunner
    ) -> None:
        """Without kubectl nothing is deleted: the cluster is not what is at fault."""

        def missing(_argv: object, _stdin: str) -> str:
            message = "kubectl is not on the PATH"
            raise ToolMissingError(message)

        runner.answer("kind", "clusters", with_="ours")
        runner.answer("nodes", with_=missing)
        with pytest.raises(ToolMissingError):
            _brought_up(cluster)
        assert not runner.called("delete")

    def test_deleted_half_made(self, cluster: Cluster, runner: FakeRunner) -> None:
        """A cluster that is still being made is made no further before it is removed."""
        cluster.begin(fresh=False)
        cluster.delete()
        assert [call[:3] for call in runner.ended] == [("kind", "create", "cluster")]
        assert runner.calls[-1][:3] == ("kind", "delete", "cluster")
        assert not cluster.created
