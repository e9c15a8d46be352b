"""Whether what is no bid request is kept off the topic, or put where it can be looked into."""

from __future__ import annotations

from collections.abc import Callable

from verification.checklist.support.bids import (
    POST,
    accepted,
    dead_letters_of,
    find_line,
)
from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, kafka_stdin
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request
from verification.traffic.topics import REQUESTS


def _refused(
    context: Context, body: bytes, headers: dict[str, str], status: int, rule: Callable[[str], bool]
) -> Evidence:
    """Post what must be refused; expect the status, a fitting body and nothing new on the topic."""
    before = context.topics.ends(REQUESTS)
    response = context.http.call("POST", "/bid", body, headers)
    text = response.body.decode(errors="replace")
    found = f"{response.status}: {text[:300]}"
    expect(response.status == status and rule(text), expected=f"{status}", found=found)
    after = context.topics.ends(REQUESTS)
    expect(after == before, expected="nothing new on the topic", found=f"{before} -> {after}")
    return Evidence(found[:120])


@check(
    "pipeline.invalid-refused",
    "A bid request without impressions gets 400 with path and rule, and never reaches the topic.",
    by_hand=(f'{POST} --data \'{{"id": "1"}}\'',),
    expected='HTTP/1.1 400 BAD REQUEST, "errors": [{"path": "imp", ...}]',
    hint="app/openrtb holds the rules",
    needs=Needs.DEPLOYMENT,
)
def invalid_refused(context: Context) -> Evidence:
    """Post a request without `imp`."""
    return _refused(context, b'{"id": "x"}', JSON_TYPE, 400, lambda text: "imp" in text)


@check(
    "pipeline.oversized-refused",
    "A body over the limit gets 413 and never reaches the topic.",
    by_hand=(f"head --bytes 300000 /dev/zero | {POST} --data-binary @-",),
    expected="HTTP/1.1 413 REQUEST ENTITY TOO LARGE",
    hint="INGEST_MAX_BODY_BYTES in the ConfigMap",
    needs=Needs.DEPLOYMENT,
)
def oversized_refused(context: Context) -> Evidence:
    """Post more than the default limit."""
    body = bid_request("x" * 300_000)
    return _refused(context, body, JSON_TYPE, 413, bool)


@check(
    "pipeline.wrong-type-refused",
    "A body that is not declared as JSON gets 415 and never reaches the topic.",
    by_hand=(f"{POST.replace('application/json', 'text/plain')} --data hello",),
    expected="HTTP/1.1 415 UNSUPPORTED MEDIA TYPE",
    hint="OpenRTB 2.6 section 2: application/json",
    needs=Needs.DEPLOYMENT,
)
def wrong_type_refused(context: Context) -> Evidence:
    """Post a valid bid request under a wrong content type."""
    headers = {"content-type": "text/plain"}
    return _refused(context, bid_request("typed"), headers, 415, bool)


@check(
    "pipeline.poison-to-dead-letters",
    "A record that cannot be decided on lies on the dead letter topic, bytes unchanged, and the "
    "consumer goes on.",
    by_hand=(
        ("echo poison | kafka kafka-console-producer.sh --topic bid_requests"),
        (
            "kafka kafka-console-consumer.sh "
            "--topic bid_requests.dlq --from-beginning --timeout-ms 5000 "
            "--formatter-property print.headers=true"
        ),
        (
            "kubectl --namespace rtb exec deployment/bidding-logic-service "
            "-- python -m consumer dlq list"
        ),
    ),
    expected="`poison`, with dlq-reason, dlq-topic, dlq-partition and dlq-offset; a line of JSON "
    "for each dead letter",
    hint="`kubectl --namespace rtb logs deploy/bidding-logic-service`",
    needs=Needs.DEPLOYMENT,
    deadline_s=120,
)
def poison_to_dead_letters(context: Context) -> Evidence:
    """Put a record that is no JSON on the topic with Kafka's own producer."""
    poison = f"poison {context.run_id}"
    start = context.topics.ends("bid_requests.dlq")
    kafka_stdin(context, f"{poison}\n", "kafka-console-producer.sh", "--topic", REQUESTS)
    record = dead_letters_of(context, start, poison.encode())
    found = {name: (value or b"").decode() for name, value in record.headers.items()}
    wanted = {"dlq-reason", "dlq-stage", "dlq-topic", "dlq-partition", "dlq-offset"}
    expect(wanted <= set(found), expected=f"{sorted(wanted)}", found=found)
    accepted(context, bid_request(f"{context.run_id}-after-poison"), JSON_TYPE)
    find_line(context, CONSUMER_APP, f"{context.run_id}-after-poison", "bid decided")
    return Evidence(f"reason {found['dlq-reason']}", found)


CHECKS = (invalid_refused, oversized_refused, wrong_type_refused, poison_to_dead_letters)
