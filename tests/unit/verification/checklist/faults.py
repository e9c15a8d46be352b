"""Every fault that we know for each check but the static ones: how it comes, what is said of it.

Those of the manifests are the mutations of tests/kubernetes/manifests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.support.fakes.harness_api import INGEST, KAFKA, LOGIC
from tests.support.fakes.harness_objects import pod, storage_class
from tests.support.fakes.harness_world import World
from verification.checklist.registry import CHECKS

Change = Callable[[World], object]
# Its name, what it does to a world that is well, and a word that the failed check says.
Fault = tuple[str, Change, str]

_KAFKA, _CONTROLLER = "kafka-service.rtb:9092", "kafka-0.kafka-headless.rtb:9093"
_PUBLIC, _ADMIN = "bid-request-handler.rtb:8080", "bid-request-handler-admin.rtb:8082"
_LOGIC_PORT, _DNS = "bidding-logic-service.rtb:8081", "kube-dns.kube-system:53"


def _tool(*words: str, **answer: Any) -> Change:  # noqa: ANN401  as FakeRunner.answer takes it
    return lambda world: world.runner.answer(*words, **answer)


def _info(**told: str) -> Change:
    return _tool("docker", "info", with_=told)


def _config(name: str, value: object) -> Change:
    return lambda world: world.image["Config"].update({name: value})


def _status(kind: str, name: str = "", **values: object) -> Change:
    return lambda world: world.api.the(kind, name)["status"].update(values)


def _container(app: str, **values: object) -> Change:
    def change(world: World) -> None:
        world.api.the("pods", app)["status"]["containerStatuses"][0].update(values)

    return change


def _printed(before: str, after: str) -> Change:
    return lambda world: setattr(world, "topics", world.topics.replace(before, after))


def _shell(word: str, printed: str) -> Change:
    return lambda world: world.shell.update({word: printed})


def _status_1(uid: str = "10001", caps: str = "0000000000000000") -> Change:
    text = f"Uid:\t{uid}\t{uid}\nCapEff:\t{caps}\nNoNewPrivs:\t1\nSeccomp:\t2"
    return _shell("/proc/1/status", text)


def _opened(source: str, target: str) -> Change:
    return lambda world: world.open[source].append(target)


def _closed(source: str, target: str) -> Change:
    return lambda world: world.open[source].remove(target)


def _put(part: str, name: str, value: object) -> Change:
    return lambda world: setattr(getattr(world, part) if part else world, name, value)


def _api(name: str) -> Change:
    return lambda world: world.api.faults.add(name)


def _pipeline(name: str) -> Change:
    return lambda world: world.deployment.faults.add(name)


def _faulty(*names: str) -> Iterable[Fault]:
    """Return faults of the pipeline about which nothing particular is said."""
    return ((name, _pipeline(name), "") for name in names)


def _prints(app: str, line: str) -> Fault:
    return f"{app} prints", lambda world: world.deployment.logs[app].append(line), line


def _old_cgroup(world: World) -> None:
    world.node_image = "kindest/node:v1.35.0"
    _info(ServerVersion="29", CgroupVersion="1")(world)


def _taken_port(world: World) -> None:
    world.host.owner = "nginx (pid 7)"
    world.runner.answer("docker", "port", with_="")


def _literal(world: World) -> None:
    (container,) = world.api.the("pods", LOGIC)["spec"]["containers"]
    container["env"] = [{"name": "LOG_LEVEL", "value": "DEBUG"}]


def _without_maps(world: World) -> None:
    for item in world.api.objects["pods"]:
        item["spec"]["containers"][0]["envFrom"] = []


def _enforces(**labels: str) -> Change:
    found = {f"pod-security.kubernetes.io/{key.replace('_', '-')}": x for key, x in labels.items()}
    return lambda world: world.api.the("namespaces")["metadata"].update(labels=found)


def _documents(text: str) -> Change:
    return lambda world: (world.root / "docs" / "metrics.md").write_text(text)


_OLD_KUBECTL = {"clientVersion": {"gitVersion": "v1.20.0"}}

FAULTS: dict[str, Iterable[Fault]] = {
    "preflight.docker-answers": [
        ("no engine", _info(), "no Docker engine answers"),
        ("old", _info(ServerVersion="19.3"), "19.3"),
    ],
    "preflight.kind-version": [("old", _tool("kind", with_="kind v0.9.0"), "0.9.0")],
    "preflight.kubectl-version": [
        ("old", _tool("kubectl", "version", with_=_OLD_KUBECTL), "v1.20.0")
    ],
    "preflight.memory": [("little", _put("host", "memory_mib", 1), "1 MiB")],
    "preflight.disk": [("full", _put("host", "disk_mib", 2), "2 MiB")],
    "preflight.inotify": [("low", _put("host", "limits", (8, 8192)), "8")],
    "preflight.cgroup-version": [("v1 with a new Kubernetes", _old_cgroup, "cgroup v1")],
    "preflight.port-free": [("taken", _taken_port, "nginx (pid 7)")],
    "preflight.images": [
        ("none", _tool("docker", "image", code=1, stderr="No such image"), "missing")
    ],
    "images.numeric-user": [
        ("root", _config("User", ""), "rtb/ingest"),
        ("a name", _config("User", "app"), "app"),
    ],
    "images.no-configuration-inside": [
        ("baked", _config("Env", ["KAFKA_BROKERS=x"]), "KAFKA_BROKERS")
    ],
    "images.labels": [("none", _config("Labels", None), "licenses")],
    "images.size-budget": [("large", lambda w: w.image.update(Size=900 << 20), "820")],
    "images.nothing-left-behind": [
        ("gcc", _tool("docker", "run", "--rm", with_="/usr/bin/gcc"), "gcc")
    ],
    "images.stops-on-sigterm": [
        ("a shell", _config("Entrypoint", ["/bin/sh", "-c"]), "status 137"),
        ("no entry point", _config("Entrypoint", None), "is created"),
        ("ends at once", _tool("docker", "{{.State.Status}}", with_="exited"), "is exited"),
        ("ill", _tool("docker", "exec", "-c", with_="503"), "503"),
        ("killed", _tool("docker", "wait", with_="137"), "status 137"),
    ],
    "cluster.nodes-ready": [
        ("another version", _status("nodes", nodeInfo={"kubeletVersion": "v1.30.0"}), "v1.30.0"),
        (
            "not ready",
            _status("nodes", conditions=[{"type": "Ready", "status": "False"}]),
            "node-1",
        ),
    ],
    "cluster.default-storage-class": [
        (
            "none",
            lambda w: w.api.objects.update(storageclasses=[storage_class(default=False)]),
            "[]",
        )
    ],
    "cluster.system-pods-ready": [
        ("no DNS", lambda w: w.api.system_pods.clear(), "CoreDNS"),
        (
            "one crashes",
            lambda w: w.api.system_pods.append(pod("dns", waiting="CrashLoopBackOff")),
            "CrashLoopBackOff",
        ),
    ],
    "cluster.port-on-loopback-only": [
        ("open", _tool("docker", "port", with_="0.0.0.0:8080"), "0.0.0.0:8080")
    ],
    "cluster.user-kubeconfig-untouched": [
        ("our context", _tool("kubectl", "config", with_="kind-rtb-verify\n"), "kind-rtb-verify")
    ],
    "rollout.workloads-available": [
        (
            "a replica lacks",
            _status("deployments", INGEST, availableReplicas=0),
            f"deployment/{INGEST}: 0 of 1",
        ),
        ("a claim waits", _status("statefulsets", readyReplicas=0), "statefulset/kafka: 0 of 1"),
    ],
    "rollout.zero-restarts": [("one", _container(KAFKA, restartCount=1), "kafka-1/main")],
    "rollout.expected-images": [
        ("an older one", _container(LOGIC, image="rtb/consumer:old"), "rtb/consumer:old")
    ],
    "rollout.disruption-budgets": [
        (
            "sees no pod",
            _status("poddisruptionbudgets", KAFKA, currentHealthy=0),
            "statefulset/kafka",
        )
    ],
    "rollout.topics-as-declared": [
        ("other partitions", _printed("PartitionCount: 1", "PartitionCount: 3"), "'partitions': 3"),
        ("clients' time", _printed("LogAppendTime", "CreateTime"), "not in {'bid_requests'}"),
    ],
    "pipeline.ready": [
        ("ill", _pipeline("healthz"), "/healthz: 200"),
        ("not ready", _pipeline("readyz"), "/readyz: 200"),
        ("consumer not ready", _pipeline("consumer not ready"), "503"),
    ],
    "pipeline.accepts": _faulty("refuses all", "no position"),
    "pipeline.record-bytes-identical": _faulty("encodes again", "refuses all"),
    "pipeline.gzip-inflated": _faulty("keeps gzip", "refuses all"),
    "pipeline.record-key-and-headers": _faulty(
        *("wrong key", "wrong clock", "content-type", "received-at"),
        *("x-openrtb-version", "traceparent"),
    ),
    "pipeline.decision-written": _faulty(
        "consumer stopped", "wrong offset", "wrong response", "unknown version"
    ),
    "pipeline.consumer-logs-position": _faulty("consumer stopped", "wrong offset"),
    "pipeline.invalid-refused": _faulty("takes anything", "leaks refused"),
    "pipeline.oversized-refused": _faulty("takes anything", "leaks refused", "always 400"),
    "pipeline.wrong-type-refused": _faulty("takes anything", "leaks refused", "always 400"),
    "pipeline.poison-to-dead-letters": _faulty(
        "swallows poison", "bare dead letters", "dies of poison"
    ),
    "pipeline.logs-are-json": [
        _prints(INGEST, "hello from print()"),
        _prints(LOGIC, "===> hello"),
        _prints(KAFKA, "Created topic"),
        _prints("kafka-topics", "Created topic"),
        _prints(INGEST, '{"event": "e", "timestamp": "t", "level": "info"}'),
    ],
    "pipeline.no-personal-data-in-logs": _faulty("logs the device"),
    "configuration.effective": [
        ("a literal", _literal, "LOG_LEVEL"),
        ("no ConfigMap", _without_maps, "values of ConfigMaps"),
        ("another value", _put("", "environment", "KAFKA_BROKERS=other"), "'other'"),
    ],
    "configuration.change-takes-effect": [
        ("no new pods", _api("same pods"), "new pods"),
        ("not in force", _api("old value"), "413"),
    ],
    "configuration.bad-change-keeps-serving": [
        ("pods start", _api("no crash"), "crash loop"),
        (
            "a traceback",
            _put("api", "said_by_crashed", "Traceback\nINGEST_NO_SUCH_SETTING"),
            "one line",
        ),
        ("says nothing", _put("api", "said_by_crashed", ""), "the name in the log"),
        ("old pod refuses", _pipeline("refuses all"), "202"),
    ],
    "security.root-pod-refused": [
        ("baseline", _enforces(enforce="baseline", enforce_version="v1.34"), "user 0 refused"),
        ("no version", _enforces(enforce="restricted"), "restricted:latest"),
        ("root admitted", _api("admits root"), "user 0 refused"),
        ("nobody admitted", _api("admits nobody"), "user 10001 admitted"),
    ],
    "security.process-hardened": [
        ("root", _status_1(uid="0"), "other than 0; found 0"),
        ("a capability", _status_1(caps="1"), "'CapEff': '1'"),
    ],
    "security.no-token": [("a token", _shell("kubernetes.io", "there"), "there")],
    "security.no-service-links": [
        ("links", _shell("env |", "KAFKA_PORT=tcp://10.0.0.1:9092"), "KAFKA_PORT")
    ],
    "security.writable-paths": [
        ("another", _shell("find /", "/tmp\n/srv"), "/srv"),  # noqa: S108  in the pod
        ("a namesake", _shell("find /", "/tmp\n/tmpx"), "/tmpx"),  # noqa: S108  in the pod
    ],
    "security.stranger-kept-from-kafka": [
        ("let in", _opened("stranger", _KAFKA), f"{_KAFKA} timed out"),
        ("let in to the admin port", _opened("stranger", _ADMIN), f"{_ADMIN} timed out"),
        ("kept from all", _closed("stranger", _PUBLIC), "8080 open"),
    ],
    "security.public-port-bare": [
        *(
            (name, _pipeline(f"public {name}"), f"/{name}: 404")
            for name in ("metrics", "docs", "openapi.json")
        ),
        ("reasons", _pipeline("public reasons"), "kafka: away"),
    ],
    "security.services-reach-kafka": [
        ("kept out", _closed(LOGIC, _KAFKA), f"{LOGIC}: {_KAFKA} open"),
        ("quorum open", _opened(INGEST, _CONTROLLER), f"{_CONTROLLER} timed out"),
        ("no DNS", _closed(INGEST, _DNS), "53 open"),
        ("all open", _opened(INGEST, _LOGIC_PORT), f"{_LOGIC_PORT} timed out"),
    ],
    "metrics.documented": [
        (
            "one of the ingest's lacks",
            _documents("## Ingest\n| `nope_total` |\n## Bidding logic\n"),
            "nope_total",
        ),
        (
            "one of the bidding logic's lacks",
            _documents("## Ingest\n| `ingest_requests_total` |\n## Bidding logic\n| `nope` |\n"),
            "nope",
        ),
    ],
    "metrics.counters-reconcile": [
        ("not decided", _pipeline("consumer stopped"), "bid decided"),
        ("refuses", _pipeline("refuses some"), "'accepted'"),
        ("lag stays", _pipeline("lag stays"), "7 records behind"),
    ],
    "metrics.lag-true": [
        (name, _pipeline(name), says)
        for name, says in {
            "gauge stands at 0": "170 to 200 on the gauge",
            "gauge stands still": "110 to 140 on the gauge",
            "gauge is not read": "the lag read anew: not",
            "no gauge": "0 of 1 partitions",
            "no seconds": "170 (0.0 s)",
            "never worked off": "the burst worked off: not",
            "slow one reads nothing": "2 looks with a gauge",
            "slow one crashes": "CrashLoopBackOff",
            "refuses all": "expected 202",
        }.items()
    ],
    "monitoring.prometheus-sees-all": [
        (name, _api(name), says)
        for name, says in {
            "no Prometheus": "a ready pod of prom",
            "scrapes nothing": "0 of 1 pods",
            "no rules": "the rules of the manifests",
            "records nothing": "ingest:in_flight",
            "records NaN": "ingest:in_flight:ratio",
            "a broken rule": "many-to-many",
        }.items()
    ],
    "scaling.grows-and-shrinks": [
        ("never grows", _api("never grows"), "growth"),
        ("never shrinks", _api("never shrinks"), "shrinking"),
        ("not measured", _status("horizontalpodautoscalers", conditions=[]), "first measurement"),
    ],
}


def _under_load(name: str, *, seamless: bool) -> Iterable[Fault]:
    yield "bids lost", _pipeline("loses some"), "accepted and missing"
    if seamless:
        yield "refusals", _pipeline("refuses some"), "not every request"
    if name in {"ingest-pod-deleted", "kafka-pod-killed", "kafka-pods-deleted-in-turn"}:
        yield "never replaced", _api("never replaced"), "another pod in place"
    if name == "ingest-pod-deleted":
        yield "all refused", _pipeline("refuses all"), "accepting again"
    if name == "ledger":
        yield "lag stays", _pipeline("lag stays"), "lag back to 0"


for _check in CHECKS:
    if _check.under_load:
        _seamless = "every request is accepted" in _check.statement
        _name = _check.id.partition(".")[2]
        FAULTS[_check.id] = list(_under_load(_name, seamless=_seamless))
