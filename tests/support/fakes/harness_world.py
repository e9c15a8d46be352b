"""Everything that a check may look at, in memory and well, until a fault is put into it."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from common.settings import read
from tests.support.fakes.harness_api import INGEST, LOGIC, PROMETHEUS, FakeApi
from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.harness_pipeline import FakeDeployment
from tests.support.fakes.harness_runner import FakeRunner
from verification.checklist.support.context import Context
from verification.checklist.support.host import LocalHost
from verification.cluster.service_images import SERVICE_IMAGES
from verification.cluster.tools.process import Result
from verification.cluster.waiting import SilentProgress
from verification.settings import HarnessSettings
from verification.traffic.http import Http, IngestHttp

_METRICS_PAGE = """\
## Ingest

| `ingest_requests_total` | counter |

## Bidding logic

| `consumer_records_total` | counter |
"""
_LABELS = ("title", "description", "licenses")
_IMAGE = {
    "Size": 100 << 20,
    "Config": {
        "User": "10001:10001",
        "Entrypoint": ["python", "-m", "app"],
        "Env": ["PATH=/usr/bin"],
        "Labels": {f"org.opencontainers.image.{name}": "x" for name in _LABELS},
    },
}
# What shell commands in a pod print, by a word of the script.
_SHELL = {
    "/proc/1/status": "Uid:\t10001\t10001\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2",
    "kubernetes.io": "absent",
    "env |": "",
    "find /": "/tmp\n/tmp/x",  # noqa: S108  in the pod
}
_OPEN = {
    "stranger": ["bid-request-handler.rtb:8080"],
    INGEST: ["kafka-service.rtb:9092", "kube-dns.kube-system:53"],
    LOGIC: ["kafka-service.rtb:9092", "kube-dns.kube-system:53"],
}
_TOPICS = (
    "Topic: bid_requests\tTopicId: x\tPartitionCount: 1\tReplicationFactor: 1"
    "\tConfigs: min.insync.replicas=1,message.timestamp.type=LogAppendTime\n"
)
_RECORDED = "ingest:in_flight:ratio"


def make_context(
    root: Path,
    runner: FakeRunner,
    host: LocalHost | None = None,
    http: Http | None = None,
    **settings: str,
) -> Context:
    """Return a context in which no time passes by itself."""
    return Context(
        root=root,
        settings=read(HarnessSettings, settings),
        runner=runner,
        clock=FakeClock(),
        progress=SilentProgress(),
        host=host or LocalHost(),
        http=http or IngestHttp(1),
        run_id="v1",
    )


@dataclass
class FakeHost(LocalHost):
    """A machine with enough of everything, and the port is free."""

    memory_mib: int = 16_000
    disk_mib: int = 50_000
    limits: tuple[int, int] = (128, 8192)
    owner: str | None = None

    def memory_available_mib(self) -> int:
        return self.memory_mib

    def disk_free_mib(self, folder: Path) -> int:
        assert folder
        return self.disk_mib

    def inotify_limits(self) -> dict[str, int]:
        return dict(zip(("max_user_instances", "max_user_watches"), self.limits, strict=True))

    def port_owner(self, port: int) -> str | None:
        assert port
        return self.owner


@dataclass
class World:
    """A machine with images, a cluster and a deployment. Faults change one of its parts."""

    root: Path
    api: FakeApi = field(default_factory=FakeApi)
    deployment: FakeDeployment = field(default_factory=FakeDeployment)
    host: FakeHost = field(default_factory=FakeHost)
    runner: FakeRunner = field(default_factory=FakeRunner)
    image: dict[str, Any] = field(default_factory=partial(copy.deepcopy, _IMAGE))
    node_image: str = "kindest/node:v1.34.3"
    base_mib: int = 80
    shell: dict[str, str] = field(default_factory=_SHELL.copy)
    open: dict[str, list[str]] = field(default_factory=partial(copy.deepcopy, _OPEN))
    environment: str = "KAFKA_BROKERS=kafka-service:9092"
    topics: str = _TOPICS
    _posts_seen: int = 0
    _targets: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Lay out the files that checks read, and answer every command."""
        scraped = "manifests/components/monitoring/prometheus.yaml"
        for name, text in (("docs/metrics.md", _METRICS_PAGE), (scraped, "interval: 15s\n")):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        for words, with_ in self._answers():
            self.runner.answer(*words.split(), with_=with_)

    def context(self) -> Context:
        """Return what checks are given."""
        settings = {"KIND_NODE_IMAGE": self.node_image}
        context = make_context(self.root, self.runner, self.host, self.deployment, **settings)
        context.images.update({image: f"{image.repository}:abc" for image in SERVICE_IMAGES})
        return context

    def _answers(self) -> list[tuple[str, object]]:
        api, deployment = self.api, self.deployment
        return [
            ("docker", ""),
            ("docker info", {"ServerVersion": "29.0.0", "CgroupVersion": "2"}),
            ("docker image", self._inspected),
            ("docker inspect {{.State.Status}}", self._container),
            ("docker exec -c", "200"),
            ("docker wait", self._exit_status),
            ("docker port", "127.0.0.1:8080"),
            ("docker crictl", {"info": {"pid": 7}}),
            ("kind version", "kind v0.33.0 go1.25"),
            ("kubectl version", {"clientVersion": {"gitVersion": "v1.34.3"}}),
            ("kubectl config get-contexts", "kind-other\n"),
            ("kubectl get", self._get),
            ("kubectl get --raw", self._page),
            ("kubectl kustomize", api.kustomize),
            ("kubectl apply", self._apply),
            ("kubectl delete", api.delete),
            ("kubectl scale", ""),
            ("kubectl rollout", ""),
            ("kubectl create", self._create),
            ("kubectl exec python", self._python),
            ("kubectl exec env", lambda *_: self.environment),
            ("kubectl exec /opt/kafka/bin/kafka-topics.sh", lambda *_: self.topics),
            ("kubectl exec /opt/kafka/bin/kafka-console-consumer.sh", deployment.consume),
            ("kubectl exec /opt/kafka/bin/kafka-console-producer.sh", deployment.produce),
            ("kubectl exec sh -c", self._shell),
            ("kubectl logs", self._logs),
            (
                "kubectl logs --container probe",
                lambda *_: self._connections("stranger", self._targets),
            ),
            (f"kubectl logs {INGEST}-3", lambda *_: api.said_by_crashed),
        ]

    def _inspected(self, argv: Sequence[str], _stdin: str) -> str:
        is_ours = argv[-1].startswith("rtb/")
        return json.dumps(self.image if is_ours else {"Size": self.base_mib << 20})

    def _container(self, _argv: Sequence[str], _stdin: str) -> str:
        return "running" if self.image["Config"]["Entrypoint"] else "created"

    def _exit_status(self, _argv: Sequence[str], _stdin: str) -> str:
        """Return what a container ends with that got SIGTERM: a shell passes it to nobody."""
        return "137" if self.image["Config"]["Entrypoint"][0].endswith("sh") else "0"

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
        on, posts = self.api.applied == "overlay-autoscaled", self.deployment.answered.total()
        busy = posts > self._posts_seen and "never grows" not in self.api.faults
        stays = "never shrinks" in self.api.faults and posts > 0
        self._posts_seen = posts
        replicas = 2 if on and (busy or stays) else 1
        status = self.api.the("deployments", INGEST)["status"]
        status |= {"readyReplicas": replicas, "replicas": replicas}

    def _create(self, argv: Sequence[str], stdin: str) -> Result:
        created = json.loads(stdin)
        if created["kind"] == "List":
            self.api.objects["pods"].append(self.deployment.slow.create(created))
            return Result(tuple(argv), 0, "", "")
        (container,) = created["spec"]["containers"]
        self._targets = container["command"][3:]
        as_root, level = container["securityContext"]["runAsUser"] == 0, self.api.enforces()
        denied = as_root and level.startswith("restricted") and "admits root" not in self.api.faults
        denied = denied or "admits nobody" in self.api.faults
        said = f'pods "probe" is forbidden: violates PodSecurity "{level}"' if denied else ""
        return Result(tuple(argv), int(denied), "", said)

    def _python(self, argv: Sequence[str], stdin: str) -> str:
        if "create_connection" not in stdin:
            return self.deployment.script(argv)
        app = INGEST if any(word.startswith(INGEST) for word in argv) else LOGIC
        return self._connections(app, argv[argv.index("-") + 1 :])

    def _connections(self, source: str, targets: Sequence[str]) -> str:
        fates = {target: target in self.open[source] for target in targets}
        return "\n".join(
            f"{t} {'open' if ok else 'TimeoutError timed out'}" for t, ok in fates.items()
        )

    def _shell(self, argv: Sequence[str], _stdin: str) -> str:
        return next(said for word, said in self.shell.items() if word in argv[-1])

    def _logs(self, argv: Sequence[str], _stdin: str) -> str:
        pod = argv[argv.index("logs") + 1]
        return "\n".join(self.deployment.logs[pod.rpartition("-")[0]])

    def _page(self, argv: Sequence[str], _stdin: str) -> str | Result:
        url, faults = argv[-1], self.deployment.faults
        if f"/pods/{PROMETHEUS}" in url:
            return json.dumps({"status": "success", "data": self._prometheus(url)})
        if "/pods/slow-" in url:
            return self.deployment.slow.page()
        if not url.endswith("/metrics"):
            broken = "consumer not ready" in faults
            return Result(tuple(argv), int(broken), '{"status": "ready"}', "503" if broken else "")
        if f"/{LOGIC}" in url:
            decided = len(self.deployment.topics["bid_decisions"])
            return f"consumer_records_total {decided}\nconsumer_decisions_total {decided}\n"
        counted = self.deployment.answered.items()
        rows = [f'ingest_requests_total{{outcome="{name}"}} {count}' for name, count in counted]
        return "\n".join(rows) + "\n"

    def _prometheus(self, url: str) -> dict[str, object]:
        """Answer for a Prometheus with two targets, one recorded query and one alert."""
        faults = self.api.faults
        if "/api/v1/targets" in url:
            health = "down" if "scrapes nothing" in faults else "up"
            jobs = ("ingest", "bidding-logic", "prometheus")
            return {"activeTargets": [{"labels": {"job": x}, "health": health} for x in jobs]}
        if "/api/v1/rules" in url:
            error = {"health": "err", "lastError": "many-to-many matching"}
            alert = {"name": "TargetMissing", "type": "alerting", "health": "ok"}
            alert |= error if "a broken rule" in faults else {}
            rules = [{"name": _RECORDED, "type": "recording", "health": "ok"}, alert]
            return {"groups": [] if "no rules" in faults else [{"rules": rules}]}
        value = "NaN" if "records NaN" in faults else "0.25"
        series = {"metric": {"__name__": _RECORDED}, "value": [1.0, value]}
        return {"result": [] if "records nothing" in faults else [series]}
