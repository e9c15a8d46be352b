"""Whether a bid request goes from the host to Kafka as it was sent, and to a decision."""

from __future__ import annotations

import gzip
import time
from functools import partial

import msgspec

from common import decisions
from verification.checklist.support.bids import (
    POSITION,
    POST,
    accepted,
    headers_of,
    record_at,
    wait_for_record,
)
from verification.checklist.support.check import Evidence, NotAsPromisedError, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import (
    ADMIN_PORTS,
    CONSUMER_APP,
    kafka,
    page_of,
    ready_pod,
)
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request
from verification.traffic.topics import DECISIONS, REQUESTS

_HEADERS = {"x-openrtb-version": "2.6", **JSON_TYPE}
_TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_CLOCK_SKEW_MS = 60_000
_BYTES = "org.apache.kafka.common.serialization.BytesDeserializer"
_check = partial(check, category="pipeline")


@_check(
    "curl --include http://localhost:8080/healthz",
    "curl --include http://localhost:8080/readyz",
    "kubectl get --raw /api/v1/namespaces/rtb/services/bidding-logic-service:http/proxy/readyz",
    promise="observable",
    expected="HTTP/1.1 200 OK twice, and a body without reasons",
    hint="`make status` tells the reasons, which the admin ports have",
)
def ready(context: Context) -> Evidence:
    """Both services say that they are healthy, and ready: they reach Kafka."""
    for path in ("/healthz", "/readyz"):
        status = context.http.call("GET", path).status
        expect(status == 200, expected=f"{path}: 200", found=status)  # noqa: PLR2004  HTTP
        # kubectl fails on any status but 200
        page = page_of(context, ready_pod(context, CONSUMER_APP), ADMIN_PORTS[CONSUMER_APP], path)
    return Evidence(page.strip())


@_check(
    f"{POST} --data-binary @samples/site.json",
    promise="acknowledged",
    expected='202 ACCEPTED and {"id", "status": "accepted", "topic", "partition", "offset"}',
    hint="a 400 lists the broken rules; a 503 says what Kafka lacks",
)
def accepts(context: Context) -> Evidence:
    """A valid bid request gets 202 with the position of its record."""
    bid_id = f"{context.run_id}-accepts"
    answer = accepted(context, bid_request(bid_id), _HEADERS)
    wanted = {"id": bid_id, "status": "accepted", "topic": REQUESTS}
    found = {name: answer.get(name) for name in wanted}
    expect(found == wanted, expected=f"{wanted}", found=found)
    return Evidence(f"202, partition {answer['partition']}, offset {answer['offset']}")


@_check(
    "kafka kafka-console-consumer.sh --topic bid_decisions --from-beginning --timeout-ms 5000 "
    "--formatter-property print.key=true",
    promise="decides",
    expected='the id, and {"version": 1, "request": {"id", "topic", "partition", "offset"}, ...}',
    hint="`python -m verification status` shows the consumer's lag",
)
def decision_written(context: Context) -> Evidence:
    """Each accepted bid request has its decision on bid_decisions, with the request's position."""
    bid_id = f"{context.run_id}-decision"
    start = context.topics.ends(DECISIONS)
    answer = accepted(context, bid_request(bid_id), _HEADERS)
    record = wait_for_record(context, start, f"keyed {bid_id}", lambda item: item.id == bid_id)
    value = record.value or b""
    try:
        decision = decisions.read(value)
    except ValueError as error:
        found = f"{error}: {value[:200]!r}"
        raise NotAsPromisedError(expected="a decision by its schema", found=found) from error
    wanted = {name: answer[name] for name in POSITION}
    request = msgspec.to_builtins(decision.request)
    expect(request == wanted, expected=f"{wanted}", found=decision)
    expect(decision.response.id == bid_id, expected=bid_id, found=decision)
    return Evidence(f"strategy {decision.strategy}", {"decision": value.decode()})


