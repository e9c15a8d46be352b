"""Whether what is no bid request is kept off the topic, or put where it can be looked into."""

from __future__ import annotations

from functools import partial

from verification.checklist.support.bids import (
    POST,
    accepted,
    find_line,
    headers_of,
    wait_for_record,
)
from verification.checklist.support.check import Evidence, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, kafka
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request
from verification.traffic.topics import DEAD_LETTERS, REQUESTS

_DLQ_HEADERS = {"dlq-reason", "dlq-stage", "dlq-topic", "dlq-partition", "dlq-offset"}
_check = partial(check, category="pipeline")


def _refused(
    context: Context, status: int, body: bytes, headers: dict[str, str], said: str = ""
) -> Evidence:
    """Post what must be refused; expect the status, a fitting body and nothing new on the topic."""
    before = context.topics.ends(REQUESTS)
    response = context.http.call("POST", "/bid", body, headers)
    text = response.body.decode(errors="replace")
    found = f"{response.status}: {text[:300]}"
    expect(response.status == status and said in text, expected=f"{status}", found=found)
    after = context.topics.ends(REQUESTS)
    expect(after == before, expected="nothing new on the topic", found=f"{before} -> {after}")
    return Evidence(found[:120])


@_check(
    f'{POST} --data \'{{"id": "1"}}\'',
    promise="valid",
    expected='HTTP/1.1 400 BAD REQUEST, "errors": [{"path": "imp", ...}]',
    hint="app/openrtb holds the rules",
)
def invalid_refused(context: Context) -> Evidence:
    """A bid without impressions gets 400 with path and rule, and never reaches the topic."""
    return _refused(context, 400, b'{"id": "x"}', JSON_TYPE, said="imp")


@_check(
    f"head --bytes 300000 /dev/zero | {POST} --data-binary @-",
    promise="bounded",
    expected="HTTP/1.1 413 REQUEST ENTITY TOO LARGE",
    hint="INGEST_MAX_BODY_BYTES in the ConfigMap",
)
def oversized_refused(context: Context) -> Evidence:
    """A body over the limit gets 413 and never reaches the topic."""
    return _refused(context, 413, bid_request("x" * 300_000), JSON_TYPE)


@_check(
    f"{POST.replace('application/json', 'text/plain')} --data hello",
    promise="explicit",
    expected="HTTP/1.1 415 UNSUPPORTED MEDIA TYPE",
    hint="OpenRTB 2.6 section 2: application/json",
)
def wrong_type_refused(context: Context) -> Evidence:
    """A body that is not declared as JSON gets 415 and never reaches the topic."""
    return _refused(context, 415, bid_request("typed"), {"content-type": "text/plain"})


@_check(
    "echo poison | kafka kafka-console-producer.sh --topic bid_requests",
    "kafka kafka-console-consumer.sh --topic bid_requests.dlq --from-beginning --timeout-ms 5000 "
    "--formatter-property print.headers=true",
    "kubectl --namespace rtb exec deployment/bidding-logic-service -- python -m consumer dlq list",
    promise="never-lost",
    expected="`poison`, with dlq-reason, dlq-topic, dlq-partition and dlq-offset; a line of JSON "
    "for each dead letter",
    hint="`kubectl --namespace rtb logs deploy/bidding-logic-service`",
)
def poison_to_dead_letters(context: Context) -> Evidence:
    """What cannot be decided on becomes a dead letter, bytes unchanged; the consumer goes on."""
    poison = f"poison {context.run_id}"
    start = context.topics.ends(DEAD_LETTERS)
    kafka(context, "kafka-console-producer.sh", "--topic", REQUESTS, stdin=f"{poison}\n")
    what, value = f"{poison!r}", poison.encode()
    found = headers_of(wait_for_record(context, start, what, lambda item: item.value == value))
    expect(set(found) >= _DLQ_HEADERS, expected=f"{sorted(_DLQ_HEADERS)}", found=found)
    after = f"{context.run_id}-after-poison"
    accepted(context, bid_request(after), JSON_TYPE)
    find_line(context, CONSUMER_APP, after, "bid decided")
    return Evidence(f"reason {found['dlq-reason']}", found)
