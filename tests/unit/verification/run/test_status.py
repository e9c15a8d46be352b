"""`status`: what it tells of a deployment that is well, and of each way in which it is not."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from common.settings import read
from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.harness_objects import deployment, items, pod
from tests.support.fakes.harness_runner import FakeRunner
from tests.support.fakes.harness_stubs import Stubs
from tests.support.fakes.http_answers import Answer, HttpAnswers
from tests.support.fakes.local_units import Terminal
from tests.support.ports import free_settings
from verification.checklist.support.context import Context
from verification.checklist.support.host import LocalHost
from verification.cli import Console, main
from verification.cluster.waiting import SilentProgress
from verification.commands import status as status_command
from verification.commands.status import inquiry_of, to_json, to_text, watch
from verification.errors import HarnessError
from verification.run.ports import free_port
from verification.run.status.cluster_state import ClusterInquiry
from verification.run.status.local_state import LocalInquiry
from verification.run.status.state import Account, PartitionLag, Status, trend
from verification.settings import HarnessSettings
from verification.traffic.http import IngestHttp

pytestmark = pytest.mark.timing

_VALUE = {
    "version": 1,
    "request": {"id": "b-1", "topic": "bid_requests", "partition": 1, "offset": 7},
    "strategy": "fixed_price",
    "decided_at": 1_767_323_045_000,
    "response": {
        "id": "b-1",
        "seatbid": [{"bid": [{"id": "1", "impid": "1", "price": 0.5, "crid": "ad"}]}],
        "cur": "USD",
    },
}
_DEFAULTS = ("bid_requests", "bid_decisions", "bid_requests.dlq", "bidding-logic")
_NAMES = (
    "KAFKA_TOPIC_BID_REQUESTS",
    "KAFKA_TOPIC_BID_DECISIONS",
    "KAFKA_TOPIC_DEAD_LETTERS",
    "KAFKA_CONSUMER_GROUP",
)
_COMMON = {"KAFKA_BROKERS": "kafka:9092", "KAFKA_SASL_PASSWORD_FILE": "/in/the/pod/alone"}
Lag = tuple[int, int, float]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _record(offset: int, value: bytes) -> dict[str, object]:
    """Return a row of the topic script: a decision's record."""
    at = 1_767_323_045_000 + offset
    row = {"topic": "bid_decisions", "partition": 1, "offset": offset, "timestamp": at}
    return {**row, "key": _text(b"b-1"), "value": _text(value), "headers": []}


def answers(
    *lag: Lag, decision: bytes = b"", names: tuple[str, ...] = _DEFAULTS
) -> Callable[[Sequence[str], str], str]:
    """Answer as the topic script does of these topics and this group, and of no others."""
    decisions = [_record(7, decision or json.dumps(_VALUE).encode()), _record(6, b"{}")]
    *topics, group = names
    rows: dict[str, list[dict[str, object]]] = {
        "ends": [{"topic": name, "ends": {"0": 4, "1": 1000}} for name in topics],
        "lag": [{"partition": part, "lag": n, "age_s": age} for part, n, age in lag],
        "read": decisions,
    }

    def answer(argv: Sequence[str], _stdin: str) -> str:
        request = json.loads(argv[-1])
        do = request.pop("do")
        assert (
            request
            == {
                "ends": {"topics": topics},
                "lag": {"topic": topics[0], "group": group},
                "read": {"from": {topics[1]: {"0": 1, "1": 997}}},
            }[do]
        )
        return "\n".join(map(json.dumps, [*rows[do], {"complete": True}]))

    return answer


def configure(runner: FakeRunner, **data: str) -> None:
    """Let the bidding logic be deployed with two ConfigMaps, the second of which has `data`."""
    maps = [{"configMapRef": {"name": name}} for name in ("common", "own")]
    secret = {"secretRef": {"name": "password"}}
    spec = {"containers": [{"envFrom": [*maps, secret]}]}
    runner.answer("get", "deployment", with_={"spec": {"template": {"spec": spec}}})
    runner.answer("get", "configmap", "common", with_={"data": _COMMON})
    runner.answer("get", "configmap", "own", with_={"data": data})


