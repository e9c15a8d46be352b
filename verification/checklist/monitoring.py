"""Whether Prometheus, switched on, sees every pod and has an answer to every query."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from verification.checklist.support.check import Evidence, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import (
    CONSUMER_APP,
    INGEST_APP,
    page_of,
    pods_of,
    ready_pod,
)
from verification.checklist.support.overlays import switched_on
from verification.checklist.support.under_load import recover
from verification.traffic.steady import SteadyLoad

_APP, _PORT = "prometheus", 9090
_JOBS = {"ingest": INGEST_APP, "bidding-logic": CONSUMER_APP}
_RATE = 20.0
_UP_WITHIN_S = 60.0
_DATA_WITHIN_S = 60.0
# The manifests scrape four times a minute; a check need not wait for that.
_SHORT = "3s"
_RECORDED = quote('{__name__=~".+:.+"}')


def impatient(root: Path) -> dict[str, Any]:
    """Return the patch that makes Prometheus do all in seconds."""
    file = root / "manifests" / "components" / "monitoring" / "prometheus.yaml"
    text = re.sub(r"\b\d+s\b", _SHORT, file.read_text(encoding="utf-8"))
    patch = [{"op": "replace", "path": "/data/prometheus.yaml", "value": text}]
    return {"target": {"kind": "ConfigMap", "name": "prometheus"}, "patch": yaml.safe_dump(patch)}


def _ask(context: Context, path: str) -> dict[str, Any]:
    """Return the data of an answer of Prometheus's API."""
    page = page_of(context, ready_pod(context, _APP), _PORT, f"/api/v1/{path}")
    data: dict[str, Any] = json.loads(page)["data"]
    return data


@check(
    "python -m verification verify monitoring --keep",
    category="monitoring",
    promise="observable",
    expected="a target up for each pod, and a number for each recorded query",
    hint="`kubectl --namespace rtb port-forward service/prometheus 9090` shows /targets and /rules",
    deadline_s=300,
)
def prometheus_sees_all(context: Context) -> Evidence:
    """Prometheus, switched on, scrapes every pod of both services and has data for each query."""
    prefix = f"{context.run_id}-monitored"
    with switched_on(context, "monitored", ("monitoring",), [impatient(context.root)]):
        recover(context)
        up = context.waiter.until("targets", lambda: _not_up(context), within=_UP_WITHIN_S)
        names = {rule["name"] for rule in _rules(context) if rule["type"] == "recording"}
        with SteadyLoad(context.http, context.clock, prefix=prefix, rate=_RATE):
            context.waiter.until(
                "recorded queries", lambda: _lacking(context, names), within=_DATA_WITHIN_S
            )
        ill = [x for x in _rules(context) if x["health"] != "ok"]
        told = [f"{rule['name']}: {rule.get('lastError')}" for rule in ill]
        expect(not ill, expected="rules without an error", found=told)
        values = _recorded(context)
    shown = {name: ", ".join(f"{value:.4g}" for value in values[name]) for name in sorted(names)}
    found = f"targets up after {up:.0f} s, {len(names)} recorded queries with data"
    return Evidence(found, details=shown)


def _rules(context: Context) -> list[dict[str, Any]]:
    rules = [rule for group in _ask(context, "rules")["groups"] for rule in group["rules"]]
    expect(bool(rules), expected="the rules of the manifests", found="none")
    return rules


def _not_up(context: Context) -> str | None:
    targets = _ask(context, "targets?state=active")["activeTargets"]
    for job, app in _JOBS.items():
        up = [t for t in targets if t["labels"]["job"] == job and t["health"] == "up"]
        wanted = len(pods_of(context, app))
        if len(up) != wanted:
            return f"{len(up)} of {wanted} pods of {app} are scraped"
    return None


def _recorded(context: Context) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for each in _ask(context, f"query?query={_RECORDED}")["result"]:
        found.setdefault(each["metric"]["__name__"], []).append(float(each["value"][1]))
    return found


def _lacking(context: Context, names: set[str]) -> str | None:
    values = _recorded(context)
    without = [name for name in sorted(names) if any(map(math.isnan, values.get(name, [math.nan])))]
    return f"no data of {', '.join(without)}" if without else None
