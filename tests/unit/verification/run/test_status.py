"""`status`: what it tells of a deployment that is well, and of each way in which it is not."""

from __future__ import annotations

import base64
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
from verification.commands.status import inquiry_of, to_text, watch
from verification.errors import HarnessError
from verification.run.status.cluster_state import ClusterInquiry
from verification.run.status.local_state import LocalInquiry
from verification.run.status.state import Inquiry, KafkaState, PartitionLag, Status, trend
from verification.settings import HarnessSettings
from verification.traffic.http import IngestHttp

pytestmark = [pytest.mark.timing, pytest.mark.promise("observable")]

_DECISION = {
    "version": 1,
    "request": {"id": "b-1", "topic": "bid_requests", "partition": 1, "offset": 7},
    "strategy": "fixed \x1b[2J",
    "decided_at": 1_767_323_045_000,
    "response": {
        "id": "b-1",
        "seatbid": [{"bid": [{"id": "1", "impid": "1", "price": 0.5, "crid": "ad"}]}],
        "cur": "USD",
    },
}
_NAMES = {
    "KAFKA_TOPIC_BID_REQUESTS": "bid_requests",
    "KAFKA_TOPIC_BID_DECISIONS": "bid_decisions",
    "KAFKA_TOPIC_DEAD_LETTERS": "bid_requests.dlq",
    "KAFKA_CONSUMER_GROUP": "bidding-logic",
}
_COMMON = {"KAFKA_BROKERS": "kafka:9092", "KAFKA_SASL_PASSWORD_FILE": "/in/the/pod/alone"}
_APPS = {"l": "bidding-logic-service", "k": "kafka"}
_WORKLOADS = "deployments,statefulsets,jobs"
Lag = tuple[int, int, float]


def _record(offset: int, value: object) -> dict[str, object]:
    """Return a row of the topic script: a decision's record."""
    key, data = (base64.b64encode(each.encode()).decode() for each in ("b-1", json.dumps(value)))
    at = 1_767_323_045_000 + offset
    row = {"topic": "bid_decisions", "partition": 1, "offset": offset, "timestamp": at}
    return {**row, "key": key, "value": data, "headers": []}


def answers(*lag: Lag, **names: str) -> Callable[[Sequence[str], str], str]:
    """Answer as the topic script does of these topics and this group, and of no others."""
    *topics, group = {**_NAMES, **names}.values()
    expected: dict[str, object] = {
        "ends": {"topics": topics},
        "lag": {"topic": topics[0], "group": group},
        "read": {"from": {topics[1]: {"0": 1, "1": 997}}},
    }
    rows: dict[str, list[dict[str, object]]] = {
        "ends": [{"topic": name, "ends": {"0": 4, "1": 1000}} for name in topics],
        "lag": [{"partition": part, "lag": n, "age_s": age} for part, n, age in lag],
        "read": [_record(7, _DECISION), _record(6, {})],
    }

    def answer(argv: Sequence[str], _stdin: str) -> str:
        request = json.loads(argv[-1])
        do = request.pop("do")
        assert request == expected[do]
        return "\n".join(map(json.dumps, [*rows[do], {"complete": True}]))

    return answer


