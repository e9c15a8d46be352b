"""What can be wrong with the machine, the images, the cluster and the roll-out."""

from __future__ import annotations

from tests.support.fakes.harness_api import INGEST, KAFKA, LOGIC
from tests.support.fakes.harness_objects import pod, storage_class
from tests.support.fakes.harness_world import World
from tests.unit.verification.checklist.fault import Fault, config, docker, put, status


def _old_cgroup(world: World) -> None:
    world.node_image = "kindest/node:v1.35.0"
    world.runner.answer("docker", "info", with_={"ServerVersion": "29", "CgroupVersion": "1"})


def _taken_port(world: World) -> None:
    world.host.owner = "nginx (pid 7)"
    world.runner.answer("docker", "port", with_="")


_OLD_KUBECTL = {"clientVersion": {"gitVersion": "v1.20.0"}}

PREFLIGHT = (
    Fault("docker-answers", "no engine", docker("info", with_={}), "no Docker engine answers"),
    Fault("docker-version", "old", docker("info", with_={"ServerVersion": "19.3"}), "19.3"),
    Fault("kind-version", "old", lambda w: w.runner.answer("kind", with_="kind v0.9.0"), "0.9.0"),
    Fault(
        "kubectl-version",
        "old",
        lambda w: w.runner.answer("kubectl", "version", with_=_OLD_KUBECTL),
        "v1.20.0",
    ),
    Fault("memory", "little", put("host", "memory_mib", 1), "1 MiB"),
    Fault("disk", "full", put("host", "disk_mib", 2), "2 MiB"),
    Fault("inotify", "low", put("host", "inotify", {"max_user_instances": 8}), "8"),
    Fault("cgroup-version", "v1 with a new Kubernetes", _old_cgroup, "cgroup v1"),
    Fault("port-free", "taken", _taken_port, "nginx (pid 7)"),
    Fault("images", "none", docker("image", code=1, stderr="No such image"), "missing"),
)
IMAGES = (
    Fault("numeric-user", "root", config("User", ""), "rtb/ingest"),
    Fault("numeric-user", "a name", config("User", "app"), "app"),
    Fault("exec-form-entrypoint", "a shell", config("Entrypoint", ["/bin/sh", "-c"]), "/bin/sh"),
    Fault("exec-form-entrypoint", "none", config("Entrypoint", None), "rtb/ingest"),
    Fault("no-configuration-inside", "baked", config("Env", ["KAFKA_BROKERS=x"]), "KAFKA_BROKERS"),
    Fault("labels", "none", config("Labels", None), "licenses"),
    Fault("size-budget", "large", lambda w: w.image.update(Size=900 << 20), "820"),
    Fault("nothing-left-behind", "gcc", docker("run", "--rm", with_="/usr/bin/gcc"), "gcc"),
    Fault(
        "starts-read-only",
        "ends at once",
        docker("inspect", "{{.State.Status}}", with_="exited"),
        "is exited",
    ),
    Fault("starts-read-only", "ill", docker("exec", "-c", with_="503"), "503"),
    Fault("stops-on-sigterm", "killed", docker("wait", with_="137"), "status 137"),
)
CLUSTER = (
    Fault(
        "nodes-ready",
        "not ready",
        lambda w: w.api.the("nodes")["status"]["conditions"][0].update(status="False"),
        "node-1",
    ),
    Fault(
        "kubernetes-version",
        "another",
        lambda w: w.api.the("nodes")["status"]["nodeInfo"].update(kubeletVersion="v1.30.0"),
        "v1.30.0",
    ),
    Fault(
        "dns-available",
        "no replicas",
        lambda w: w.api.system["deployments"][0]["status"].update(availableReplicas=0),
        "0 of 1",
    ),
    Fault(
        "default-storage-class",
        "none",
        lambda w: w.api.objects.update(storageclasses=[storage_class(default=False)]),
        "[]",
    ),
    Fault(
        "system-pods-ready",
        "one crashes",
        lambda w: w.api.system.update(pods=[pod("dns", waiting="CrashLoopBackOff")]),
        "CrashLoopBackOff",
    ),
    Fault("port-on-loopback-only", "open", docker("port", with_="0.0.0.0:8080"), "0.0.0.0:8080"),
    Fault(
        "user-kubeconfig-untouched",
        "our context",
        lambda w: w.runner.answer("kubectl", "config", with_="kind-rtb-verify\n"),
        "kind-rtb-verify",
    ),
)
ROLLOUT = (
    Fault(
        "workloads-available",
        "a replica lacks",
        status("deployments", INGEST, availableReplicas=0),
        f"deployment/{INGEST}: 0 of 1",
    ),
    Fault(
        "zero-restarts",
        "one",
        lambda w: w.api.the("pods", KAFKA)["status"]["containerStatuses"][0].update(restartCount=1),
        "kafka-1/main",
    ),
    Fault(
        "expected-images",
        "an older one",
        lambda w: w.api.the("pods", LOGIC)["status"]["containerStatuses"][0].update(
            image="docker.io/rtb/consumer:old"
        ),
        "rtb/consumer:old",
    ),
    Fault(
        "configuration-from-config-maps",
        "a literal",
        lambda w: w.api.the("deployments", LOGIC)["spec"]["template"]["spec"]["containers"][
            0
        ].update(env=[{"name": "LOG_LEVEL", "value": "DEBUG"}]),
        "LOG_LEVEL",
    ),
    Fault("claims-bound", "pending", status("persistentvolumeclaims", "", phase="Pending"), "Pend"),
    Fault(
        "disruption-budgets",
        "sees no pod",
        status("poddisruptionbudgets", KAFKA, currentHealthy=0),
        "statefulset/kafka",
    ),
    Fault(
        "topics-as-declared",
        "other partitions",
        lambda w: setattr(w, "topics", w.topics.replace("PartitionCount: 1", "PartitionCount: 3")),
        "'partitions': 3",
    ),
    Fault(
        "topics-as-declared",
        "clients' time",
        lambda w: setattr(w, "topics", w.topics.replace("LogAppendTime", "CreateTime")),
        "not in {'bid_requests'}",
    ),
)
