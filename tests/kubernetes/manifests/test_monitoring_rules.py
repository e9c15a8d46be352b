"""Recording rules, alerts and the dashboard: right, tested, and about metrics that there are."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.metrics import TABLE as INGEST_METRICS
from common.kafka import KafkaSettings
from common.metrics import Metric
from common.settings import read
from consumer.metrics import TABLE as CONSUMER_METRICS
from tests.support.prometheus import MONITORING, promtool
from verification.checklist.monitoring import impatient
from verification.project import ROOT
from verification.rules.brokers import LIST, parse_topics

pytestmark = pytest.mark.promise("observable")

TESTS = Path(__file__).parent / "alerts.yaml"
RULE_FILES = sorted((MONITORING / "rules").glob("*.yaml"))
RULES: list[dict[str, Any]] = [
    rule
    for file in RULE_FILES
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
DASHBOARD = json.loads((MONITORING / "dashboards" / "pipeline.json").read_text(encoding="utf-8"))
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
BY_PROMETHEUS = {"up", "ALERTS"}


def series(row: Metric) -> set[str]:
    """Return the names that a row is exposed under."""
    if row.kind != "histogram":
        return {row.name}
    return {f"{row.name}_{part}" for part in ("bucket", "count", "sum")}


TABLES = (*INGEST_METRICS, *CONSUMER_METRICS)
LABELS = {name: set(row.labels) for row in TABLES for name in series(row)}


def names_in(expression: str) -> set[str]:
    """Return the names of metrics and recorded queries in an expression."""
    plain = re.sub(r'"[^"]*"', "", expression)
    return set(re.findall(r"\b(?:ingest|consumer)[_:][\w:]*|\bup\b|\bALERTS\b", plain))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lay rules and their tests side by side, as promtool wants them."""
    for file in (*RULE_FILES, TESTS):
        name = "tests.yaml" if file == TESTS else file.name
        shutil.copy(file, tmp_path / name)
    return tmp_path


@pytest.mark.usefixtures("prometheus")
def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    """As it stands, and as `make verify` hurries it, the configuration has no error."""
    hurried = yaml.safe_load(impatient(ROOT)["patch"])[0]["value"]
    written = (MONITORING / "prometheus.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(hurried).keys() == yaml.safe_load(written).keys()
    for text in (written, hurried):
        here = text.replace("/etc/prometheus/rules", str(MONITORING / "rules"))
        (tmp_path / "prometheus.yaml").write_text(here, encoding="utf-8")
        code, printed = promtool("check", "config", "prometheus.yaml", folder=tmp_path)
        assert code == 0, printed
        assert f"SUCCESS: {len(ALERTS)} rules found" in printed


@pytest.mark.usefixtures("prometheus")
def test_the_alerts_do_as_their_tests_say(folder: Path) -> None:
    """Each alert fires in the histories that it is for, and in no other."""
    code, printed = promtool("test", "rules", "tests.yaml", folder=folder)
    assert code == 0, printed


@pytest.mark.usefixtures("prometheus")
def test_every_alert_would_be_missed(folder: Path) -> None:
    """With every expression made false, the tests ask for each of the alerts."""
    file = folder / "alerts.yaml"
    alerts = yaml.safe_load(file.read_text(encoding="utf-8"))
    for rule in (rule for group in alerts["groups"] for rule in group["rules"]):
        rule["expr"] = "vector(0) > 1"
    file.write_text(yaml.safe_dump(alerts), encoding="utf-8")
    code, printed = promtool("test", "rules", "tests.yaml", folder=folder)
    assert code == 1
    assert {alert for alert in ALERTS if f"alertname: {alert}," in printed} == set(ALERTS), printed


@pytest.mark.parametrize(
    "file", sorted((ROOT / "manifests").rglob(LIST)), ids=lambda file: file.parent.name
)
def test_half_of_the_retention_is_half_of_the_retention(file: Path) -> None:
    """In each list of topics, bid requests are kept for twice as long as the alert waits."""
    name = read(KafkaSettings, {}).topic_bid_requests
    topics = {topic.name: topic for topic in parse_topics(file.read_text(encoding="utf-8"))}
    waits_s = ALERTS["RetentionHalfUsed"]["expr"].partition(" > ")[2]
    assert topics[name].retention_ms == 2 * int(waits_s) * 1000


def test_a_partition_that_several_members_tell_of_counts_once() -> None:
    """No rule and no panel adds a lag up before it is one number a partition."""
    wanted = r"(?<!max by \(partition\) )\(consumer_lag_(messages|seconds)"
    every = [*(rule["expr"] for rule in RULES), *QUERIES]
    assert [each for each in every if re.search(wanted, each)] == ["max(consumer_lag_seconds)"]


def test_every_alert_fires_and_stays_silent_in_a_test() -> None:
    """Both are tested for each alert, and each has its section in the operations page."""
    tests = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    for alert, rule in ALERTS.items():
        expected = [bool(case.get("exp_alerts")) for case in cases if case["alertname"] == alert]
        assert set(expected) == {True, False}, alert
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(
            r"^### (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE
        )
        assert anchor == alert.lower()
        assert alert in headings


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_queries_are_about_what_there_is(expression: str) -> None:
    """Every name in a rule or on the dashboard is a metric of the tables or a recorded query."""
    assert names_in(expression) - {"up"} <= LABELS.keys() | RECORDED | BY_PROMETHEUS
    assert names_in(expression)


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_selectors_name_labels_that_there_are(expression: str) -> None:
    """A selector on a metric of the tables names its labels alone."""
    for name, selector in re.findall(r"(\w+)\{([^}]*)\}", expression):
        if name in LABELS:
            assert set(re.findall(r"(\w+)=", selector)) <= LABELS[name]


def test_the_dashboard_shows_every_recorded_query_and_metric() -> None:
    """Nothing is recorded or counted that nobody is shown, but for what alerts alone look at."""
    shown = set().union(*map(names_in, QUERIES))
    alone = set().union(*(names_in(rule["expr"]) for rule in ALERTS.values()))
    assert shown | alone >= RECORDED
    through = set().union(*(names_in(rule["expr"]) for rule in RULES)) | shown
    unseen = {row.name for row in TABLES if not series(row) & through}
    assert unseen == {
        "ingest_received_total",
        "ingest_compiled_mismatches_total",
        "consumer_records_total",
        "consumer_assigned_partitions",
        "consumer_duplicates_total",
    }


def test_the_dashboard_can_be_imported() -> None:
    """Panels have numbers and places of their own, and take the data source that is chosen."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    covered: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not covered & cells, panel["title"]
        covered |= cells
        assert all(t["datasource"]["uid"] == "${datasource}" for t in panel["targets"])
    assert max(x for x, _ in covered) < 24