@pytest.fixture
def runner() -> FakeRunner:
    """Answer as a deployment that is well."""
    runner = FakeRunner()
    configure(runner)
    runner.answer("get", "deployments,statefulsets,jobs", with_=items(deployment("web")))
    runner.answer("get", "pods", with_=items(pod("logic-1", app="bidding-logic-service")))
    runner.answer("exec", with_=answers((0, 0, 0.0), (1, 3, 1.5)))
    return runner


@pytest.fixture
def inquiry(runner: FakeRunner, tmp_path: Path) -> ClusterInquiry:
    """Ask that deployment."""
    settings = read(HarnessSettings, {})
    tools = (runner, FakeClock(), SilentProgress(), LocalHost(), IngestHttp(1))
    return ClusterInquiry(Context(tmp_path, settings, *tools, run_id="v1"))


class TestWell:
    """A deployment that is well."""

    def test_text(self, inquiry: ClusterInquiry) -> None:
        """Workloads, topics, the lag of each partition and the newest decisions are told."""
        text = to_text(inquiry.status())
        assert text.startswith("cluster rtb")
        assert "✓ deployment/web" in text
        assert "  bid_requests                   2    1,004" in text
        assert "lag: 3 messages, 1.5 s\n" in text
        assert "          1         3      1.5" in text
        assert "03:04:05.006+00:00  unknown by unknown for b-1 (unknown)\n  2026-01-02T" in text
        assert "03:04:05.007+00:00  bid by fixed_price for b-1 (bid_requests/1/7)\n" in text
        assert "no open problems" in text

    def test_json(self, inquiry: ClusterInquiry) -> None:
        """A program gets the same."""
        found = json.loads(to_json(inquiry.status()))
        assert found["workloads"] == [
            {"name": "deployment/web", "well": True, "state": "available"}
        ]
        assert found["account"]["lag"][1] == {"partition": 1, "messages": 3, "seconds": 1.5}
        assert (found["lag_messages"], found["lag_seconds"]) == (3, 1.5)
        assert found["account"]["decisions"][1]["id"] == "b-1"
        assert found["account"]["topics"][0]["records"] == 1004
        assert found["problems"] == []


class TestNames:
    """Topics and group are those that the deployment is configured with."""

    def test_of_the_config_maps(self, inquiry: ClusterInquiry, runner: FakeRunner) -> None:
        """Whatever the ConfigMaps call them is asked for and told."""
        names = ("bids", "answers", "given-up", "ours")
        configure(runner, **dict(zip(_NAMES, names, strict=True)))
        runner.answer("exec", with_=answers((0, 3, 1.5), names=names))
        assert inquiry.behind() == 3
        status = inquiry.status()
        assert status.problems == ()
        assert [topic.name for topic in status.account.topics] == ["bids", "answers", "given-up"]

    def test_that_cannot_be(self, inquiry: ClusterInquiry, runner: FakeRunner) -> None:
        """A name that is none is a problem, and the rest of the status is told."""
        configure(runner, KAFKA_TOPIC_BID_REQUESTS="a b")
        assert inquiry.behind() is None
        what, _ = _only_problem(inquiry.status())
        assert "KAFKA_TOPIC_BID_REQUESTS='a b': Not a Kafka topic name." in what


def _only_problem(status: Status) -> tuple[str, str]:
    (problem,) = status.problems
    return problem.what, problem.next


