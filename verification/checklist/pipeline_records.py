"""Whether an accepted bid request lies on the topic as it was sent."""

from __future__ import annotations

import gzip
import time

from verification.checklist.support.bids import (
    POST,
    accepted,
    odd_bid,
    position_of,
    record_at,
)
from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import kafka_value
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request
from verification.traffic.topics import REQUESTS

_HEADERS = {"x-openrtb-version": "2.6", **JSON_TYPE}
_TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_CLOCK_SKEW_MS = 60_000


@check(
    "pipeline.record-bytes-identical",
    "The record's value is, byte for byte, the body that was sent.",
    by_hand=(
        (
            f"{POST.replace('--include', '--silent')} --data-binary @samples/site.json "
            "> /tmp/answer.json"
        ),
        "value() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' $1; }",
        "PARTITION=$(value partition < /tmp/answer.json) OFFSET=$(value offset < /tmp/answer.json)",
        (
            "kafka kafka-console-consumer.sh "
            "--topic bid_requests --partition $PARTITION --offset $OFFSET --max-messages 1 "
            "| head --bytes -1 | cmp - samples/site.json && echo identical"
        ),
    ),
    expected="identical",
    hint="something between Flask and the producer decodes and encodes the body",
    needs=Needs.DEPLOYMENT,
    deadline_s=90,
)
def record_bytes_identical(context: Context) -> Evidence:
    """Post a body with odd spacing and escapes and let Kafka's own consumer read it back."""
    body = odd_bid(f"{context.run_id}-bytes")
    partition, offset = position_of(accepted(context, body, _HEADERS))
    found = kafka_value(context, REQUESTS, partition, offset)
    expect(found == body, expected=repr(body), found=repr(found))
    return Evidence(f"{len(body)} bytes at {REQUESTS}/{partition}/{offset}", {"value": repr(body)})


@check(
    "pipeline.gzip-inflated",
    "A gzip body lies inflated on the topic.",
    by_hand=(
        "gzip < samples/site.json > /tmp/site.json.gz",
        f"{POST} --header 'content-encoding: gzip' --data-binary @/tmp/site.json.gz",
    ),
    expected="HTTP/1.1 202 ACCEPTED",
    hint="limits and bytes refer to the inflated body",
    needs=Needs.DEPLOYMENT,
)
def gzip_inflated(context: Context) -> Evidence:
    """Post a compressed body and read the record."""
    body = odd_bid(f"{context.run_id}-gzip")
    headers = {**_HEADERS, "content-encoding": "gzip"}
    record = record_at(context, accepted(context, gzip.compress(body), headers))
    expect(record.value == body, expected=repr(body), found=repr(record.value))
    return Evidence(f"{len(body)} bytes, inflated")


@check(
    "pipeline.record-key-and-headers",
    "The record is keyed by the bid's id and carries the documented headers.",
    by_hand=(
        (
            "kafka kafka-console-consumer.sh "
            "--topic bid_requests --from-beginning --max-messages 1 "
            "--formatter-property print.key=true --formatter-property print.headers=true"
        ),
        (f"{POST} --header 'traceparent: {_TRACEPARENT}' --data-binary @samples/site.json"),
        (
            "kubectl --namespace rtb logs --selector app.kubernetes.io/part-of=rtb --tail=-1 "
            f"| grep {_TRACEPARENT.split('-')[1]}"
        ),
    ),
    expected="content-type, received-at, x-openrtb-version (where given) and traceparent; the id; "
    "`bid accepted` with the trace that was sent",
    hint="app/ builds the record's headers in one place",
    needs=Needs.DEPLOYMENT,
)
def record_key_and_headers(context: Context) -> Evidence:
    """Post with a trace and a version and compare key and headers."""
    bid_id = f"{context.run_id}-headers"
    headers = {**_HEADERS, "traceparent": _TRACEPARENT}
    before = int(time.time() * 1000)
    record = record_at(context, accepted(context, bid_request(bid_id), headers))
    found = {name: (value or b"").decode() for name, value in record.headers.items()}
    expect(record.key == bid_id.encode(), expected=bid_id, found=record.key)
    expect(found.get("content-type") == "application/json", expected="content-type", found=found)
    expect(found.get("x-openrtb-version") == "2.6", expected="x-openrtb-version 2.6", found=found)
    same_trace = found.get("traceparent", "").split("-")[1:2] == _TRACEPARENT.split("-")[1:2]
    expect(same_trace, expected=f"the trace of {_TRACEPARENT}", found=found)
    close = abs(int(found.get("received-at", 0)) - before) < _CLOCK_SKEW_MS
    expect(close, expected=f"received-at about {before}", found=found)
    return Evidence(", ".join(sorted(found)), found)


CHECKS = (record_bytes_identical, gzip_inflated, record_key_and_headers)
