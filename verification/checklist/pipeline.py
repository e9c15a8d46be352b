"""Whether a bid request goes from the host to Kafka and to a decision."""

from __future__ import annotations

import msgspec

from common import decisions
from verification.checklist.support.bids import (
    POST,
    accepted,
    find_line,
    position_of,
    wait_for_record,
)
from verification.checklist.support.check import (
    Evidence,
    Needs,
    NotAsPromisedError,
    check,
    expect,
)
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, pod_page
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request
from verification.traffic.topics import DECISIONS, REQUESTS

_HEADERS = {"x-openrtb-version": "2.6", **JSON_TYPE}


@check(
    "pipeline.healthz",
    "The ingest answers /healthz with 200.",
    by_hand=("curl --include http://localhost:8080/healthz",),
    expected="HTTP/1.1 200 OK",
    hint="`kubectl --namespace rtb logs deploy/bid-request-handler`",
    needs=Needs.DEPLOYMENT,
)
def healthz(context: Context) -> Evidence:
    """Ask the ingest from the host."""
    response = context.http.call("GET", "/healthz")
    expect(response.status == 200, expected="200", found=response.status)  # noqa: PLR2004  HTTP
    return Evidence(f"200 in {response.elapsed_s * 1000:.0f} ms")


@check(
    "pipeline.readyz",
    "The ingest answers /readyz with 200: it reaches Kafka.",
    by_hand=("curl --include http://localhost:8080/readyz",),
    expected="HTTP/1.1 200 OK",
    hint="`make status` tells the reasons, which the admin port has",
    needs=Needs.DEPLOYMENT,
)
def readyz(context: Context) -> Evidence:
    """Ask the ingest from the host."""
    response = context.http.call("GET", "/readyz")
    expect(response.status == 200, expected="200", found=response.status)  # noqa: PLR2004  HTTP
    return Evidence("200")


@check(
    "pipeline.consumer-ready",
    "The bidding logic is healthy and ready.",
    by_hand=(
        "kubectl get --raw /api/v1/namespaces/rtb/services/bidding-logic-service:http/proxy/readyz",
    ),
    expected="a body without reasons, no error",
    hint="`kubectl --namespace rtb logs deploy/bidding-logic-service`",
    needs=Needs.DEPLOYMENT,
)
def consumer_ready(context: Context) -> Evidence:
    """Fetch both pages from a pod; kubectl fails on any status but 200."""
    pod_page(context, CONSUMER_APP, "/healthz")
    return Evidence(pod_page(context, CONSUMER_APP, "/readyz").strip())


@check(
    "pipeline.accepts",
    "A valid bid request gets 202 with the position of its record.",
    by_hand=(f"{POST} --data-binary @samples/site.json",),
    expected='202 ACCEPTED and {"id", "status": "accepted", "topic", "partition", "offset"}',
    hint="a 400 lists the broken rules; a 503 says what Kafka lacks",
    needs=Needs.DEPLOYMENT,
)
def accepts(context: Context) -> Evidence:
    """Post one bid request and read the answer's members."""
    bid_id = f"{context.run_id}-accepts"
    answer = accepted(context, bid_request(bid_id), _HEADERS)
    wanted = {"id": bid_id, "status": "accepted", "topic": REQUESTS}
    found = {name: answer.get(name) for name in wanted}
    expect(found == wanted, expected=f"{wanted}", found=found)
    partition, offset = position_of(answer)
    return Evidence(f"202, partition {partition}, offset {offset}")


@check(
    "pipeline.decision-written",
    "Each accepted bid request has its decision on bid_decisions, with the request's position.",
    by_hand=(
        (
            "kafka kafka-console-consumer.sh "
            "--topic bid_decisions --from-beginning --timeout-ms 5000 "
            "--formatter-property print.key=true"
        ),
    ),
    expected='the id, and {"version": 1, "request": {"id", "topic", "partition", "offset"}, ...}',
    hint="`python -m verification status` shows the consumer's lag",
    needs=Needs.DEPLOYMENT,
)
def decision_written(context: Context) -> Evidence:
    """Post one bid request and wait for the decision that is keyed alike."""
    bid_id = f"{context.run_id}-decision"
    start = context.topics.ends(DECISIONS)
    answer = accepted(context, bid_request(bid_id), _HEADERS)
    value = wait_for_record(context, start, bid_id).value or b""
    decision = _read(value)
    wanted = {name: answer[name] for name in ("id", "topic", "partition", "offset")}
    found = msgspec.to_builtins(decision.request)
    expect(found == wanted, expected=f"{wanted}", found=decision)
    expect(decision.response.id == bid_id, expected=bid_id, found=decision)
    return Evidence(f"strategy {decision.strategy}", {"decision": value.decode()})


def _read(value: bytes) -> decisions.DecisionValue:
    try:
        return decisions.read(value)
    except ValueError as error:
        raise NotAsPromisedError(
            expected="a decision by its schema", found=f"{error}: {value[:200]!r}"
        ) from error


@check(
    "pipeline.consumer-logs-position",
    "The consumer logs each id with the topic, partition and offset of its record.",
    by_hand=("kubectl --namespace rtb logs deploy/bidding-logic-service | grep 'bid decided'",),
    expected='{"event": "bid decided", "id", "topic", "partition", "offset", "decision", ...}',
    hint="LOG_LEVEL must be INFO",
    needs=Needs.DEPLOYMENT,
)
def consumer_logs_position(context: Context) -> Evidence:
    """Post one bid request and wait for the log line with its id."""
    # unlike that of an earlier round of the same run
    bid_id = f"{context.run_id}-logged-{context.clock.monotonic():.0f}"
    answer = accepted(context, bid_request(bid_id), _HEADERS)
    line = find_line(context, CONSUMER_APP, bid_id, "bid decided")
    wanted = {name: answer[name] for name in ("id", "topic", "partition", "offset")}
    found = {name: line.get(name) for name in wanted}
    expect(found == wanted, expected=f"{wanted}", found=line)
    shown = f"decision {line.get('decision')}, {line.get('latency_ms')} ms"
    return Evidence(shown, {"line": f"{line}"})


CHECKS = (healthz, readyz, consumer_ready, accepts, decision_written, consumer_logs_position)