class TestProblems:
    """Each problem is told with the command to type next."""

    def test_workload(self, inquiry: ClusterInquiry, runner: FakeRunner) -> None:
        """A workload that lacks replicas is to be described."""
        lacking = items(deployment("web", have=0))
        runner.answer("get", "deployments,statefulsets,jobs", with_=lacking)
        what, command = _only_problem(inquiry.status())
        assert "0 of 1" in what
        assert command.endswith("--namespace rtb describe deployment/web")

    def test_nothing_deployed(self, inquiry: ClusterInquiry, runner: FakeRunner) -> None:
        """An empty namespace is a problem that `make up` solves."""
        runner.answer("get", "deployments,statefulsets,jobs", with_=items())
        assert _only_problem(inquiry.status()) == ("nothing is deployed", "make up")

    def test_pod(self, inquiry: ClusterInquiry, runner: FakeRunner) -> None:
        """A pod that waits is told with its reason; that the lag is unknown, too."""
        stuck = pod("logic-1", app="bidding-logic-service", waiting="ErrImagePull", message="why")
        runner.answer("get", "pods", with_=items(stuck))
        status = inquiry.status()
        assert "ErrImagePull: pod logic-1" in status.problems[0].what
        assert status.problems[0].next.endswith("describe pod/logic-1")
        assert "Kafka's account is unknown" in status.problems[1].what
        assert "lag:" not in to_text(status)

    def test_a_service_that_runs_and_is_not_ready(
        self, inquiry: ClusterInquiry, runner: FakeRunner
    ) -> None:
        """It is asked itself, from inside its pod; where it does not answer, nothing is made up."""
        pods = [pod(f"logic-{n}", app="bidding-logic-service", ready=False) for n in (1, 2)]
        other = pod("kafka-0", app="kafka", ready=False)
        for each in (*pods, other):
            each["status"]["phase"] = "Running"
        runner.answer("get", "pods", with_=items(*pods, other))
        body = '{"status": "not ready", "reasons": ["kafka: a:1: connection refused"]}\n'
        runner.answer("exec", "logic-1", "8081", with_=body)
        runner.answer("exec", "logic-2", "8081", code=1)
        told = [problem.what for problem in inquiry.status().problems]
        assert told[:3] == [
            "logic-1: Running, not ready yet: /readyz says kafka: a:1: connection refused",
            "logic-2: Running, not ready yet",
            "kafka-0: Running, not ready yet",
        ]

    def test_restarts(self, inquiry: ClusterInquiry, runner: FakeRunner) -> None:
        """A container that was restarted has a log of its previous run."""
        restarted = pod("logic-1", app="bidding-logic-service", restarts=2)
        runner.answer("get", "pods", with_=items(restarted))
        what, command = _only_problem(inquiry.status())
        assert what == "logic-1/main has been restarted 2 times"
        assert command.endswith("logs logic-1 --container main --previous")

    def test_late(self, inquiry: ClusterInquiry, runner: FakeRunner) -> None:
        """A partition that nobody consumes is told by its age."""
        runner.answer("exec", with_=answers((0, 0, 0.0), (1, 9, 61.0)))
        what, command = _only_problem(inquiry.status())
        assert what == "partition 1 is 61 s behind, 9 messages"
        assert "logs deployment/bidding-logic-service" in command
        assert "next: kubectl" in to_text(inquiry.status())

    def test_no_decision(self) -> None:
        """A bidding logic that has not decided yet is no problem."""
        assert "last decisions: none yet" in to_text(Status("here"))
        assert "no open problems" in to_text(Status("here"))

    def test_a_decision_that_is_none(self, inquiry: ClusterInquiry, runner: FakeRunner) -> None:
        """Whatever is on the topic, the terminal does not obey it and the status is told."""
        value = json.dumps({**_VALUE, "strategy": "\x1b[2J"}).encode()
        runner.answer("exec", with_=answers((0, 0, 0.0), decision=value))
        assert "bid by \\x1b[2J for" in to_text(inquiry.status())


class TestTrend:
    """The direction of the lag, from two looks."""

    @staticmethod
    def status(messages: int) -> Status:
        """Return a status with this lag."""
        return Status("here", account=Account(lag=(PartitionLag(0, messages, 1.0),)))

    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (0, 0, "steady"),
            (0, 10, "steady"),
            (0, 11, "growing"),
            (1000, 950, "steady"),
            (1000, 949, "shrinking"),
            (1000, 1051, "growing"),
            (None, 7, ""),
        ],
    )
    def test_direction(self, before: int | None, after: int, expected: str) -> None:
        """A change of a few messages, or a few in a hundred, is none."""
        assert trend(before, self.status(after)) == expected

    def test_no_lag_no_direction(self) -> None:
        """Where Kafka tells nothing there is no direction."""
        assert trend(5, Status("here")) == ""

    def test_told(self) -> None:
        """The direction stands behind the lag."""
        text = to_text(dataclasses.replace(self.status(7), trend="shrinking"))
        assert "lag: 7 messages, 1.0 s, shrinking\n" in text


class Scripted:
    """An inquiry that finds one lag after the other, and then is interrupted."""

    def __init__(self, *lags: int) -> None:
        self._lags = list(lags)

    def behind(self) -> int | None:
        """Return the next one."""
        return self._lags.pop(0)

    def status(self) -> Status:
        """Return a status with the next one."""
        if not self._lags:
            raise KeyboardInterrupt
        return TestTrend.status(self._lags.pop(0))


