"""Looking into the pods of the deployment, for several categories of checks."""

from __future__ import annotations

import re
from typing import Any

from verification.checklist.support.check import NotAsPromisedError
from verification.checklist.support.context import Context
from verification.cluster.pods import is_ready, name_of
from verification.cluster.tools.docker import parse_object

Object = dict[str, Any]

INGEST_APP = "bid-request-handler"
CONSUMER_APP = "bidding-logic-service"
KAFKA_APP = "kafka"
# Where each service counts, and says why it is not ready.
ADMIN_PORTS = {INGEST_APP: 8082, CONSUMER_APP: 8081}
_BYTES = "org.apache.kafka.common.serialization.BytesDeserializer"


def containers_of(workload: Object) -> list[Object]:
    """Return the containers of a workload's pod template."""
    found: list[Object] = workload["spec"]["template"]["spec"]["containers"]
    return found


def pods_of(context: Context, app: str) -> list[Object]:
    """Return the pods of an app that are not on their way out."""
    pods = context.kubectl.list("pods", selector=f"app.kubernetes.io/name={app}")
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def ready_pod(context: Context, app: str) -> str:
    """Return the name of a ready pod of an app."""
    found = [name_of(pod) for pod in pods_of(context, app) if is_ready(pod)]
    if not found:
        raise NotAsPromisedError(expected=f"a ready pod of {app}", found="none")
    return found[0]


def sigkill(context: Context, pod: str) -> None:
    """Kill the first process of a pod's container from its node: nothing of it runs any more."""
    found = context.kubectl.get("pod", pod)
    container = str(found["status"]["containerStatuses"][0]["containerID"]).rpartition("/")[2]
    node = ("exec", str(found["spec"]["nodeName"]))
    inspected = parse_object(context.docker.call(*node, "crictl", "inspect", container).checked())
    context.docker.call(*node, "kill", "-KILL", str(inspected["info"]["pid"])).checked()


def pod_page(context: Context, app: str, path: str) -> str:
    """Return an HTTP page of one of an app's pods, fetched through the API server."""
    pod = ready_pod(context, app)
    return page_of(context, pod, ADMIN_PORTS[app], path)


def page_of(context: Context, pod: str, port: int, path: str) -> str:
    """Return an HTTP page of a pod, fetched through the API server."""
    url = f"/api/v1/namespaces/{context.kubectl.namespace}/pods/{pod}:{port}/proxy{path}"
    return context.kubectl.call("get", "--raw", url).checked().stdout


def kafka(context: Context, tool: str, *args: str) -> str:
    """Run one of Apache Kafka's own tools in a broker's pod and return what it prints."""
    small = ["env", "KAFKA_HEAP_OPTS=-Xmx128m"]
    command = [f"/opt/kafka/bin/{tool}", "--bootstrap-server", "kafka-service:9092", *args]
    pod = ready_pod(context, KAFKA_APP)
    return context.kubectl.exec(pod, [*small, *command], timeout=60).checked().stdout


def expected_topics(context: Context) -> dict[str, dict[str, int]]:
    """Return partitions, replicas and min.insync.replicas of the topics that are declared."""
    rows = [
        line.split()
        for item in context.kubectl.list("configmaps")
        if name_of(item).startswith("kafka-topics")
        for line in item["data"].get("topics.txt", "").splitlines()
    ]
    return {
        row[0]: {"partitions": int(row[1]), "replicas": int(row[2]), "min.insync": int(row[3])}
        for row in rows
        if row and not row[0].startswith("#")
    }


def on_brokers_time(printed: str) -> set[str]:
    """Return the topics whose records carry the brokers' time, of `kafka-topics.sh --describe`."""
    pattern = r"^Topic: (\S+).*message\.timestamp\.type=LogAppendTime"
    return set(re.findall(pattern, printed, re.MULTILINE))


def parse_topics(printed: str) -> dict[str, dict[str, int]]:
    """Read the output of `kafka-topics.sh --describe`."""
    pattern = (
        r"^Topic: (\S+).*PartitionCount: (\d+)\s+ReplicationFactor: (\d+)"
        r".*min\.insync\.replicas=(\d+)"
    )
    return {
        name: {"partitions": int(parts), "replicas": int(copies), "min.insync": int(least)}
        for name, parts, copies, least in re.findall(pattern, printed, re.MULTILINE)
    }


def kafka_stdin(context: Context, text: str, tool: str, *args: str) -> None:
    """Feed one of Apache Kafka's own tools in a broker's pod."""
    command = ["env", "KAFKA_HEAP_OPTS=-Xmx128m", f"/opt/kafka/bin/{tool}"]
    where = ["--bootstrap-server", "kafka-service:9092"]
    pod = ready_pod(context, KAFKA_APP)
    context.kubectl.exec(pod, [*command, *where, *args], timeout=60, stdin=text).checked()


def kafka_value(context: Context, topic: str, partition: int, offset: int) -> bytes:
    r"""Return a record's value as Apache Kafka's own console consumer reads it.

    Its BytesDeserializer prints every byte that is not printable ASCII, and the backslash, as
    `\xNN`: the exact bytes can be told from the output.
    """
    printed = kafka(
        context,
        "kafka-console-consumer.sh",
        *("--topic", topic, "--partition", f"{partition}", "--offset", f"{offset}"),
        *("--max-messages", "1", "--timeout-ms", "20000"),
        *("--formatter-property", "value.deserializer=" + _BYTES),
    )
    return unescape(printed.removesuffix("\n"))


def unescape(printed: str) -> bytes:
    """Undo `org.apache.kafka.common.utils.Bytes.toString`."""
    pieces = re.split(r"\\x([0-9A-F]{2})", printed)
    plain = [piece.encode("ascii", errors="replace") for piece in pieces[::2]]
    coded = [bytes.fromhex(piece) for piece in pieces[1::2]] + [b""]
    return b"".join(part for pair in zip(plain, coded, strict=True) for part in pair)
