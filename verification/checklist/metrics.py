"""Whether what the services count is there and adds up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import partial

from prometheus_client.parser import text_string_to_metric_families

from verification.checklist.support.bids import find_line
from verification.checklist.support.check import Evidence, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import (
    ADMIN_PORTS,
    CONSUMER_APP,
    INGEST_APP,
    page_of,
    pods_of,
    ready_pod,
)
from verification.checklist.support.under_load import drain
from verification.cluster.pods import name_of
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request

_SECTIONS = {INGEST_APP: "## Ingest", CONSUMER_APP: "## Bidding logic"}
_ACCEPTED, _REFUSED = 20, 5
_RAW = "kubectl get --raw /api/v1/namespaces/rtb/services"
_INGESTS = f"{_RAW}/bid-request-handler-admin:admin/proxy/metrics"
_CONSUMERS = f"{_RAW}/bidding-logic-service:http/proxy/metrics"
# A counter with labels shows up with its first count, and this setting decides whether it counts.
_COUNTS_ONLY_WITH = {"ingest_tolerated_violations_total": "VALIDATION_MODE=warn"}
_check = partial(check, category="metrics")

Samples = dict[str, float]


def scrape_pods(context: Context, pods: Iterable[str], port: int) -> Samples:
    """Return the sums over some pods, by sample name and labels (`name{k=v,...}`)."""
    found: Samples = {}
    for pod in pods:
        page = page_of(context, pod, port, "/metrics")
        for family in text_string_to_metric_families(page):
            found.setdefault(family.name, 0.0)
            for sample in family.samples:
                labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
                name = f"{sample.name}{{{labels}}}" if labels else sample.name
                found[name] = found.get(name, 0.0) + sample.value
    return found


def total(samples: Samples, name: str, label: str = "") -> float:
    """Return the sum over the samples of one name, those with `key=value` alone where given."""
    return sum(
        value
        for sample, value in samples.items()
        if sample.partition("{")[0] == name and label in sample
    )


def _scrape(context: Context, app: str) -> Samples:
    return scrape_pods(context, map(name_of, pods_of(context, app)), ADMIN_PORTS[app])


@_check(
    f"{_INGESTS} | grep '^# TYPE'",
    _CONSUMERS,
    promise="documented",
    expected="one metric for each row of docs/metrics.md",
    hint="docs/metrics.md is generated from the tables of metrics in app/ and consumer/",
)
def documented(context: Context) -> Evidence:
    """Both services expose every metric that the documentation names."""
    _send(context)
    drain(context)
    text = (context.root / "docs" / "metrics.md").read_text(encoding="utf-8")
    count = 0
    for app, section in _SECTIONS.items():
        part = text.partition(f"{section}\n")[2].partition("\n## ")[0]
        wanted = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
        expect(bool(wanted), expected=f"a table under {section}", found="none")
        lacking = _lacking(context, app, wanted)
        expect(not lacking, expected=f"all documented metrics of {app}", found=f"no {lacking}")
        count += len(wanted)
    return Evidence(f"{count} metrics")


def _lacking(context: Context, app: str, wanted: Iterable[str]) -> list[str]:
    """Return which metrics an app does not expose, though it counts them."""
    found = {sample.partition("{")[0] for sample in _scrape(context, app)}
    environment = context.kubectl.exec(ready_pod(context, app), ["env"]).checked().stdout.split()
    return [
        name
        for name in wanted
        if not {name, name.removesuffix("_total")} & found
        and _COUNTS_ONLY_WITH.get(name, environment[0]) in environment
    ]


@_check(
    f"{_INGESTS} | grep ingest_requests_total",
    promise="counted",
    expected='outcome="accepted" grows by one with each 202',
    hint="several worker processes must be summed on a scrape",
)
def counters_reconcile(context: Context) -> Evidence:
    """After 20 accepted and 5 refused requests, both services' counters have grown by just them."""
    drain(context)
    before = {app: _scrape(context, app) for app in ADMIN_PORTS}
    last = _send(context)
    find_line(context, CONSUMER_APP, last, "bid decided")
    drain(context)
    after = {app: _scrape(context, app) for app in ADMIN_PORTS}

    def grown(app: str, name: str, label: str = "") -> int:
        return int(total(after[app], name, label) - total(before[app], name, label))

    found = {
        "accepted": grown(INGEST_APP, "ingest_requests_total", "outcome=accepted"),
        "answered": grown(INGEST_APP, "ingest_requests_total"),
        "records": grown(CONSUMER_APP, "consumer_records_total"),
        "decisions": grown(CONSUMER_APP, "consumer_decisions_total"),
    }
    sent = _ACCEPTED + _REFUSED
    wanted = {"accepted": _ACCEPTED, "answered": sent, "records": _ACCEPTED, "decisions": _ACCEPTED}
    expect(found == wanted, expected=f"{wanted}", found=found)
    return Evidence(", ".join(f"{name} +{count}" for name, count in found.items()))


def _send(context: Context) -> str:
    """Send the accepted and the refused requests; return the last accepted id.

    One of the accepted breaks a soft rule: an auction type that OpenRTB 2.6 reserves.
    """
    bid_id = ""
    for number in range(_ACCEPTED):
        bid_id = f"{context.run_id}-counted-{number}-{context.clock.monotonic():.0f}"
        bid = bid_request(bid_id)
        odd = json.dumps({**json.loads(bid), "at": 3}).encode()
        context.http.call("POST", "/bid", bid if number else odd, JSON_TYPE)
    for _number in range(_REFUSED):
        context.http.call("POST", "/bid", b'{"id": "x"}', JSON_TYPE)
    return bid_id
