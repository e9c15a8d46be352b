"""Requests and decisions that a strategy or a sink can meet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from consumer.bidding.decision import Bid, Bids, NoBid
from consumer.bidding.decision_record import DecisionRecord, build_decision_record
from consumer.bidding.request import BidRequest, parse

_IMPRESSIONS: tuple[Any, ...] = (
    [{"id": "1"}],
    [{"id": "1", "bidfloor": 0.5}, {"id": "2", "bidfloor": 0.05, "bidfloorcur": "USD"}],
    [{"id": "1", "bidfloor": 0.5, "bidfloorcur": "JPY"}],
    [{"id": "1", "bidfloor": 1e300}, {"id": "2", "bidfloor": -1}, {"id": "3", "bidfloor": 10**400}],
    [{"id": "1", "bidfloor": "0.5"}, {"id": "2", "bidfloor": True}, {"id": "3", "bidfloor": None}],
    [{"id": "1", "pmp": {"private_auction": 1}}, {"id": "2", "pmp": {"private_auction": 0}}],
    [{"id": str(number)} for number in range(100)],
    [{"id": 1}, {}, None, "imp", []],
    [],
    {},
    "imp",
    None,
)
_CURRENCIES: tuple[Any, ...] = (None, [], ["USD"], ["JPY"], ["JPY", "USD"], "USD", [1])


@dataclass(frozen=True)
class SampleRecord:
    """A record as it lies on the topic of bid requests."""

    offset: int
    value: bytes | None
    key: bytes | None = b"r-1"
    headers: Sequence[tuple[str, bytes | None]] = ()
    topic: str = "bid_requests"
    partition: int = 0
    leader_epoch: int = 0
    timestamp: int = 1_700_000_000_000


def bodies() -> list[dict[str, Any]]:
    """Return bid requests: as they should be, and as they should not but can be."""
    return [
        {"id": f"r-{number}", "imp": imp, "cur": cur}
        for number, (imp, cur) in enumerate((i, c) for i in _IMPRESSIONS for c in _CURRENCIES)
    ]


def requests() -> list[BidRequest]:
    """Return the same as strategies see them."""
    return [parse(json.dumps(body).encode()) for body in bodies()]


def decisions() -> list[DecisionRecord]:
    """Return decisions of every kind, on requests with ids of their own."""
    bids = Bids((Bid("1", 0.25, "ad-1"), Bid("2", 1e-6, "größe")), "EUR")
    ids = ["r-1", "größe ☃ \U0001f600", 'quotes " and \\ and \n', "x" * 20_000]
    return [
        _build_sample(offset, bid_id, decision)
        for offset, (bid_id, decision) in enumerate((i, d) for i in ids for d in (bids, NoBid()))
    ]


def _build_sample(offset: int, bid_id: str, decision: Bids | NoBid) -> DecisionRecord:
    named = f"{bid_id}-{offset}"
    value = json.dumps({"id": named}).encode()
    headers = (("traceparent", None), ("received-at", b"1700000000000"))
    record = SampleRecord(offset, value, named.encode() if offset else None, headers)
    return build_decision_record(record, parse(value), decision, "sample", 1_700_000_000_001)
