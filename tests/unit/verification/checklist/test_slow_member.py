"""The slow bidding logic that a check starts beside the one that is deployed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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
from verification.checklist.support.slow_member import slow_member

NAME = "slow-v1"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Begin with a world that is well."""
    return World(tmp_path)


@pytest.fixture
def made(world: World) -> dict[str, Any]:
    """Have it started and removed; return what was made, by kind."""
    with slow_member(world.context()) as name:
        assert name == NAME
    return world.deployment.slow.made


def _environ(pod: dict[str, Any]) -> dict[str, str]:
    (container,) = pod["spec"]["containers"]
    own = {item["name"]: item["value"] for item in container["env"]}
    return {"KAFKA_BROKERS": "kafka:9092", **own}


@pytest.fixture
def mounted(
    made: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Lay the module where the pod has it, below what imports begin at."""
    (*_, mount) = made["Pod"]["spec"]["containers"][0]["volumeMounts"]
    package = tmp_path / Path(mount["mountPath"]).name
    package.mkdir()
    for name, text in made["ConfigMap"]["data"].items():
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop(package.name, None)


@pytest.mark.usefixtures("mounted")
def test_its_strategy_is_one(made: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The service takes what is mounted for the strategy that is set, and it declines in time."""
    settings = load_settings(_environ(made["Pod"]))
    slept: list[float] = []
    strategy = load_strategy(settings.bidding, {}, Clock())
    own = sys.modules[type(strategy).__module__]  # its time alone: other threads sleep, too
    monkeypatch.setattr(own, "time", SimpleNamespace(sleep=slept.append))
    assert strategy.decide(BidRequest("1", b"{}")) == NoBid()
    assert 0 < sum(slept) < settings.strategy_timeout_ms / 1000


def test_it_writes_nothing(made: dict[str, Any]) -> None:
    """It reads what comes from now on, for a group of its own, and no sink gets its decisions."""
    settings = load_settings(_environ(made["Pod"]))
    assert (settings.kafka.consumer_group, settings.start_from) == (NAME, "latest")
    assert settings.sinks.names == settings.sinks.durable_names == ()


def test_it_is_nobody_elses(world: World) -> None:
    """No check that looks at the bidding logic's pods sees it."""
    context = world.context()
    before = pods_of(context, CONSUMER_APP)
    with slow_member(context):
        assert pods_of(context, CONSUMER_APP) == before


@pytest.mark.parametrize("fault", ["slow one crashes", "it is interrupted"])
def test_it_is_removed(world: World, fault: str) -> None:
    """Nothing stays, whatever ends it."""
    world.deployment.faults.add(fault)
    with pytest.raises((NotAsPromisedError, KeyboardInterrupt)), slow_member(world.context()):
        raise KeyboardInterrupt
    assert not [pod for pod in world.api.objects["pods"] if pod["metadata"]["name"] == NAME]
    assert world.runner.called("delete", "configmap", NAME)
    assert world.runner.called("/opt/kafka/bin/kafka-consumer-groups.sh", "--delete", NAME)
