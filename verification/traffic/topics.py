"""The topics, read to their end from where Kafka can be reached."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from verification.cluster.pods import is_ready, name_of
from verification.cluster.tools.kubectl import Kubectl
from verification.errors import ToolFailedError, ToolOutputError

REQUESTS = "bid_requests"
DECISIONS = "bid_decisions"
DEAD_LETTERS = "bid_requests.dlq"
GROUP = "bidding-logic"
_READER = "app.kubernetes.io/name=bidding-logic-service"
_TIMEOUT_S = 60.0

Offsets = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Record:
    """One record with its position; `timestamp` in epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes | None]

    @property
    def id(self) -> str:
        """The bid request id that the record is keyed by."""
        return (self.key or b"").decode("utf-8", errors="replace")


class Python(Protocol):
    """A Python that has kafka-python, may reach Kafka and has its address as KAFKA_BROKERS."""

    def run(self, script: str, argument: str) -> str:
        """Run a script and return what it printed; HarnessError when it fails."""


class PodPython:
    """The Python in a pod of the bidding logic: it may reach Kafka, few others may."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def run(self, script: str, argument: str) -> str:
        """Run the script in the first pod that is ready."""
        command = ["python", "-", argument]
        result = self._kubectl.exec(self._pod(), command, timeout=_TIMEOUT_S, stdin=script)
        return result.checked().stdout

    def _pod(self) -> str:
        ready = [pod for pod in self._kubectl.list("pods", selector=_READER) if is_ready(pod)]
        if not ready:
            message = f"no pod with {_READER} is ready to read the topics from"
            raise ToolFailedError(message)
        return name_of(ready[0])


class Topics:
    """Asks the topic script."""

    def __init__(self, python: Python) -> None:
        self._python = python

    def ends(self, *topics: str) -> Offsets:
        """Return each topic's end offset by partition."""
        return {row["topic"]: row["ends"] for row in self._ask({"do": "ends", "topics": topics})}

    def read(self, start: Offsets) -> list[Record]:
        """Return the records from `start` to the end."""
        return [_record(row) for row in self._ask({"do": "read", "from": start})]

    def lag(self, topic: str = REQUESTS, group: str = GROUP) -> list[dict[str, Any]]:
        """Return `partition`, `lag` (records) and `age_s` of the oldest one not yet consumed."""
        return self._ask({"do": "lag", "topic": topic, "group": group})

    def _ask(self, request: Mapping[str, object]) -> list[dict[str, Any]]:
        script = Path(__file__).with_name("topic_script.py").read_text(encoding="utf-8")
        return _rows(self._python.run(script, json.dumps(request)))


def _rows(printed: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = [json.loads(line) for line in printed.splitlines()]
    except ValueError as error:
        message = f"the topic script printed something else than JSON: {printed[:200]!r}"
        raise ToolOutputError(message) from error
    if not rows or rows[-1] != {"complete": True}:
        message = f"the topic script's output ends in the middle, after {len(rows)} lines"
        raise ToolOutputError(message)
    return rows[:-1]


def _record(row: Mapping[str, Any]) -> Record:
    return Record(
        row["topic"],
        row["partition"],
        row["offset"],
        row["timestamp"],
        _bytes(row["key"]),
        _bytes(row["value"]),
        {name: _bytes(value) for name, value in row["headers"]},
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
