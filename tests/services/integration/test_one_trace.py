"""One bid request on its way through both services, followed by what they write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import Kafka
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually
from verification.project import ROOT

pytestmark = pytest.mark.timing

BID = (ROOT / "samples" / "banner.json").read_bytes()


@pytest.fixture
def pipeline(kafka: Kafka, tmp_path: Path) -> Pipeline:
    """Make the three topics."""
    return Pipeline.made(kafka.bootstrap_servers, tmp_path)


def ingest(pipeline: Pipeline, **environ: str) -> IngestProcess:
    """Prepare the ingest of this pipeline."""
    return IngestProcess(
        pipeline.logs / "ingest.log",
        **{
            "KAFKA_BROKERS": pipeline.brokers,
            "KAFKA_TOPIC_BID_REQUESTS": pipeline.requests,
            **PATIENT,
            **environ,
        },
    )


def post_and_wait(pipeline: Pipeline, **environ: str) -> tuple[list[Any], list[Any]]:
    """Post one request, wait for its decision, and return what each service wrote."""
    with ingest(pipeline, **environ) as first, pipeline.consumer(**environ) as second:
        assert first.wait_until_ready().post(BID).status == 202
        eventually(lambda: second.logged("bid decided"), "the decision", 60)
    return first.log_lines(), second.lines()


def only(lines: list[Any], event: str) -> Any:  # noqa: ANN401  a line of a log
    """Return the one line of an event."""
    (line,) = [line for line in lines if line["event"] == event]
    return line


class TestOneTrace:
    """The client gives no traceparent: the ingest makes one."""

    def test_one_id_leads_from_the_request_to_the_decision(self, pipeline: Pipeline) -> None:
        """By logs alone: the same trace in both of them, and on both records."""
        first, second = post_and_wait(pipeline)
        accepted, decided = only(first, "bid accepted"), only(second, "bid decided")
        trace = accepted["trace_id"]
        assert len(trace) == 32
        assert (decided["trace_id"], decided["id"]) == (trace, accepted["id"])
        assert decided["offset"] == accepted["offset"]
        (record,) = pipeline.decided()
        assert dict(record.headers)["traceparent"].decode().split("-")[1] == trace

    def test_spans_follow_each_other(self, pipeline: Pipeline) -> None:
        """Switched on, each service tells of its part, and the decision is the last one's child."""
        first, second = post_and_wait(pipeline, TRACING="console")
        send, process = only(first, "span"), only(second, "span")
        assert send["name"] == f"send {pipeline.requests}"
        assert process["name"] == f"process {pipeline.requests}"
        traces = {span["context"]["trace_id"] for span in (send, process)}
        assert traces == {f"0x{only(first, 'bid accepted')['trace_id']}"}
        assert process["parent_id"] == send["context"]["span_id"]
        (record,) = pipeline.decided()
        span_id = dict(record.headers)["traceparent"].decode().split("-")[2]
        assert f"0x{span_id}" == process["context"]["span_id"]
