"""One bid request on its way through both services, followed by what they write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.conftest import StartIngest
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually
from verification.project import ROOT

pytestmark = [pytest.mark.timing, pytest.mark.promise("observable")]

BID = (ROOT / "samples" / "banner.json").read_bytes()
Lines = list[dict[str, Any]]


def post_and_wait(
    start_ingest: StartIngest, pipeline: Pipeline, **environ: str
) -> tuple[Lines, Lines, list[str]]:
    """Post a request without a traceparent, and wait for its decision.

    Return what each service wrote, and the parts of the decision's traceparent.
    """
    to = {"KAFKA_TOPIC_BID_REQUESTS": pipeline.requests}
    with start_ingest(**to, **environ) as first, pipeline.consumer(**environ) as second:
        assert first.wait_until_ready().post(BID).status == 202
        eventually(lambda: second.logged("bid decided"), "the decision", 60)
    (record,) = pipeline.decided()
    traceparent = dict(record.headers)["traceparent"].decode()
    return first.log_lines(), second.lines(), traceparent.split("-")


def only(lines: Lines, event: str) -> Any:  # noqa: ANN401  a line of a log
    """Return the one line of an event."""
    (line,) = [line for line in lines if line["event"] == event]
    return line


def test_one_id_leads_from_the_request_to_the_decision(
    start_ingest: StartIngest, pipeline: Pipeline
) -> None:
    """By logs alone: the same trace in both of them, and on both records."""
    first, second, told = post_and_wait(start_ingest, pipeline)
    accepted, decided = only(first, "bid accepted"), only(second, "bid decided")
    assert len(accepted["trace_id"]) == 32
    assert accepted["trace_id"] == decided["trace_id"] == told[1]
    assert (decided["id"], decided["offset"]) == (accepted["id"], accepted["offset"])


def test_spans_follow_each_other(start_ingest: StartIngest, pipeline: Pipeline) -> None:
    """Switched on, each service tells of its part, and the decision is the last one's child."""
    first, second, told = post_and_wait(start_ingest, pipeline, TRACING="console")
    send, process = only(first, "span"), only(second, "span")
    assert send["name"] == f"send {pipeline.requests}"
    assert process["name"] == f"process {pipeline.requests}"
    traces = {span["context"]["trace_id"] for span in (send, process)}
    assert traces == {f"0x{only(first, 'bid accepted')['trace_id']}"}
    assert process["parent_id"] == send["context"]["span_id"]
    assert process["context"]["span_id"] == f"0x{told[2]}"
