"""Whether what the services count is there and adds up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from verification.checklist.support.bids import find_line
from verification.checklist.support.check import Evidence, Needs, check, expect
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
_INGESTS = (
    "kubectl get --raw "
    "/api/v1/namespaces/rtb/services/bid-request-handler-admin:admin/proxy/metrics"
)
# A counter with labels shows up with its first count, and this setting decides whether it counts.
_COUNTS_ONLY_WITH = {"ingest_tolerated_violations_total": "VALIDATION_MODE=warn"}

Samples = dict[str, float]


def documented(text: str, section: str) -> list[str]:
    """Return the metric names in one section's table of docs/metrics.md."""
    part = text.partition(f"{section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)


def scrape(context: Context, app: str) -> Samples:
    """Return the sums over all pods of an app, by sample name and labels (`name{k=v,...}`)."""
    return scrape_pods(context, map(name_of, pods_of(context, app)), ADMIN_PORTS[app])


def scrape_pods(context: Context, pods: Iterable[str], port: int) -> Samples:
    """Return the sums over some pods."""
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


def _documented_are_there(context: Context, app: str) -> Evidence:
    text = (context.root / "docs" / "metrics.md").read_text(encoding="utf-8")
    wanted = documented(text, _SECTIONS[app])
    expect(bool(wanted), expected=f"a table under {_SECTIONS[app]}", found="none")
    found = {sample.partition("{")[0] for sample in scrape(context, app)}
    environment = context.kubectl.exec(ready_pod(context, app), ["env"]).checked().stdout.split()
    lacking = [
        name
        for name in wanted
        if not {name, name.removesuffix("_total")} & found
        and _COUNTS_ONLY_WITH.get(name, environment[0]) in environment
    ]
    expect(not lacking, expected="every documented metric", found=f"{lacking} missing")
    return Evidence(f"{len(wanted)} metrics")


@check(
    "metrics.ingest-documented",
    "The ingest exposes every metric that the documentation names.",
    by_hand=(f"{_INGESTS} | grep '^# TYPE'",),
    expected="one line for each row of docs/metrics.md, Ingest",
    hint="docs/metrics.md is generated from the table of metrics in app/",
    needs=Needs.DEPLOYMENT,
)
def ingest_documented(context: Context) -> Evidence:
    """Send what makes each metric count, scrape the ingest's pods and look for each name."""
    _send(context)
    return _documented_are_there(context, INGEST_APP)


@check(
    "metrics.consumer-documented",
    "The bidding logic exposes every metric that the documentation names.",
    by_hand=(
        (
            "kubectl get --raw "
            "/api/v1/namespaces/rtb/services/bidding-logic-service:http/proxy/metrics"
        ),
    ),
    expected="one metric for each row of docs/metrics.md, Bidding logic",
    hint="docs/metrics.md is generated from the table of metrics in consumer/",
    needs=Needs.DEPLOYMENT,
)
def consumer_documented(context: Context) -> Evidence:
    """Scrape the bidding logic's pods and look for each name."""
    return _documented_are_there(context, CONSUMER_APP)


@check(
    "metrics.counters-reconcile",
    f"After {_ACCEPTED} accepted and {_REFUSED} refused requests, the counters of both services "
    "have grown by just these numbers.",
    by_hand=(f"{_INGESTS} | grep ingest_requests_total",),
    expected='outcome="accepted" grows by one with each 202',
    hint="several worker processes must be summed on a scrape",
    needs=Needs.DEPLOYMENT,
)
def counters_reconcile(context: Context) -> Evidence:
    """Scrape all pods, send, wait for the decisions, scrape again, and compare."""
    drain(context)
    before = {app: scrape(context, app) for app in ADMIN_PORTS}
    last = _send(context)
    find_line(context, CONSUMER_APP, last, "bid decided")
    drain(context)
    after = {app: scrape(context, app) for app in ADMIN_PORTS}

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


CHECKS = (ingest_documented, consumer_documented, counters_reconcile)
