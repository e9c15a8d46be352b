"""Faults of the pipeline put into the real deployment: the checks see them, and name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from verification.checklist.configuration import changed, rolled_out
from verification.checklist.registry import CHECKS
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, INGEST_APP, kafka
from verification.cluster.deployment import Rollout
from verification.cluster.service_images import CONSUMER
from verification.errors import RolloutError
from verification.running import CheckResult, Status, run_one
from verification.session import Session

pytestmark = [pytest.mark.e2e, pytest.mark.promise("honest")]

_OTHER_TOPIC = "bid_requests.other"


@dataclass(frozen=True)
class Fault:
    """Settings that are wrong in one service, and the checks that must say so with these words."""

    app: str
    settings: dict[str, str]
    red: dict[str, str]


FAULTS = {
    "the consumer reads another topic": Fault(
        CONSUMER_APP,
        {"KAFKA_TOPIC_BID_REQUESTS": _OTHER_TOPIC},
        {
            "pipeline.decision-written": "a record keyed",
            "pipeline.consumer-logs-position": "no line `bid decided`",
        },
    ),
    "decisions go to another topic": Fault(
        CONSUMER_APP,
        {"KAFKA_TOPIC_BID_DECISIONS": "bid_requests.dlq"},
        {"pipeline.decision-written": "a record keyed"},
    ),
    "the body limit is too small": Fault(
        INGEST_APP,
        {"INGEST_MAX_BODY_BYTES": "100"},
        {"pipeline.accepts": "expected 202; found 413", "pipeline.gzip-inflated": "413"},
    ),
    "the ingest writes to another topic": Fault(
        INGEST_APP,
        {"KAFKA_TOPIC_BID_REQUESTS": _OTHER_TOPIC},
        {"pipeline.accepts": f"'topic': '{_OTHER_TOPIC}'"},
    ),
    "logs are for people": Fault(
        INGEST_APP, {"LOG_FORMAT": "console"}, {"pipeline.logs-are-json": "found "}
    ),
}


def _run(name: str, session: Session) -> CheckResult:
    return run_one(next(check for check in CHECKS if check.id == name), session)


@pytest.fixture
def context(deployed: Context) -> Iterator[Context]:
    """Have one topic more than the manifests declare."""
    kafka(deployed, "kafka-topics.sh", "--create", "--if-not-exists", "--topic", _OTHER_TOPIC)
    yield deployed
    kafka(deployed, "kafka-topics.sh", "--delete", "--if-exists", "--topic", _OTHER_TOPIC)


@pytest.mark.parametrize("name", FAULTS)
def test_wrong_setting(name: str, context: Context, session: Session) -> None:
    """With a wrong setting the checks are red and say what they found; without it, green again."""
    fault = FAULTS[name]
    with changed(context, fault.app, **fault.settings):
        rolled_out(context, fault.app)
        results = [_run(check_id, session) for check_id in fault.red]
    for result in results:
        assert result.status is Status.FAILED, result
        assert fault.red[result.check.id] in result.message
        assert "the check itself broke" not in result.message
    for check_id in fault.red:
        again = _run(check_id, session)
        assert again.status is Status.PASSED, again.message


def _rollout_failure(context: Context) -> tuple[str, float]:
    """Return what a roll-out that is just beginning fails with, and after how many seconds."""
    began = context.clock.monotonic()
    with pytest.raises(RolloutError) as caught:
        Rollout(context.kubectl, context.waiter, context.clock).wait()
    return str(caught.value), context.clock.monotonic() - began


def _said(bundle: Path | None) -> str:
    assert bundle is not None
    assert "Events:" in (bundle / "describe.txt").read_text(encoding="utf-8")
    logs = (bundle / "logs").glob(f"{CONSUMER_APP}-*.log")
    return "".join(log.read_text(encoding="utf-8") for log in logs)


def test_image_that_cannot_be_pulled(deployed: Context) -> None:
    """The roll-out fails in under 30 s and names the image and the pod."""
    workload = f"deployment/{CONSUMER_APP}"
    image = f"{CONSUMER.repository}:not-there"
    container = deployed.kubectl.get(*workload.split("/"))["spec"]["template"]["spec"]["containers"]
    setting = f"{container[0]['name']}={image}"
    with changed(deployed, CONSUMER_APP):
        namespace = ("--namespace", deployed.kubectl.namespace)
        deployed.kubectl.call("set", "image", workload, setting, *namespace).checked()
        said, seconds = _rollout_failure(deployed)
    assert seconds < 30
    assert re.search(rf"(ErrImagePull|ImagePullBackOff): pod {CONSUMER_APP}-\S+, ", said), said
    assert f"image {image}" in said


def test_consumer_that_crashes(deployed: Context, session: Session) -> None:
    """The roll-out fails early, and what the consumer said is in the bundle."""
    with changed(deployed, CONSUMER_APP, BIDDING_STRATEGY="no_such_strategy"):
        said, seconds = _rollout_failure(deployed)
        bundle = session.collect("crashing")
    assert seconds < 60
    assert f"CrashLoopBackOff: pod {CONSUMER_APP}-" in said
    assert "BIDDING_STRATEGY" in _said(bundle)


@contextmanager
def _without(context: Context, kind: str, name: str) -> Iterator[None]:
    """Delete an object of the deployment and apply it again afterwards."""
    rendered = yaml.safe_load_all(context.kubectl.kustomize(context.overlay))
    objects: list[dict[str, Any]] = [item for item in rendered if item]
    kept = next(x for x in objects if x["kind"] == kind and x["metadata"]["name"] == name)
    context.kubectl.delete(kind.lower(), name)
    try:
        yield
    finally:
        context.kubectl.apply(yaml.safe_dump(kept))


def test_open_network(deployed: Context, session: Session) -> None:
    """Without the policies in front of Kafka, a check names the port that a stranger reaches."""
    name = "security.stranger-kept-from-kafka"
    with (
        _without(deployed, "NetworkPolicy", "default-deny"),
        _without(deployed, "NetworkPolicy", "to-kafka"),
    ):
        result = _run(name, session)
    assert result.status is Status.FAILED
    assert "kafka-service.rtb:9092 timed out" in result.message
    again = _run(name, session)
    assert again.status is Status.PASSED, again.message
