"""Posting bid requests and following them through the topics and the logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from verification.checklist.support.check import expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import pods_of
from verification.cluster.pods import name_of
from verification.traffic.topics import Offsets, Record

POST = "curl --include http://localhost:8080/bid --header 'content-type: application/json'"
POSITION = ("id", "topic", "partition", "offset")
_SEEN_WITHIN_S = 30.0
_ACCEPTED = 202
_Seen = TypeVar("_Seen")


def accepted(context: Context, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Post a bid request that must be accepted; return the answer's members, with a position."""
    response = context.http.call("POST", "/bid", body, headers)
    found = f"{response.status}: {response.body[:300]!r}"
    expect(response.status == _ACCEPTED, expected="202", found=found)
    answer = response.json
    placed = all(isinstance(answer.get(name), int) for name in ("partition", "offset"))
    expect(placed, expected="partition and offset", found=answer)
    return answer


def record_at(context: Context, answer: Mapping[str, Any]) -> Record:
    """Return the record at the position that an answer names."""
    partition, offset = answer["partition"], answer["offset"]
    found = context.topics.read({str(answer["topic"]): {str(partition): offset}})
    records = [item for item in found if item.offset == offset]
    expect(bool(records), expected=f"a record at {partition}/{offset}", found="none")
    return records[0]


def headers_of(record: Record) -> dict[str, str]:
    """Return a record's headers as text."""
    return {name: (value or b"").decode() for name, value in record.headers.items()}


def wait_for_record(
    context: Context, start: Offsets, what: str, wanted: Callable[[Record], bool]
) -> Record:
    """Wait for a record from `start` on that is wanted."""

    def look() -> tuple[list[Record], str]:
        found = context.topics.read(start)
        return [item for item in found if wanted(item)], f"{len(found)} other records since"

    return _first_seen(context, f"a record {what}", look)


def find_line(context: Context, app: str, bid_id: str, event: str) -> dict[str, Any]:
    """Wait until a pod of `app` has logged `event` with that id; return the line."""

    def look() -> tuple[list[dict[str, Any]], str]:
        lines = [line for line in log_lines(context, app) if bid_id in line and event in line]
        parsed = [json.loads(line) for line in lines]
        found = [x for x in parsed if x.get("id") == bid_id and x.get("event") == event]
        return found, f"no line `{event}` with id {bid_id} in the log of {app}"

    return _first_seen(context, f"{event} {bid_id}", look)


def log_lines(context: Context, app: str) -> list[str]:
    """Return the last lines that the containers of an app have logged."""
    return [
        line
        for pod in pods_of(context, app)
        for container in pod["spec"]["containers"]
        for line in context.kubectl.logs(name_of(pod), container["name"], tail=5000).splitlines()
    ]


def _first_seen(context: Context, what: str, look: Callable[[], tuple[list[_Seen], str]]) -> _Seen:
    """Look until there is something; return the first of it."""
    seen: list[_Seen] = []

    def blocked_by() -> str | None:
        found, lacking = look()
        seen.extend(found)
        return None if seen else lacking

    context.waiter.until(what, blocked_by, within=_SEEN_WITHIN_S)
    return seen[0]