class TestWatch:
    """Look after look, each compared with the one before."""

    def test_json(self) -> None:
        """A program gets a line a look."""
        out = io.StringIO()
        console = Console({}, out, out, io.BytesIO())
        clock = FakeClock()
        with pytest.raises(KeyboardInterrupt):
            watch(Scripted(0, 100, 50), console, clock, as_json=True)
        found = [json.loads(line) for line in out.getvalue().splitlines()]
        assert [(each["lag_messages"], each["trend"]) for each in found] == [
            (100, "growing"),
            (50, "shrinking"),
        ]

    def test_terminal(self) -> None:
        """A person sees the newest alone."""
        out = Terminal()
        console = Console({}, out, out, io.BytesIO())
        with pytest.raises(KeyboardInterrupt):
            watch(Scripted(0, 1, 2), console, FakeClock(), as_json=False)
        newest = out.getvalue().split("\x1b[2J")[-1]
        assert "lag: 2 messages" in newest
        assert out.getvalue().count("\x1b[2J") == 2


class TestHere:
    """What `make run` has started."""

    @staticmethod
    def status(environ: dict[str, str], *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run the command on this machine; return its status and what it told."""
        out = io.StringIO()
        console = Console(environ, out, out, io.BytesIO())
        code = main(["status", "--in", "local", "--json", *arguments], console)
        found: dict[str, Any] = json.loads(out.getvalue())
        return code, found

    def test_nothing_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing there is one problem, which `make run` solves."""
        monkeypatch.setattr(status_command, "PERIOD_S", 0.0)
        code, found = self.status(free_settings())
        assert code == 1
        assert found["problems"] == [{"what": "nothing runs here", "next": "make run"}]
        assert [each["well"] for each in found["workloads"]] == [False, False, False]

    def test_one_is_not_ready(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A service's own reason is told with the command that asks for it."""
        monkeypatch.setattr(status_command, "PERIOD_S", 0.0)
        reasons = Answer(503, b'{"reasons": ["kafka is away"]}')
        metrics = b'ingest_requests_total{outcome="accepted"} 5\n'
        well = {"/readyz": Answer(200), "/metrics": Answer(200, metrics)}
        with HttpAnswers({"/readyz": reasons}) as consumer, HttpAnswers(well) as ingest:
            ports = {"INGEST_ADMIN_PORT": ingest.port, "CONSUMER_HEALTH_PORT": consumer.port}
            environ = {name: str(port) for name, port in ports.items()}
            _, found = self.status({**environ, "RUN_KAFKA_PORT": str(free_port())})
        assert found["workloads"][1]["state"] == "ready, 5 accepted, 0 refused"
        kafka, logic = found["problems"]
        assert (kafka["next"], "does not answer" in kafka["what"]) == ("make run", True)
        assert logic == {
            "what": "bidding logic: /readyz says kafka is away",
            "next": f"curl --silent http://localhost:{consumer.port}/readyz",
        }


class TestWhere:
    """Which pipeline is asked."""

    def test_the_cluster_where_there_is_one(self, tmp_path: Path) -> None:
        """Without --in the cluster is asked if kind has it, this machine otherwise."""
        stubs = Stubs(tmp_path)
        environ = stubs.environ(tmp_path)
        console = Console(environ, io.StringIO(), io.StringIO(), io.BytesIO())
        assert isinstance(inquiry_of(None, console), LocalInquiry)
        stubs.write("kind", f"print('{read(HarnessSettings, {}).cluster}')")
        assert isinstance(inquiry_of(None, console), ClusterInquiry)
        assert isinstance(inquiry_of("local", console), LocalInquiry)
        stubs.write("kind", "import sys; sys.exit('no docker')")
        assert isinstance(inquiry_of(None, console), LocalInquiry)
        stubs.remove("kind")
        assert isinstance(inquiry_of(None, console), LocalInquiry)

    def test_a_cluster_that_is_asked_for_and_not_there(self, tmp_path: Path) -> None:
        """--in kind without the cluster says how to make it."""
        environ = Stubs(tmp_path).environ(tmp_path)
        console = Console(environ, io.StringIO(), io.StringIO(), io.BytesIO())
        with pytest.raises(HarnessError, match="there is no cluster"):
            inquiry_of("kind", console)
