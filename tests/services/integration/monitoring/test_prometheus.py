"""A real Prometheus looks at both services, with the rules of the manifests."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from app.metrics import TABLE as INGEST_METRICS
from common.metrics import Metric
from consumer.metrics import TABLE as CONSUMER_METRICS
from tests.services.conftest import Kafka
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.pipeline import ConsumerProcess, Pipeline
from tests.support.prometheus import MONITORING, PrometheusProcess, promtool
from tests.support.waiting import eventually
from verification.project import ROOT

pytestmark = [
    pytest.mark.timing,
    pytest.mark.promise("observable", "counted", "documented"),
]

SAMPLES = [path.read_bytes() for path in sorted((ROOT / "samples").glob("*")) if path.is_file()]
RECORDED = [
    rule["record"]
    for group in yaml.safe_load((MONITORING / "rules" / "recorded.yaml").read_text())["groups"]
    for rule in group["rules"]
]
# Counted only when that happens, which it must not here.
QUIET = {
    "ingest_tolerated_violations_total",
    "consumer_dead_letters_total",
    "consumer_retries_total",
    "consumer_offset_out_of_range_total",
    "consumer_positions_beyond_end_total",
    "consumer_sink_drops_total",
}


@dataclass(frozen=True)
class Watched:
    """Both services at work, and Prometheus."""

    ingest: IngestProcess
    consumer: ConsumerProcess
    prometheus: PrometheusProcess

    def send(self) -> None:
        """Send every sample, one that breaks a soft rule and one that breaks a rule."""
        for body in SAMPLES:
            assert self.ingest.post(body).status == 202
        odd = {**json.loads(SAMPLES[0]), "id": "odd", "at": 3}
        assert self.ingest.post(json.dumps(odd).encode()).status == 202
        assert self.ingest.post(b'{"id":"1","imp":[]}').status == 400


@pytest.fixture(scope="module")
def watched(
    prometheus: None,  # noqa: ARG001  needed
    kafka: Kafka,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watched]:
    """Start everything once for all of these tests."""
    folder = tmp_path_factory.mktemp("watched")
    pipeline = Pipeline.made(kafka.bootstrap_servers, folder)
    topic = {"KAFKA_TOPIC_BID_REQUESTS": pipeline.requests}
    with ExitStack() as stack:
        ingest = stack.enter_context(
            IngestProcess(
                folder / "ingest.log",
                KAFKA_BROKERS=kafka.bootstrap_servers,
                INGEST_WORKERS="2",
                **topic,
                **PATIENT,
            )
        )
        consumer = stack.enter_context(pipeline.consumer(CONSUMER_SINKS="kafka,log"))
        ingest.wait_until_ready()
        consumer.wait_until_ready()
        targets = {"ingest": f"127.0.0.1:{ingest.admin_port}", "bidding-logic": consumer.address}
        scraping = stack.enter_context(PrometheusProcess(folder, targets))
        running = Watched(ingest, consumer, scraping)
        running.send()
        yield running


def test_promtool_has_nothing_to_say(watched: Watched) -> None:
    """Names, types and help of both expositions follow Prometheus's conventions."""
    ingests = watched.ingest.get_admin("/metrics").body.decode()
    for text in (ingests, watched.consumer.get("/metrics")[1]):
        assert promtool("check", "metrics", stdin=text) == (0, "")
    code, printed = promtool("check", "metrics", stdin="# TYPE things counter\nthings 1\n")
    assert (code != 0, "_total" in printed, "help" in printed) == (True, True, True)


def test_both_are_scraped(watched: Watched) -> None:
    """The targets are up and their samples are taken without an error."""

    def up() -> list[str]:
        targets = watched.prometheus.get("targets")["activeTargets"]
        return sorted(t["labels"]["job"] for t in targets if t["health"] == "up")

    eventually(lambda: up() == ["bidding-logic", "ingest"], "both to be up", 30)


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_query_has_data(watched: Watched, name: str) -> None:
    """Each recorded query returns a number once there has been traffic."""

    def number() -> bool:
        watched.send()
        found: list[Any] = watched.prometheus.query(name)
        return bool(found) and all(each["value"][1] != "NaN" for each in found)

    eventually(number, f"{name} to have data", 30, interval_s=0.5)


@pytest.mark.parametrize("row", [*INGEST_METRICS, *CONSUMER_METRICS], ids=lambda row: row.name)
def test_every_metric_arrives_as_documented(watched: Watched, row: Metric) -> None:
    """Prometheus knows each metric of the tables by its type and its meaning."""
    name = f"{row.name}_count" if row.kind == "histogram" else row.name
    if row.name not in QUIET:
        eventually(lambda: watched.prometheus.query(name), f"{name} to be scraped", 30)
    else:
        assert watched.prometheus.query(name) == []
        return
    known = watched.prometheus.get("metadata", metric=row.name)[row.name]
    assert {(each["type"], each["help"]) for each in known} == {(row.kind, row.doc)}


def test_accepted_is_acknowledged_is_decided(watched: Watched) -> None:
    """What is counted at each step is the same number, and no alert fires."""
    steps = (
        'sum(ingest_requests_total{outcome="accepted"})',
        'sum(ingest_published_records_total{outcome="acknowledged"})',
        "sum(ingest_acknowledgement_seconds_count)",
        "sum(consumer_records_total)",
        "sum(consumer_decisions_total)",
    )
    (line,) = (x for x in counted(watched) if 'outcome="accepted"' in x)
    wanted = {float(line.rsplit(" ", 1)[1])}

    def found() -> set[float]:
        return {float(it["value"][1]) for step in steps for it in watched.prometheus.query(step)}

    eventually(found, f"{wanted} everywhere", 30, until=wanted.__eq__)
    assert watched.prometheus.query('ALERTS{alertstate="firing"}') == []


def test_a_killed_worker_takes_its_gauges_and_leaves_its_counts(watched: Watched) -> None:
    """Counters do not run backwards, limits are those of the workers that there are."""
    before = counted(watched)
    victim = watched.ingest.worker_pids()[0]
    os.kill(victim, signal.SIGKILL)
    eventually(
        lambda: victim not in (pids := watched.ingest.worker_pids()) and len(pids) == 2,
        "another worker in its place",
        30,
    )
    eventually(lambda: watched.ingest.get_admin("/metrics").status == 200, "the metrics")
    assert counted(watched) == before
    level = watched.ingest.level
    eventually(
        lambda: level("ingest_pending_records_limit") == 2000, "the limit of two workers", 30
    )
    eventually(lambda: level("ingest_ready") == 1, "both to be ready", 30)
    assert level("ingest_requests_in_flight") == 0


def counted(watched: Watched) -> list[str]:
    """Return what the ingest counts of requests, in order."""
    text = watched.ingest.get_admin("/metrics").body.decode()
    return sorted(x for x in text.splitlines() if x.startswith("ingest_requests_total{"))
