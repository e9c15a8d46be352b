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

from tests.support.fakes.harness_objects import items, pod
from tests.support.fakes.harness_runner import FakeRunner
from tests.support.fakes.harness_slow_member import FakeSlowMember
from verification.cluster.tools.process import Result
from verification.traffic.http import Response

_ACCEPTED = 202
_CONSUMED = "bid_requests"
_GROUP = "bidding-logic"
_LINE = '{"event": "e", "timestamp": "t", "level": "info", "service": "kafka"}'
Row = dict[str, Any]


@dataclass
class FakeDeployment:
    """Ingest, topics, bidding logic and their logs. `faults` are the names of what is broken."""

    faults: set[str] = field(default_factory=set)
    limit: int = 262_144
    answered: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)
    topics: dict[str, list[Row]] = field(
        default_factory=lambda: {"bid_requests": [], "bid_decisions": [], "bid_requests.dlq": []}
    )
    logs: dict[str, list[str]] = field(
        default_factory=lambda: {
            "bid-request-handler": [],
            "bidding-logic-service": [],
            "kafka": ["===> Using provided cluster id", _LINE],
            "kafka-topics": [_LINE],
        }
    )

    def __post_init__(self) -> None:
        """Have a check's own member suffer from the same faults."""
        self.slow = FakeSlowMember(self.faults)

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
            return self._page(path.strip("/"))
        with self._lock:
            answer = self._bid(body, dict(headers or {}))
            self.answered["accepted" if answer.status == _ACCEPTED else "refused"] += 1
            return answer

    def _page(self, name: str) -> Response:
        if name not in {"healthz", "readyz"}:
            return _answer(200 if f"public {name}" in self.faults else 404, {})
        told = {"reasons": ["kafka: away"]} if "public reasons" in self.faults else {}
        return _answer(503 if name in self.faults else 200, {"status": "x", **told})

    def _bid(self, body: bytes, headers: dict[str, str]) -> Response:
        refusal = self._refusal(body, headers)
        if refusal is not None and "takes anything" not in self.faults:
            if "leaks refused" in self.faults:
                self._append(_CONSUMED, b"x", body, {})
            return _answer(400 if "always 400" in self.faults else refusal, {"errors": "imp"})
        sometimes = "refuses some" in self.faults and self.answered.total() % 10 == 0
        if "refuses all" in self.faults or sometimes:
            return _answer(503, {"delivery": "unknown"})
        value = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        if "keeps gzip" in self.faults:
            value = body
        return self._accept(value, headers)

    def _refusal(self, body: bytes, headers: dict[str, str]) -> int | None:
        if headers.get("content-type") != "application/json":
            return 415
        if len(body) > self.limit:
            return 413
        if headers.get("content-encoding") != "gzip" and b"imp" not in body:
            return 400
        return None

    def _accept(self, value: bytes, headers: dict[str, str]) -> Response:
        bid_id = str(json.loads(gzip.decompress(value) if value[:1] == b"\x1f" else value)["id"])
        kept = {"content-type": "application/json", "received-at": "1", "traceparent": "a-b-c-d"}
        kept |= {
            key: headers[key] for key in ("x-openrtb-version", "traceparent") if key in headers
        }
        kept["received-at"] = str(self._now_ms())
        for name in self.faults & set(kept):
            del kept[name]
        if "encodes again" in self.faults:
            value = json.dumps(json.loads(value)).encode()
        key = b"other" if "wrong key" in self.faults else bid_id.encode()
        offset = self._append(_CONSUMED, key, value, kept)
        position = {"id": bid_id, "topic": _CONSUMED, "partition": 0, "offset": offset}
        if "loses some" in self.faults and offset % 10 == 0:
            self.topics[_CONSUMED][offset]["key"] = _base64(b"lost")
            return _answer(202, {**position, "status": "accepted"})
        self._log("bid-request-handler", "bid accepted", position, value)
        self._decide(position, value)
        self.slow.accept()
        answer = {**position, "status": "accepted"}
        if "no position" in self.faults:
            del answer["offset"]
        return _answer(202, answer)

    def _now_ms(self) -> int:
        return 0 if "wrong clock" in self.faults else int(time.time() * 1000)

    def _decide(self, position: Row, value: bytes) -> None:
        if "consumer stopped" in self.faults:
            return
        told = (
            {**position, "offset": position["offset"] + 1}
            if "wrong offset" in self.faults
            else position
        )
        decision = {
            "version": 2 if "unknown version" in self.faults else 1,
            "request": told,
            "strategy": "no_bid",
            "decided_at": 1,
            "response": {
                "id": "other" if "wrong response" in self.faults else position["id"],
                "nbr": 0,
            },
        }
        self._append("bid_decisions", position["id"].encode(), json.dumps(decision).encode(), {})
        self._log("bidding-logic-service", "bid decided", {**told, "decision": "no_bid"}, value)

    def _log(self, app: str, event: str, fields: Row, value: bytes) -> None:
        line = {"event": event, "timestamp": "t", "level": "info", "service": app, **fields}
        if "logs the device" in self.faults:
            line["device"] = value.decode(errors="replace")
        self.logs[app].append(json.dumps(line))
        if "prints" in self.faults:
            self.logs[app].append("hello from print()")

    def _append(self, topic: str, key: bytes, value: bytes, headers: Mapping[str, str]) -> int:
        offset = len(self.topics[topic])
        record = {
            "topic": topic,
            "partition": 0,
            "offset": offset,
            "timestamp": 0,
            "key": _base64(key),
            "value": _base64(value),
            "headers": [
                [name, base64.b64encode(v.encode()).decode()] for name, v in headers.items()
            ],
        }
        self.topics[topic].append(record)
        return offset

    def poison(self, text: str) -> None:
        """Put a record on the topic that the bidding logic cannot decide on."""
        self._append(_CONSUMED, b"", text.encode(), {})
        if "swallows poison" not in self.faults:
            names = ("dlq-reason", "dlq-stage", "dlq-topic", "dlq-partition", "dlq-offset")
            headers = {} if "bare dead letters" in self.faults else dict.fromkeys(names, "x")
            self._append("bid_requests.dlq", b"", text.encode(), headers)
        if "dies of poison" in self.faults:
            self.faults.add("consumer stopped")

    def runner(self) -> FakeRunner:
        """Return kubectl as it answers in front of this deployment."""
        runner = FakeRunner()
        for fault, app in (("kafka prints", "kafka"), ("the job prints", "kafka-topics")):
            self.logs[app] += ["Created topic"] if fault in self.faults else []
        runner.answer("get", "pods", with_=self._pods)
        runner.answer("get", "--raw", with_=lambda argv, _: self.page(argv))
        runner.answer("logs", with_=lambda argv, _: "\n".join(self.logs[_app(argv[-6:] + argv)]))
        runner.answer("exec", "python", with_=lambda argv, _: self.script(argv))
        runner.answer("exec", "/opt/kafka/bin/kafka-console-consumer.sh", with_=self._console)
        runner.answer("exec", "/opt/kafka/bin/kafka-console-producer.sh", with_=self._produce)
        return runner

    def _pods(self, argv: Sequence[str], _stdin: str) -> str:
        return json.dumps(items(pod(f"{_app(argv)}-1", app=_app(argv))))

    def page(self, argv: Sequence[str]) -> Result:
        """Answer a page of the bidding logic that the API server fetches."""
        broken = "consumer not ready" in self.faults
        return Result(tuple(argv), int(broken), '{"status": "ready"}', "503" if broken else "")

    def script(self, argv: Sequence[str]) -> str:
        """Answer as the topic script does."""
        request = json.loads(argv[-1])
        rows: list[Row] = []
        if request.get("group", _GROUP) != _GROUP:
            rows = self.slow.lag()
        elif request["do"] == "lag":
            behind = 7 if "lag stays" in self.faults else 0
            rows = [{"partition": 0, "lag": behind, "age_s": float(behind)}]
        if request["do"] == "ends":
            rows = [{"topic": t, "ends": {"0": len(self.topics[t])}} for t in request["topics"]]
        for topic, start in request.get("from", {}).items():
            rows += self.topics[topic][start["0"] :]
        return "\n".join(json.dumps(row) for row in (*rows, {"complete": True}))

    def _console(self, argv: Sequence[str], _stdin: str) -> str:
        record = self.topics[_CONSUMED][int(argv[argv.index("--offset") + 1])]
        plain = set(range(0x20, 0x7F)) - {ord("\\")}
        value = base64.b64decode(record["value"])
        return "".join(chr(byte) if byte in plain else f"\\x{byte:02X}" for byte in value) + "\n"

    def _produce(self, _argv: Sequence[str], stdin: str) -> str:
        self.poison(stdin.rstrip("\n"))
        return ""


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _app(argv: Sequence[str]) -> str:
    """Return the app that a command's selector or pod name tells."""
    text = " ".join(argv)
    apps = ("bid-request-handler", "bidding-logic-service", "kafka-topics", "kafka")
    return next(name for name in apps if f"name={name}" in text or f"{name}-1" in text)


def _answer(status: int, body: Row) -> Response:
    return Response(status, {}, json.dumps(body).encode(), 0.001)
