"""The whole deployment in memory, as the harness sees it, with faults that can be switched on."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from tests.support.fakes.harness_api import INGEST, KAFKA, LOGIC
from tests.support.fakes.harness_objects import pod
from verification.traffic.http import Response
from verification.traffic.topics import DEAD_LETTERS, DECISIONS, GROUP, REQUESTS

_LINE = '{"event": "e", "timestamp": "t", "level": "info", "service": "kafka"}'
_DONE_BETWEEN_LOOKS = 30
_DLQ_HEADERS = ("dlq-reason", "dlq-stage", "dlq-topic", "dlq-partition", "dlq-offset")
Object = dict[str, Any]


@dataclass
class FakeSlowMember:
    """The slow bidding logic of a check: works on each time that Kafka is asked for its lag."""

    faults: set[str]
    waiting: int = 0
    made: dict[str, Object] = field(default_factory=dict)
    _first_shown: int = 0
    _readings: int = 0
    _read: int = 0

    def create(self, created: Object) -> Object:
        """Keep what is created by its kind, and return the pod as it runs."""
        self.made = {item["kind"]: item for item in created["items"]}
        name = self.made["Pod"]["metadata"]["name"]
        crashing = "slow one crashes" in self.faults
        return pod(name, app="kafka-topics", waiting="CrashLoopBackOff" if crashing else "")

    def lag(self) -> list[Object]:
        behind = self.waiting
        if "never worked off" not in self.faults:
            self.waiting = max(0, behind - _DONE_BETWEEN_LOOKS)
        return [{"partition": 0, "lag": behind, "age_s": float(behind)}]

    def page(self) -> str:
        """Return the gauges, which were read when they were last asked for, and read them anew."""
        shown = 0 if "gauge stands at 0" in self.faults else self._read
        self._read = self.waiting
        self._first_shown = self._first_shown or shown
        if "gauge stands still" in self.faults:
            shown = self._first_shown
        if "no gauge" in self.faults:
            return ""
        self._readings += "gauge is not read" not in self.faults
        seconds = 0.0 if "no seconds" in self.faults else shown / 10
        gauges = {"consumer_lag_messages": shown, "consumer_lag_seconds": seconds}
        lines = [f'{name}{{partition="0"}} {value}\n' for name, value in gauges.items()]
        return "".join([*lines, f"consumer_lag_readings_total {self._readings}\n"])


@dataclass
class FakeDeployment:
    """Ingest, topics, bidding logic and their logs. `faults` are the names of what is broken."""

    faults: set[str] = field(default_factory=set)
    limit: int = 262_144
    answered: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)
    topics: dict[str, list[Object]] = field(
        default_factory=lambda: {name: [] for name in (REQUESTS, DECISIONS, DEAD_LETTERS)}
    )

    def __post_init__(self) -> None:
        """Have a check's own member suffer from the same faults."""
        self.slow = FakeSlowMember(self.faults)
        launched = ["===> Using provided cluster id", _LINE]
        self.logs = {INGEST: [_LINE], LOGIC: [_LINE], KAFKA: launched, "kafka-topics": [_LINE]}

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Response:
        """Answer as the ingest does."""
        assert timeout > 0
        if method == "GET":
            return self._get(path.strip("/"))
        with self._lock:
            answer = self._bid(body, dict(headers or {}))
            self.answered["accepted" if answer.status == 202 else "refused"] += 1
            return answer

    def _get(self, name: str) -> Response:
        if name not in {"healthz", "readyz"}:
            return _answer(200 if f"public {name}" in self.faults else 404, {})
        told = {"reasons": ["kafka: away"]} if "public reasons" in self.faults else {}
        return _answer(503 if name in self.faults else 200, {"status": "x", **told})

    def _bid(self, body: bytes, headers: dict[str, str]) -> Response:
        status = self._refused_with(body, headers)
        if status is not None and "takes anything" not in self.faults:
            if "leaks refused" in self.faults:
                self._append(REQUESTS, b"x", body, {})
            return _answer(400 if "always 400" in self.faults else status, {"errors": "imp"})
        sometimes = "refuses some" in self.faults and self.answered.total() % 10 == 0
        if "refuses all" in self.faults or sometimes:
            return _answer(503, {"delivery": "unknown"})
        packed = headers.get("content-encoding") == "gzip" and "keeps gzip" not in self.faults
        return self._accept(gzip.decompress(body) if packed else body, headers)

    def _refused_with(self, body: bytes, headers: dict[str, str]) -> int | None:
        if headers.get("content-type") != "application/json":
            return 415
        if len(body) > self.limit:
            return 413
        bare = headers.get("content-encoding") != "gzip" and b"imp" not in body
        return 400 if bare else None

    def _accept(self, value: bytes, headers: dict[str, str]) -> Response:
        bid_id = str(json.loads(gzip.decompress(value) if value[:1] == b"\x1f" else value)["id"])
        now_ms = 0 if "wrong clock" in self.faults else int(time.time() * 1000)
        kept = {"received-at": str(now_ms), "traceparent": "a-b-c-d", **headers}
        kept = {name: kept[name] for name in kept if name not in self.faults}
        if "encodes again" in self.faults:
            value = json.dumps(json.loads(value)).encode()
        key = b"other" if "wrong key" in self.faults else bid_id.encode()
        offset = self._append(REQUESTS, key, value, kept)
        position = {"id": bid_id, "topic": REQUESTS, "partition": 0, "offset": offset}
        if "loses some" in self.faults and offset % 10 == 0:
            self.topics[REQUESTS][offset]["key"] = _base64(b"lost")
        else:
            self._log(INGEST, "bid accepted", position, value)
            self._decide(position, value)
            self.slow.waiting += "slow one reads nothing" not in self.faults
        answer = {**position, "status": "accepted"}
        if "no position" in self.faults:
            del answer["offset"]
        return _answer(202, answer)

    def _decide(self, position: Object, value: bytes) -> None:
        if "consumer stopped" in self.faults:
            return
        told = {**position, "offset": position["offset"] + ("wrong offset" in self.faults)}
        answered = "other" if "wrong response" in self.faults else position["id"]
        decision = {
            "version": 2 if "unknown version" in self.faults else 1,
            "request": told,
            "strategy": "no_bid",
            "decided_at": 1,
            "response": {"id": answered, "nbr": 0},
        }
        self._append(DECISIONS, position["id"].encode(), json.dumps(decision).encode(), {})
        self._log(LOGIC, "bid decided", {**told, "decision": "no_bid"}, value)

    def _log(self, app: str, event: str, fields: Object, value: bytes) -> None:
        line = {"event": event, "timestamp": "t", "level": "info", "service": app, **fields}
        if "logs the device" in self.faults:
            line["device"] = value.decode(errors="replace")
        self.logs[app].append(json.dumps(line))

    def _append(self, topic: str, key: bytes, value: bytes, headers: Mapping[str, str]) -> int:
        offset = len(self.topics[topic])
        record = {"topic": topic, "partition": 0, "offset": offset, "timestamp": 0}
        record |= {"key": _base64(key), "value": _base64(value)}
        record["headers"] = [[name, _base64(text.encode())] for name, text in headers.items()]
        self.topics[topic].append(record)
        return offset

    def script(self, argv: Sequence[str]) -> str:
        """Answer as the topic script does."""
        request = json.loads(argv[-1])
        rows: list[Object] = []
        if request.get("group", GROUP) != GROUP:
            rows = self.slow.lag()
        elif request["do"] == "lag":
            behind = 7 if "lag stays" in self.faults else 0
            rows = [{"partition": 0, "lag": behind, "age_s": float(behind)}]
        if request["do"] == "ends":
            rows = [{"topic": t, "ends": {"0": len(self.topics[t])}} for t in request["topics"]]
        for topic, start in request.get("from", {}).items():
            rows += self.topics[topic][start["0"] :]
        return "\n".join(json.dumps(row) for row in (*rows, {"complete": True}))

    def consume(self, argv: Sequence[str], _stdin: str) -> str:
        """Print a value as Kafka's console consumer does."""
        record = self.topics[REQUESTS][int(argv[argv.index("--offset") + 1])]
        plain = set(range(0x20, 0x7F)) - {ord("\\")}
        value = base64.b64decode(record["value"])
        return "".join(chr(byte) if byte in plain else f"\\x{byte:02X}" for byte in value) + "\n"

    def produce(self, _argv: Sequence[str], stdin: str) -> str:
        """Put a record on the topic that the bidding logic cannot decide on."""
        value = stdin.rstrip("\n").encode()
        self._append(REQUESTS, b"", value, {})
        if "swallows poison" not in self.faults:
            headers = {} if "bare dead letters" in self.faults else dict.fromkeys(_DLQ_HEADERS, "x")
            self._append(DEAD_LETTERS, b"", value, headers)
        if "dies of poison" in self.faults:
            self.faults.add("consumer stopped")
        return ""


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _answer(status: int, body: Object) -> Response:
    return Response(status, {}, json.dumps(body).encode(), 0.001)