@_check(
    f"{POST.replace('--include', '--silent')} --data-binary @samples/site.json > /tmp/answer.json",
    "value() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' $1; }",
    "PARTITION=$(value partition < /tmp/answer.json) OFFSET=$(value offset < /tmp/answer.json)",
    "kafka kafka-console-consumer.sh "
    "--topic bid_requests --partition $PARTITION --offset $OFFSET --max-messages 1 "
    "| head --bytes -1 | cmp - samples/site.json && echo identical",
    promise="same-bytes",
    expected="identical",
    hint="something between Flask and the producer decodes and encodes the body",
    deadline_s=90,
)
def record_bytes_identical(context: Context) -> Evidence:
    """The record's value is, byte for byte, the body that was sent."""
    body = _odd_bid(f"{context.run_id}-bytes")
    answer = accepted(context, body, _HEADERS)
    partition, offset = answer["partition"], answer["offset"]
    found = _value_at(context, partition, offset)
    expect(found == body, expected=repr(body), found=repr(found))
    return Evidence(f"{len(body)} bytes at {REQUESTS}/{partition}/{offset}", {"value": repr(body)})


def _odd_bid(bid_id: str) -> bytes:
    """Return a valid bid request whose bytes no JSON encoder would write."""
    text = (
        '{ "imp" :[ {"banner":{},\t"id":"1"}],\r\n"ext":{"caf\u00e9":"\\u00e9\\/\U0001f600"},'
        f'"tmax":1E2 ,"site":{{}},"id":"{bid_id}"\n}}  '
    )
    return text.encode()


def _value_at(context: Context, partition: int, offset: int) -> bytes:
    r"""Return a record's value as Apache Kafka's own console consumer reads it.

    Its BytesDeserializer prints every byte that is not printable ASCII, and the backslash, as
    `\xNN`: the exact bytes can be told from the output.
    """
    printed = kafka(
        context,
        "kafka-console-consumer.sh",
        *("--topic", REQUESTS, "--partition", f"{partition}", "--offset", f"{offset}"),
        *("--max-messages", "1", "--timeout-ms", "20000"),
        *("--formatter-property", f"value.deserializer={_BYTES}"),
    )
    plain = printed.removesuffix("\n").encode("ascii", errors="replace")
    return plain.decode("unicode_escape").encode("latin-1")


@_check(
    "gzip < samples/site.json > /tmp/site.json.gz",
    f"{POST} --header 'content-encoding: gzip' --data-binary @/tmp/site.json.gz",
    promise="same-bytes",
    expected="HTTP/1.1 202 ACCEPTED",
    hint="limits and bytes refer to the inflated body",
)
def gzip_inflated(context: Context) -> Evidence:
    """A gzip body lies inflated on the topic."""
    body = _odd_bid(f"{context.run_id}-gzip")
    headers = {**_HEADERS, "content-encoding": "gzip"}
    record = record_at(context, accepted(context, gzip.compress(body), headers))
    expect(record.value == body, expected=repr(body), found=repr(record.value))
    return Evidence(f"{len(body)} bytes, inflated")


@_check(
    "kafka kafka-console-consumer.sh --topic bid_requests --from-beginning --max-messages 1 "
    "--formatter-property print.key=true --formatter-property print.headers=true",
    f"{POST} --header 'traceparent: {_TRACEPARENT}' --data-binary @samples/site.json",
    "kubectl --namespace rtb logs --selector app.kubernetes.io/part-of=rtb --tail=-1 "
    f"| grep {_TRACEPARENT.split('-')[1]}",
    promise="observable",
    expected="content-type, received-at, x-openrtb-version (where given) and traceparent; the id; "
    "`bid accepted` with the trace that was sent",
    hint="app/ builds the record's headers in one place",
)
def record_key_and_headers(context: Context) -> Evidence:
    """The record is keyed by the bid's id and carries the documented headers."""
    bid_id = f"{context.run_id}-headers"
    headers = {**_HEADERS, "traceparent": _TRACEPARENT}
    before = int(time.time() * 1000)
    record = record_at(context, accepted(context, bid_request(bid_id), headers))
    found = headers_of(record)
    expect(record.key == bid_id.encode(), expected=bid_id, found=record.key)
    for name, wanted in _HEADERS.items():
        expect(found.get(name) == wanted, expected=f"{name} {wanted}", found=found)
    same_trace = found.get("traceparent", "").split("-")[1:2] == _TRACEPARENT.split("-")[1:2]
    expect(same_trace, expected=f"the trace of {_TRACEPARENT}", found=found)
    close = abs(int(found.get("received-at", 0)) - before) < _CLOCK_SKEW_MS
    expect(close, expected=f"received-at about {before}", found=found)
    return Evidence(", ".join(sorted(found)), found)
