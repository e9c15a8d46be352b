"""Posting bid requests and following them through the topics and the logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from verification.checklist.support.check import NotAsPromisedError, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import pods_of
from verification.cluster.pods import name_of
from verification.traffic.topics import Offsets, Record

POST = "curl --include http://localhost:8080/bid --header 'content-type: application/json'"
_SEEN_WITHIN_S = 30.0
_ACCEPTED = 202


def odd_bid(bid_id: str) -> bytes:
    """Return a valid bid request whose bytes no JSON encoder would write."""
    text = (
        '{ "imp" :[ {"banner":{},\t"id":"1"}],\r\n"ext":{"caf\u00e9":"\\u00e9\\/\U0001f600"},'
        f'"tmax":1E2 ,"site":{{}},"id":"{bid_id}"\n}}  '
    )
    return text.encode()


def accepted(context: Context, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Post a bid request that must be accepted; return the answer's members."""
    response = context.http.call("POST", "/bid", body, headers)
    found = f"{response.status}: {response.body[:300]!r}"
    expect(response.status == _ACCEPTED, expected="202", found=found)
    return response.json


def position_of(answer: Mapping[str, Any]) -> tuple[int, int]:
    """Return the partition and offset that an answer names."""
    partition, offset = answer.get("partition"), answer.get("offset")
    if not (isinstance(partition, int) and isinstance(offset, int)):
        raise NotAsPromisedError(expected="partition and offset", found=str(answer))
    return partition, offset


def record_at(context: Context, answer: Mapping[str, Any]) -> Record:
    """Return the record at the position that an answer names."""
    partition, offset = position_of(answer)
    found = context.topics.read({str(answer["topic"]): {str(partition): offset}})
    record = next((item for item in found if item.offset == offset), None)
    if record is None:
        raise NotAsPromisedError(expected=f"a record at {partition}/{offset}", found="none")
    return record


def wait_for_record(context: Context, start: Offsets, bid_id: str) -> Record:
    """Wait for the record keyed by `bid_id` from `start` on."""
    return _wait(context, start, f"a record keyed {bid_id}", lambda item: item.id == bid_id)


def dead_letters_of(context: Context, start: Offsets, value: bytes) -> Record:
    """Wait for the record with that value from `start` on."""
    return _wait(context, start, f"a record {value!r}", lambda item: item.value == value)


def _wait(context: Context, start: Offsets, what: str, wanted: Callable[[Record], bool]) -> Record:
    seen: list[Record] = []

    def blocked_by() -> str | None:
        found = context.topics.read(start)
        seen.extend(filter(wanted, found))
        return None if seen else f"{len(found)} other records since"

    context.waiter.until(what, blocked_by, within=_SEEN_WITHIN_S)
    return seen[0]


def find_line(context: Context, app: str, bid_id: str, event: str) -> dict[str, Any]:
    """Wait until a pod of `app` has logged `event` with that id; return the line."""
    seen: list[dict[str, Any]] = []

    def blocked_by() -> str | None:
        for pod in pods_of(context, app):
            container = pod["spec"]["containers"][0]["name"]
            printed = context.kubectl.logs(name_of(pod), container, tail=5000)
            seen.extend(_events(printed, bid_id, event))
        return None if seen else f"no line `{event}` with id {bid_id} in the log of {app}"

    context.waiter.until(f"{event} {bid_id}", blocked_by, within=_SEEN_WITHIN_S)
    return seen[0]


def _events(printed: str, bid_id: str, event: str) -> list[dict[str, Any]]:
    found = []
    for line in printed.splitlines():
        if bid_id in line and event in line:
            fields = json.loads(line)
            if fields.get("id") == bid_id and fields.get("event") == event:
                found.append(fields)
    return found
