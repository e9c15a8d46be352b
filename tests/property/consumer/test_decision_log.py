"""The log's line on a decision is the one that the log itself would have written."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.logs import LogSettings, configure_logs, get_logger
from consumer.bidding.decision import Bid, Bids, NoBid
from consumer.bidding.decision_record import DecisionRecord
from consumer.bidding.request import BidRequest
from consumer.kafka.record import read_headers
from consumer.processing.decision_log import DecisionLog
from consumer.runtime import Clock
from consumer.testing.samples import SampleRecord

pytestmark = pytest.mark.promise("counted")

SERVICE = "bidding-logic-service"
JSON = LogSettings("INFO", "json")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())

# halves of surrogate pairs as well: the name of a strategy is anybody's
text = st.text(max_size=20) | st.sampled_from(['"\n\x1b[2J\\', "größe", "\U0001f600", "\ud800"])
offsets = st.integers(0, 2**63 - 1)
outcomes = st.sampled_from([NoBid(), Bids((Bid("1", 1.0, "ad"),))])


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put the global state of the logs back."""
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield
    structlog.reset_defaults()
    root.handlers, root.level = before
    logging.getLogger("kafka").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)


def through_the_log(outcome: DecisionRecord, latency_ms: int | None, trace_id: str | None) -> str:
    """Return what structlog's own way makes of a decision."""
    stream = io.StringIO()
    configure_logs(SERVICE, JSON, stream)
    get_logger().info(
        "bid decided",
        id=outcome.request.id,
        topic=outcome.record.topic,
        partition=outcome.record.partition,
        offset=outcome.record.offset,
        decision=outcome.outcome,
        strategy=outcome.strategy,
        latency_ms=latency_ms,
        trace_id=trace_id,
    )
    return stream.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text, text, offsets, offsets, outcomes, text, st.none() | st.integers(), st.booleans())
def test_the_line_is_the_same(  # noqa: PLR0913, PLR0917  the members of a line
    bid_id: str,
    topic: str,
    partition: int,
    offset: int,
    decision: Bids | NoBid,
    strategy: str,
    latency_ms: int | None,
    traced: bool,  # noqa: FBT001  drawn
) -> None:
    """Byte for byte, whatever the ids are: members, their order, spaces and escapes."""
    headers = (TRACEPARENT,) if traced else ()
    record = SampleRecord(offset, b"", None, headers, topic, partition)
    request = BidRequest(bid_id, b"")
    outcome = DecisionRecord(record, request, decision, strategy, 0, b"", read_headers(record))
    expected = through_the_log(outcome, latency_ms, TRACE if traced else None)
    at_s = datetime.fromisoformat(json.loads(expected)["timestamp"]).timestamp()
    stream = io.StringIO()
    log = DecisionLog(JSON, SERVICE, stream, Clock(wall=lambda: at_s))
    log.note(outcome, latency_ms)
    log.flush()
    assert stream.getvalue() == expected
