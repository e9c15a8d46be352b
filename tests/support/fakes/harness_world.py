"""Everything that a check may look at, in memory and well, until a fault is put into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.settings import read
from tests.support.fakes.harness_api import INGEST, LOGIC, FakeApi
from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.harness_host import FakeHost
from tests.support.fakes.harness_pipeline import FakeDeployment
from tests.support.fakes.harness_prometheus import prometheus_page
from tests.support.fakes.harness_runner import FakeRunner
from verification.checklist.support.context import Context
from verification.cluster.service_images import SERVICE_IMAGES
from verification.cluster.tools.process import Result
from verification.cluster.waiting import SilentProgress
from verification.settings import HarnessSettings

_METRICS_PAGE = """\
## Ingest

| `ingest_requests_total` | counter |

## Bidding logic

| `consumer_records_total` | counter |
"""
_IMAGE = {
    "Size": 100 << 20,
    "Config": {
        "User": "10001:10001",
        "Entrypoint": ["python", "-m", "app"],
        "Env": ["PATH=/usr/bin"],
        "Labels": {
            f"org.opencontainers.image.{name}": "x" for name in ("title", "description", "licenses")
        },
    },
}
_REFUSED_ROOT = 'pods "probe" is forbidden: violates PodSecurity "restricted:v1.34"'
# What shell commands in a pod print, by a word of the script.
_SHELL = {
    "id -u": "10001",
    "/proc/1/status": "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2",
    "kubernetes.io": "absent",
    "env |": "",
    "find /": "/tmp\n/tmp/x",  # noqa: S108  in the pod
}
_OPEN = {
    "stranger": ["bid-request-handler.rtb:8080"],
    INGEST: ["kafka-service.rtb:9092", "kube-dns.kube-system:53"],
    LOGIC: ["kafka-service.rtb:9092"],
}


@dataclass
class World:
    """A machine with images, a cluster and a deployment. Faults change one of its parts."""

    root: Path
    api: FakeApi = field(default_factory=FakeApi)
    deployment: FakeDeployment = field(default_factory=FakeDeployment)
    host: FakeHost = field(default_factory=FakeHost)
    image: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(_IMAGE)))
    node_image: str = "kindest/node:v1.34.3"
    base_mib: int = 80
    shell: dict[str, str] = field(default_factory=lambda: dict(_SHELL))
    open: dict[str, list[str]] = field(default_factory=lambda: json.loads(json.dumps(_OPEN)))
    miscounted: int = 0
    environment: str = "KAFKA_BROKERS=kafka-service:9092"
    topics: str = (
        "Topic: bid_requests\tTopicId: x\tPartitionCount: 1\tReplicationFactor: 1"
        "\tConfigs: min.insync.replicas=1,message.timestamp.type=LogAppendTime\n"
    )
    _posts_seen: int = 0

    def __post_init__(self) -> None:
        """Lay out the files that checks read, and answer every command."""
        (self.root / "docs").mkdir(exist_ok=True)
        (self.root / "docs" / "metrics.md").write_text(_METRICS_PAGE)
        monitoring = self.root / "manifests" / "components" / "monitoring"
        monitoring.mkdir(parents=True, exist_ok=True)
        (monitoring / "prometheus.yaml").write_text("global:\n  scrape_interval: 15s\n")
        self.runner = self.deployment.runner()
        self._answer_docker(self.runner)
        self._answer_kubectl(self.runner)
        self.runner.answer("kind", "version", with_="kind v0.33.0 go1.25")

    def context(self) -> Context:
        """Return what checks are given."""
        return Context(
            root=self.root,
            settings=read(HarnessSettings, {"KIND_NODE_IMAGE": self.node_image}),
            runner=self.runner,
            clock=FakeClock(),
            progress=SilentProgress(),
            host=self.host,
            http=self.deployment,
            run_id="v1",
            images={image: f"{image.repository}:abc" for image in SERVICE_IMAGES},
        )

    def _answer_docker(self, runner: FakeRunner) -> None:
        info = {"ServerVersion": "29.0.0", "CgroupVersion": "2"}
        runner.answer("docker", with_="")
        runner.answer("docker", "info", with_=info)
        runner.answer("docker", "image", with_=self._inspected)
        runner.answer("docker", "inspect", "{{.State.Status}}", with_="running")
        runner.answer("docker", "exec", "-c", with_="200")
        runner.answer("docker", "wait", with_="0")
        runner.answer("docker", "port", with_="127.0.0.1:8080")
        runner.answer("docker", "crictl", with_={"info": {"pid": 7}})

    def _inspected(self, argv: Sequence[str], _stdin: str) -> str:
        is_ours = argv[-1].startswith("rtb/")
        return json.dumps(self.image if is_ours else {"Size": self.base_mib << 20})

    def _answer_kubectl(self, runner: FakeRunner) -> None:
        version = {"clientVersion": {"gitVersion": "v1.34.3"}}
        runner.answer("kubectl", "version", with_=version)
        runner.answer("kubectl", "config", "get-contexts", with_="kind-other\n")
        runner.answer("kubectl", "get", with_=self._get)
        runner.answer("kubectl", "get", "--raw", with_=self._page)
        runner.answer("kubectl", "kustomize", with_=self.api.kustomize)
        runner.answer("kubectl", "apply", with_=self._apply)
        runner.answer("kubectl", "delete", with_=self.api.delete)
        for verb in ("scale", "rollout"):
            runner.answer("kubectl", verb)
        runner.answer("kubectl", "create", with_=self._create)
        runner.answer("kubectl", "exec", "python", with_=self._python)
        runner.answer("kubectl", "exec", "env", with_=lambda *_: self.environment)
        runner.answer(
            "kubectl", "exec", "env", "/opt/kafka/bin/kafka-topics.sh", with_=self._topics
        )
        runner.answer("kubectl", "exec", "sh", "-c", with_=self._shell)
        runner.answer("kubectl", "logs", "--container", "probe", with_=self._probed)
        runner.answer("kubectl", "logs", f"{INGEST}-3", with_=lambda *_: self.api.said_by_crashed)

    def _topics(self, _argv: Sequence[str], _stdin: str) -> str:
        return self.topics

    def _apply(self, argv: Sequence[str], stdin: str) -> str:
        said = self.api.apply(argv, stdin)
        lowered = self.api.applied == "overlay-changed" and "MAX_BODY" in self.api.change
        stuck = "old value" in self.api.faults
        self.deployment.limit = 400 if lowered and not stuck else 262_144
        return said

    def _get(self, argv: Sequence[str], stdin: str) -> str | Result:
        if any(word.startswith("stranger-v1") for word in argv):
            return '{"status": {"phase": "Succeeded"}}'
        if "horizontalpodautoscaler" not in argv:
            self._scale()
        return self.api.get(argv, stdin)

    def _scale(self) -> None:
        """Have two pods of the ingest while the autoscaler is on and bids come in; else one."""
        on = self.api.applied == "overlay-autoscaled"
        posts = self.deployment.answered.total()
        busy = posts > self._posts_seen and "never grows" not in self.api.faults
        stays = "never shrinks" in self.api.faults and posts > 0
        self._posts_seen = posts
        replicas = 2 if on and (busy or stays) else 1
        self.api.the("deployments", INGEST)["status"] |= {
            "readyReplicas": replicas,
            "replicas": replicas,
        }

    def _create(self, argv: Sequence[str], stdin: str) -> Result:
        created = json.loads(stdin)
        if created["kind"] == "List":
            self.api.objects["pods"].append(self.deployment.slow.create(stdin))
            return Result(tuple(argv), 0, "", "")
        user = created["spec"]["containers"][0]["securityContext"]["runAsUser"]
        refuses = "admits root" not in self.api.faults
        denied = (user == 0 and refuses) or "admits nobody" in self.api.faults
        return Result(tuple(argv), int(denied), "", _REFUSED_ROOT if denied else "")

    def _python(self, argv: Sequence[str], stdin: str) -> str:
        if "create_connection" not in stdin:
            return self.deployment.script(argv)
        app = INGEST if any(word.startswith(INGEST) for word in argv) else LOGIC
        return self._connections(app, argv[argv.index("-") + 1 :])

    def _probed(self, _argv: Sequence[str], _stdin: str) -> str:
        targets = ["kafka-service.rtb:9092", "kafka-0.kafka-headless.rtb:9093"]
        targets += ["bid-request-handler.rtb:8080", "bidding-logic-service.rtb:8081"]
        targets += ["bid-request-handler-admin.rtb:8082"]
        return self._connections("stranger", targets)

    def _connections(self, source: str, targets: Sequence[str]) -> str:
        fates = {target: target in self.open[source] for target in targets}
        return "\n".join(
            f"{t} {'open' if ok else 'TimeoutError timed out'}" for t, ok in fates.items()
        )

    def _shell(self, argv: Sequence[str], _stdin: str) -> str:
        return next(said for word, said in self.shell.items() if word in argv[-1])

    def _page(self, argv: Sequence[str], stdin: str) -> str | Result:
        if "/pods/prometheus" in argv[-1]:
            return prometheus_page(argv[-1], self.api.faults)
        if "/pods/slow-" in argv[-1]:
            return self.deployment.slow.page()
        if not argv[-1].endswith("/metrics"):
            return self.deployment.page(argv)
        assert not stdin
        counted = self.deployment.answered
        decided = len(self.deployment.topics["bid_decisions"]) + self.miscounted
        if "/bidding-logic-service" in argv[-1]:
            lag = (
                "" if "no gauge" in self.api.faults else 'consumer_lag_messages{partition="0"} 0\n'
            )
            return f"consumer_records_total {decided}\nconsumer_decisions_total {decided}\n{lag}"
        rows = [f'ingest_requests_total{{outcome="{k}"}} {v}' for k, v in counted.items()]
        return "\n".join(rows) + "\n"
