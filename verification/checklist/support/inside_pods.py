"""Looking into the pods of the deployment, for several categories of checks."""

from __future__ import annotations

from typing import Any

from verification.checklist.support.check import NotAsPromisedError
from verification.checklist.support.context import Context
from verification.cluster.pods import is_ready, name_of

Object = dict[str, Any]

INGEST_APP = "bid-request-handler"
CONSUMER_APP = "bidding-logic-service"
KAFKA_APP = "kafka"
# Where each service counts, and says why it is not ready.
ADMIN_PORTS = {INGEST_APP: 8082, CONSUMER_APP: 8081}


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


def page_of(context: Context, pod: str, port: int, path: str) -> str:
    """Return an HTTP page of a pod, fetched through the API server."""
    url = f"/api/v1/namespaces/{context.kubectl.namespace}/pods/{pod}:{port}/proxy{path}"
    return context.kubectl.call("get", "--raw", url).checked().stdout


def kafka(context: Context, tool: str, *args: str, stdin: str | None = None) -> str:
    """Run one of Apache Kafka's own tools in a broker's pod and return what it prints."""
    command = ["env", "KAFKA_HEAP_OPTS=-Xmx128m", f"/opt/kafka/bin/{tool}"]
    command += ["--bootstrap-server", "kafka-service:9092", *args]
    pod = ready_pod(context, KAFKA_APP)
    return context.kubectl.exec(pod, command, timeout=60, stdin=stdin).checked().stdout
