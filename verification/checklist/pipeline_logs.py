"""Whether what the containers log is fit for a machine, and for the law."""

from __future__ import annotations

import json
from functools import partial

from verification.checklist.support.bids import POSITION, accepted, find_line, log_lines
from verification.checklist.support.check import Evidence, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, INGEST_APP, KAFKA_APP
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request

_APPS = (INGEST_APP, CONSUMER_APP, KAFKA_APP, "kafka-topics")
_IN_EACH_LINE = {"timestamp", "level", "event", "service"}
# What the launch script of the Kafka image prints before Kafka itself logs.
_LAUNCH = "===> "
_check = partial(check, category="pipeline")


@_check(
    "kubectl --namespace rtb logs deploy/bidding-logic-service | grep 'bid decided'",
    promise="observable",
    expected='{"event": "bid decided", "id", "topic", "partition", "offset", "decision", ...}',
    hint="LOG_LEVEL must be INFO",
)
def consumer_logs_position(context: Context) -> Evidence:
    """The consumer logs each id with the topic, partition and offset of its record."""
    # unlike that of an earlier round of the same run
    bid_id = f"{context.run_id}-logged-{context.clock.monotonic():.0f}"
    answer = accepted(context, bid_request(bid_id), JSON_TYPE)
    line = find_line(context, CONSUMER_APP, bid_id, "bid decided")
    wanted = {name: answer[name] for name in POSITION}
    found = {name: line.get(name) for name in wanted}
    expect(found == wanted, expected=f"{wanted}", found=line)
    shown = f"decision {line.get('decision')}, {line.get('latency_ms')} ms"
    return Evidence(shown, {"line": f"{line}"})


# The line `===> ` of the Kafka image's launch script is the one exception.
@_check(
    "kubectl --namespace rtb logs deploy/bid-request-handler | python3 -c "
    "'import json, sys; print(all(json.loads(line) for line in sys.stdin))'",
    "kubectl --namespace rtb logs kafka-0 | grep --invert-match '^===> ' | head --lines 3",
    "kubectl --namespace rtb logs job/kafka-topics",
    promise="observable",
    expected="True, and JSON objects",
    hint="something prints past structlog, or LOG_FORMAT is not json",
)
def logs_are_json(context: Context) -> Evidence:
    """Every container logs JSON objects with time, level and event, one a line, alone."""
    count = 0
    for app in _APPS:
        lines = log_lines(context, app)
        if app == KAFKA_APP:
            lines = [line for line in lines if not line.startswith(_LAUNCH)]
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
    return isinstance(found, dict) and set(found) >= _IN_EACH_LINE


@_check(
    "! kubectl --namespace rtb logs deploy/bid-request-handler | grep 192.0.2.1",
    promise="secured",
    expected="nothing",
    hint="common/logs.py drops personal values by name; see what logs them under another one",
)
def no_personal_data_in_logs(context: Context) -> Evidence:
    """Addresses and device identifiers of a bid request never turn up in a log."""
    run, bid_id = context.run_id, f"{context.run_id}-personal"
    marks = {"ip": "192.0.2.217", "ifa": f"ifa-{run}", "buyeruid": f"uid-{run}"}
    bid = json.loads(bid_request(bid_id))
    bid["device"] = {"ip": marks["ip"], "ifa": marks["ifa"]}
    bid["user"] = {"buyeruid": marks["buyeruid"]}
    accepted(context, json.dumps(bid).encode(), JSON_TYPE)
    for app, event in ((INGEST_APP, "bid accepted"), (CONSUMER_APP, "bid decided")):
        find_line(context, app, bid_id, event)
        lines = log_lines(context, app)
        leaked = [line for line in lines if any(mark in line for mark in marks.values())]
        expect(not leaked, expected=f"none of {sorted(marks)} in {app}'s log", found=leaked[:1])
    return Evidence("the bid is logged, its personal values are not")
