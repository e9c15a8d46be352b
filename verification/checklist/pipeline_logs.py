"""Whether what the containers log is fit for a machine, and for the law."""

from __future__ import annotations

import json

from verification.checklist.support.bids import accepted, find_line
from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, INGEST_APP, KAFKA_APP, pods_of
from verification.cluster.pods import name_of
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request

_APPS = (INGEST_APP, CONSUMER_APP, KAFKA_APP, "kafka-topics")
# What the launch script of the Kafka image prints before Kafka itself logs.
_LAUNCH = "===> "


def _lines(context: Context, app: str) -> list[str]:
    return [
        line
        for pod in pods_of(context, app)
        for container in pod["spec"]["containers"]
        for line in context.kubectl.logs(name_of(pod), container["name"], tail=5000).splitlines()
        if not (app == KAFKA_APP and line.startswith(_LAUNCH))
    ]


@check(
    "pipeline.logs-are-json",
    "Every container logs one JSON object a line and nothing else, with time, level and event; the "
    "line `===> ` of the Kafka image's launch script is the one exception.",
    by_hand=(
        (
            "kubectl --namespace rtb logs deploy/bid-request-handler | python3 -c "
            "'import json, sys; print(all(json.loads(line) for line in sys.stdin))'"
        ),
        "kubectl --namespace rtb logs kafka-0 | grep --invert-match '^===> ' | head --lines 3",
        "kubectl --namespace rtb logs job/kafka-topics",
    ),
    expected="True, and JSON objects",
    hint="something prints past structlog, or LOG_FORMAT is not json",
    needs=Needs.DEPLOYMENT,
)
def logs_are_json(context: Context) -> Evidence:
    """Parse every line of every container of ours."""
    count = 0
    for app in _APPS:
        lines = _lines(context, app)
        expect(bool(lines), expected=f"a log of {app}", found="nothing")
        for line in lines:
            expect(_is_event(line), expected="an object with time, level, event", found=line[:300])
        count += len(lines)
    return Evidence(f"{count} lines")


def _is_event(line: str) -> bool:
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and {"timestamp", "level", "event", "service"} <= set(found)


@check(
    "pipeline.no-personal-data-in-logs",
    "Addresses and device identifiers of a bid request never turn up in a log.",
    by_hand=("! kubectl --namespace rtb logs deploy/bid-request-handler | grep 192.0.2.1",),
    expected="nothing",
    hint="common/logs.py drops personal values by name; see what logs them under another one",
    needs=Needs.DEPLOYMENT,
)
def no_personal_data_in_logs(context: Context) -> Evidence:
    """Post a bid request full of marked personal values and look for them in both logs."""
    bid_id = f"{context.run_id}-personal"
    marks = {
        "ip": "192.0.2.217",
        "ifa": f"ifa-{context.run_id}",
        "buyeruid": f"uid-{context.run_id}",
    }
    bid = json.loads(bid_request(bid_id))
    bid["device"] = {"ip": marks["ip"], "ifa": marks["ifa"]}
    bid["user"] = {"buyeruid": marks["buyeruid"]}
    accepted(context, json.dumps(bid).encode(), JSON_TYPE)
    for app, event in ((INGEST_APP, "bid accepted"), (CONSUMER_APP, "bid decided")):
        find_line(context, app, bid_id, event)
        leaked = [line for line in _lines(context, app) if any(x in line for x in marks.values())]
        expect(not leaked, expected=f"none of {sorted(marks)} in {app}'s log", found=leaked[:1])
    return Evidence("the bid is logged, its personal values are not")


CHECKS = (logs_are_json, no_personal_data_in_logs)