class Cluster(ClusterInquiry):
    """An inquiry of a deployment that is well, whose answers can be changed."""

    def __init__(self, folder: Path) -> None:
        self.runner = FakeRunner()
        self.answer = self.runner.answer
        self.configure()
        self.answer("get", _WORKLOADS, with_=items(deployment("web")))
        self.answer("get", "pods", with_=items(pod("logic-1", app=_APPS["l"])))
        self.answer("exec", with_=answers((0, 0, 0.0), (1, 3, 1.5)))
        tools = (self.runner, FakeClock(), SilentProgress(), LocalHost(), IngestHttp(1))
        super().__init__(Context(folder, read(HarnessSettings, {}), *tools, run_id="v1"))

    def configure(self, **data: str) -> None:
        """Let the bidding logic have two ConfigMaps, the second of which has `data`."""
        maps = [{"configMapRef": {"name": name}} for name in ("common", "own")]
        spec = {"containers": [{"envFrom": [*maps, {"secretRef": {"name": "password"}}]}]}
        self.answer("get", "deployment", with_={"spec": {"template": {"spec": spec}}})
        self.answer("get", "configmap", "common", with_={"data": _COMMON})
        self.answer("get", "configmap", "own", with_={"data": data})


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Ask that deployment."""
    return Cluster(tmp_path)


class TestCluster:
    """What is told of the deployment, each issue with the command to type next."""

    def test_that_is_well(self, cluster: Cluster) -> None:
        """Workloads, topics, lag and newest decisions are told, and nothing that is obeyed."""
        text = to_text(cluster.status())
        assert text.startswith("cluster rtb")
        assert "✓ deployment/web" in text
        assert "  bid_requests                   2    1,004" in text
        assert "lag: 3 messages, 1.5 s\n" in text
        assert "          1         3      1.5" in text
        assert "03:04:05.006+00:00  unknown by unknown for b-1 (unknown)\n  2026-01-02T" in text
        assert "03:04:05.007+00:00  bid by fixed \\x1b[2J for b-1 (bid_requests/1/7)\n" in text
        assert "no open issues" in text

    def test_names(self, cluster: Cluster) -> None:
        """Topics and group are those that the ConfigMaps of the deployment name."""
        names = dict(zip(_NAMES, ("bids", "answers", "given-up", "ours"), strict=True))
        cluster.configure(**names)
        cluster.answer("exec", with_=answers((0, 3, 1.5), **names))
        assert cluster.behind() == 3
        status = cluster.status()
        assert status.issues == ()
        assert [topic.name for topic in status.kafka.topics] == ["bids", "answers", "given-up"]

    def test_a_name_that_cannot_be(self, cluster: Cluster) -> None:
        """A name that is none is a issue, and the rest of the status is told."""
        cluster.configure(KAFKA_TOPIC_BID_REQUESTS="a b")
        assert cluster.behind() is None
        (issue,) = cluster.status().issues
        assert "KAFKA_TOPIC_BID_REQUESTS='a b': Not a Kafka topic name." in issue.what

    @pytest.mark.parametrize(
        ("asked", "answer", "what", "command"),
        [
            (_WORKLOADS, items(deployment("web", have=0)), "0 of 1", "rtb describe deployment/web"),
            (_WORKLOADS, items(), "nothing is deployed", "make up"),
            (
                "pods",
                items(pod("logic-1", restarts=2)),
                "logic-1/main has been restarted 2 times",
                "logs logic-1 --container main --previous",
            ),
            (
                "exec",
                answers((0, 0, 0.0), (1, 9, 61.0)),
                "partition 1 is 61 s behind, 9 messages",
                "logs deployment/bidding-logic-service --tail 50",
            ),
        ],
    )
    def test_one_issue(
        self, cluster: Cluster, asked: str, answer: object, what: str, command: str
    ) -> None:
        """It is told with the command that looks into it."""
        cluster.answer(asked, with_=answer)
        status = cluster.status()
        (issue,) = status.issues
        assert what in issue.what
        assert issue.next.endswith(command)
        assert f"next: {issue.next}\n" in to_text(status)

    def test_pods(self, cluster: Cluster) -> None:
        """A pod is told with its reason, which is its own where it runs and answers.

        That is asked for from inside the pod. Without one, the lag is unknown, too.
        """
        names = ("logic-1", "logic-2", "kafka-0")
        pods = [pod(name, app=_APPS[name[0]], ready=False) for name in names]
        for each in pods:
            each["status"]["phase"] = "Running"
        stuck = pod("logic-3", app=_APPS["l"], waiting="ErrImagePull", message="why")
        cluster.answer("get", "pods", with_=items(*pods, stuck))
        body = '{"status": "not ready", "reasons": ["kafka: a:1: connection refused"]}\n'
        cluster.answer("exec", "logic-1", "8081", with_=body)
        cluster.answer("exec", "logic-2", "8081", code=1)
        status = cluster.status()
        assert [issue.what for issue in status.issues[:3]] == [
            "logic-1: Running, not ready yet: /readyz says kafka: a:1: connection refused",
            "logic-2: Running, not ready yet",
            "kafka-0: Running, not ready yet",
        ]
        assert status.issues[3].what.startswith("ErrImagePull: pod logic-3")
        assert status.issues[3].next.endswith("describe pod/logic-3")
        assert "Kafka's state is unknown" in status.issues[4].what
        assert "lag:" not in to_text(status)


def _behind(messages: int) -> Status:
    return Status("here", kafka=KafkaState(lag=(PartitionLag(0, messages, 1.0),)))


class TestTrend:
    """The direction of the lag, from one look to the next."""

    @pytest.mark.parametrize(
        ("before", "status", "expected"),
        [
            (0, _behind(0), "steady"),
            (0, _behind(10), "steady"),
            (0, _behind(11), "growing"),
            (1000, _behind(950), "steady"),
            (1000, _behind(949), "shrinking"),
            (1000, _behind(1051), "growing"),
            (None, _behind(7), ""),
            (5, Status("here"), ""),
        ],
    )
    def test_direction(self, before: int | None, status: Status, expected: str) -> None:
        """A change of a few, or a few in a hundred, is none; nor is where Kafka tells nothing."""
        assert trend(before, status) == expected

    def watched(self, out: io.StringIO, *lags: int, as_json: bool) -> str:
        """Watch a pipeline with one lag after the other; return what is written until Ctrl-C."""
        left = list(lags)

        class Scripted(Inquiry):
            def behind(self) -> int | None:
                return left.pop(0)

            def status(self) -> Status:
                if not left:
                    raise KeyboardInterrupt
                return _behind(left.pop(0))

        console = Console({}, out, out, io.BytesIO())
        with pytest.raises(KeyboardInterrupt):
            watch(Scripted(), console, FakeClock(), as_json=as_json)
        return out.getvalue()

    def test_watched_by_a_program(self) -> None:
        """It gets a line a look, each compared with the one before."""
        lines = self.watched(io.StringIO(), 0, 100, 50, as_json=True).splitlines()
        keys = ("lag_messages", "lag_seconds", "trend")
        found = [[each[key] for key in keys] for each in map(json.loads, lines)]
        assert found == [[100, 1.0, "growing"], [50, 1.0, "shrinking"]]

    def test_watched_on_a_terminal(self) -> None:
        """A person sees the newest alone, in which having decided nothing yet is no issue."""
        before, *looks = self.watched(Terminal(), 0, 1, 2, as_json=False).split("\x1b[2J")
        assert (before, len(looks)) == ("\x1b[H", 2)
        assert "lag: 2 messages, 1.0 s, steady\n" in looks[-1]
        assert "last decisions: none yet" in looks[-1]
        assert "no open issues" in looks[-1]


class TestHere:
    """What `make run` has started."""

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(status_command, "PERIOD_S", 0.0)

    @staticmethod
    def told(environ: dict[str, str]) -> dict[str, Any]:
        """Run the command on this machine, where not all is well; return what it tells."""
        out = io.StringIO()
        console = Console(environ, out, out, io.BytesIO())
        assert main(["status", "--in", "local", "--json"], console) == 1
        found: dict[str, Any] = json.loads(out.getvalue())
        return found

    def test_nothing_runs(self) -> None:
        """Nothing there is one issue, which `make run` solves."""
        found = self.told(free_settings())
        assert found["issues"] == [{"what": "nothing runs here", "next": "make run"}]
        assert [each["well"] for each in found["workloads"]] == [False, False, False]

    def test_one_is_not_ready(self) -> None:
        """A service's own reason is told with the command that asks for it."""
        reasons = Answer(503, b'{"reasons": ["kafka is away"]}')
        metrics = b'ingest_requests_total{outcome="accepted"} 5\n'
        well = {"/readyz": Answer(200), "/metrics": Answer(200, metrics)}
        with HttpAnswers({"/readyz": reasons}) as consumer, HttpAnswers(well) as ingest:
            ports = {"INGEST_ADMIN_PORT": ingest.port, "CONSUMER_HEALTH_PORT": consumer.port}
            found = self.told(free_settings() | {name: str(port) for name, port in ports.items()})
        assert found["workloads"][1]["state"] == "ready, 5 accepted, 0 refused"
        kafka, logic = found["issues"]
        assert (kafka["next"], "does not answer" in kafka["what"]) == ("make run", True)
        assert logic == {
            "what": "bidding logic: /readyz says kafka is away",
            "next": f"curl --silent http://localhost:{consumer.port}/readyz",
        }


@pytest.mark.parametrize(
    ("where", "kind", "asked"),
    [
        (None, "", LocalInquiry),
        (None, "print('rtb-verify')", ClusterInquiry),
        ("local", "print('rtb-verify')", LocalInquiry),
        (None, "import sys; sys.exit('no docker')", LocalInquiry),
        (None, None, LocalInquiry),
        ("kind", "", None),
    ],
)
def test_where(
    tmp_path: Path, where: str | None, kind: str | None, asked: type[Inquiry] | None
) -> None:
    """The cluster is asked if kind has it, or what --in says; without that one it is an error."""
    stubs = Stubs(tmp_path)
    stubs.remove("kind") if kind is None else stubs.write("kind", kind)
    console = Console(stubs.environ(tmp_path), io.StringIO(), io.StringIO(), io.BytesIO())
    if asked is None:
        with pytest.raises(HarnessError, match="there is no cluster"):
            inquiry_of(where, console)
    else:
        assert isinstance(inquiry_of(where, console), asked)
