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

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

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


def test_the_configuration_of_kind() -> None:
    """The port is published on 127.0.0.1 alone; autoscalers and containers are looked at often."""
    config = yaml.safe_load(kind_config(SETTINGS))
    (port,) = config["nodes"][0]["extraPortMappings"]
    assert (port["listenAddress"], port["hostPort"]) == ("127.0.0.1", 8080)
    found = {patch["kind"]: patch for patch in map(yaml.safe_load, config["kubeadmConfigPatches"])}
    manager = found["ClusterConfiguration"]["controllerManager"]["extraArgs"]
    kubelet = found["InitConfiguration"]["nodeRegistration"]["kubeletExtraArgs"]
    assert manager == {"horizontal-pod-autoscaler-sync-period": "5s"}
    assert kubelet == {"housekeeping-interval": "5s"}


@pytest.mark.parametrize(
    "change", [{"INGEST_PORT": "9"}, {"KIND_NODE_IMAGE": "x"}, {"VERIFY_OVERLAY": "ha"}]
)
def test_the_hash_follows_the_configuration(change: dict[str, str]) -> None:
    """Another port, node image or overlay is another cluster."""
    assert config_hash(read(HarnessSettings, change)) != config_hash(SETTINGS)


def _bring_up(cluster: Cluster) -> None:
    cluster.begin(fresh=False)
    cluster.finish()


OTHER = items(node(labels={HASH_LABEL: "other"}))


@pytest.mark.parametrize(
    ("answers", "fresh", "ends"),
    [
        pytest.param({}, [], (True, False), id="none is there"),
        pytest.param({"clusters": "ours"}, [], (False, False), id="a fitting one is used again"),
        pytest.param({"clusters": "ours"}, ["fresh"], (True, True), id="--fresh"),
        pytest.param({"clusters": "ours", "nodes": OTHER}, [], (True, True), id="one that differs"),
    ],
)
def test_made_or_used_again(
    cluster: Cluster,
    runner: FakeRunner,
    answers: dict[str, object],
    fresh: list[str],
    ends: tuple[bool, bool],
) -> None:
    """One is made where none fits, and one that does not fit is removed before."""
    for words, answer in answers.items():
        runner.answer(words, with_=answer)
    cluster.begin(fresh=bool(fresh))
    cluster.finish()
    created = runner.called("kind", "create", "cluster")
    assert (bool(created), bool(runner.called("delete"))) == ends
    assert cluster.created is ends[0]


def test_unhealthy(cluster: Cluster, runner: FakeRunner) -> None:
    """A cluster whose API server does not answer is replaced."""
    runner.answer("kind", "clusters", with_="ours")
    states = iter([False, False])
    unready = '{"items": [{"metadata": {"name": "n"}, "status": {"conditions": []}}]}'
    runner.answer("nodes", with_=lambda *_: unready if next(states, True) else "garbage")
    with pytest.raises(WaitTimeoutError):
        _bring_up(cluster)
    assert runner.called("delete")
    assert runner.called("create")


@pytest.mark.parametrize(
    ("words", "answer", "reason"),
    [
        ("nodes", items(), "there is none"),
        ("nodes", items(node(ready=False)), "node node-1 is not Ready"),
        ("coredns", deployment("coredns", wanted=2, have=1), "1 of 2"),
        ("storageclasses", items(storage_class(default=False)), "no default storage class"),
        ("serviceaccounts", items(), "service account"),
    ],
)
def test_ready_means_usable(
    cluster: Cluster, runner: FakeRunner, words: str, answer: object, reason: str
) -> None:
    """Without ready nodes, DNS, storage class or service account a cluster is not ready."""
    runner.answer(words, with_=answer)
    with pytest.raises(WaitTimeoutError, match=reason):
        _bring_up(cluster)


def test_create_that_fails(cluster: Cluster, runner: FakeRunner) -> None:
    """What kind says when it fails is passed on."""
    runner.answer("kind", "create", code=1, stderr="port is already allocated")
    with pytest.raises(ToolFailedError, match="port is already allocated"):
        _bring_up(cluster)


def test_missing_tool_is_no_unhealthy_cluster(cluster: Cluster, runner: FakeRunner) -> None:
    """Without kubectl nothing is deleted: the cluster is not what is at fault."""

    def missing(_argv: object, _stdin: str) -> str:
        raise ToolMissingError("kubectl is not on the PATH")

    runner.answer("kind", "clusters", with_="ours")
    runner.answer("nodes", with_=missing)
    with pytest.raises(ToolMissingError):
        _bring_up(cluster)
    assert not runner.called("delete")


def test_deleted_half_made(cluster: Cluster, runner: FakeRunner) -> None:
    """A cluster that is still being made is made no further before it is removed."""
    cluster.begin(fresh=False)
    cluster.delete()
    assert [call[:3] for call in runner.ended] == [("kind", "create", "cluster")]
    assert runner.calls[-1][:3] == ("kind", "delete", "cluster")
    assert not cluster.created
