"""The pods that checks start beside those that are deployed, and what runs in them."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from consumer.bidding.decision import NoBid
from consumer.bidding.request import BidRequest
from consumer.bidding.strategies import load_strategy
from consumer.runtime import Clock
from consumer.settings.consumer import load_settings
from tests.support.fakes.harness_world import World
from verification.checklist.support.check import NotAsPromisedError
from verification.checklist.support.inside_pods import CONSUMER_APP, pods_of
from verification.checklist.support.probe_pods import CONNECT, connections, stranger_connections
from verification.checklist.support.slow_member import slow_member

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

SLOW = "slow-v1"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Begin with a world that is well."""
    return World(tmp_path)


def _fates(*targets: str) -> dict[str, str]:
    argv = [sys.executable, "-", *targets]
    done = subprocess.run(argv, input=CONNECT, capture_output=True, text=True, check=True)
    return connections(done.stdout)


class TestProbe:
    """The program that tries connections from inside a pod."""

    def test_fates(self) -> None:
        """Of each connection is told what became of it, in the order in which they were named."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            there = f"127.0.0.1:{server.getsockname()[1]}"
            assert _fates(there) == {there: "open"}
        targets = ["no-such-host.invalid:1", there]
        found = _fates(*targets)
        assert list(found) == targets
        assert "ConnectionRefusedError" in found[there]

    def test_strangers_do_not_meet(self, world: World) -> None:
        """Each has a name of its own: checks that run side by side make several."""
        for _ in range(2):
            stranger_connections(world.context(), "bid-request-handler.rtb:8080")
        removed = [call[call.index("pod") + 1] for call in world.runner.calls if "delete" in call]
        assert len(set(removed)) == len(removed) == 2


class TestSlowMember:
    """The slow bidding logic, in a group of its own."""

    @pytest.fixture
    def made(self, world: World) -> dict[str, Any]:
        """Have it started and removed; return what was made, by kind."""
        context = world.context()
        before = pods_of(context, CONSUMER_APP)
        with slow_member(context) as name:
            assert name == SLOW
            # no check that looks at the bidding logic's pods sees it
            assert pods_of(context, CONSUMER_APP) == before
        return world.deployment.slow.made

    def test_it_is_slow_and_writes_nothing(
        self, made: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The service takes what is mounted for its strategy, declines in time, and for no sink."""
        (container,) = made["Pod"]["spec"]["containers"]
        package = tmp_path / Path(container["volumeMounts"][-1]["mountPath"]).name
        package.mkdir()
        for name, text in made["ConfigMap"]["data"].items():
            (package / name).write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        own = {item["name"]: item["value"] for item in container["env"]}
        settings = load_settings({"KAFKA_BROKERS": "kafka:9092", **own})
        assert (settings.kafka.consumer_group, settings.start_from) == (SLOW, "latest")
        assert settings.sinks.names == settings.sinks.durable_names == ()
        strategy = load_strategy(settings.bidding, {}, Clock())
        # its time alone: other threads sleep, too
        module = sys.modules.pop(type(strategy).__module__)
        slept: list[float] = []
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=slept.append))
        assert strategy.decide(BidRequest("1", b"{}")) == NoBid()
        assert 0 < sum(slept) < settings.strategy_timeout_ms / 1000

    @pytest.mark.parametrize("fault", ["slow one crashes", "it is interrupted"])
    def test_it_is_removed(self, world: World, fault: str) -> None:
        """Nothing stays, whatever ends it."""
        world.deployment.faults.add(fault)
        with pytest.raises((NotAsPromisedError, KeyboardInterrupt)), slow_member(world.context()):
            raise KeyboardInterrupt
        assert not [pod for pod in world.api.objects["pods"] if pod["metadata"]["name"] == SLOW]
        assert world.runner.called("delete", "configmap", SLOW)
        assert world.runner.called("/opt/kafka/bin/kafka-consumer-groups.sh", "--delete", SLOW)
