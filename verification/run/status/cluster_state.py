"""The state of the deployment in the kind cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from common.kafka import KafkaSettings
from common.settings import SettingsError, read
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import ADMIN_PORTS, CONSUMER_APP
from verification.cluster.configured import configured
from verification.cluster.pods import Object, blocked, name_of, restarts
from verification.cluster.workloads import KINDS, pending, title
from verification.errors import HarnessError
from verification.run.service import read_reasons
from verification.run.status.state import (
    Issue,
    KafkaState,
    Status,
    Workload,
    behind,
    kafka_state,
    late,
)

_RUNS = "NotReady"  # and nothing of Kubernetes is in its way
# kubectl's own way to a page keeps the body of a 503 to itself
_ASK = """\
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
connection.request("GET", "/readyz")
print(connection.getresponse().read().decode())
"""
_NAMES = ("KAFKA_TOPIC_", "KAFKA_CONSUMER_GROUP")  # others may name files that are in the pod alone


class ClusterInquiry:
    """Asks the cluster, and notes every issue on the way."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kubectl = context.kubectl
        self._begin = f"{context.kubectl.prefix} --namespace {context.kubectl.namespace}"

    def behind(self) -> int | None:
        """Return the records behind; see Inquiry."""
        with suppress(HarnessError):
            return behind(self._context.topics, self._names())
        return None

    def status(self) -> Status:
        """Ask for everything; only a cluster that does not answer at all raises HarnessError."""
        found = self._kubectl.list(KINDS)
        pods = self._kubectl.list("pods")
        issues = [*self._of_workloads(found), *self._of_pods(pods)]
        logs = f"{self._begin} logs deployment/{CONSUMER_APP} --tail 50"
        try:
            kafka = kafka_state(self._context.topics, self._names())
        except HarnessError as error:
            kafka = KafkaState()
            issues.append(Issue(f"Kafka's state is unknown: {error.message}", logs))
        issues += late(kafka, logs)
        workloads = tuple(
            Workload(title(item), pending(item) is None, pending(item) or "available")
            for item in found
        )
        where = f"cluster {self._context.settings.cluster}"
        return Status(where, workloads, kafka, tuple(issues))

    def _names(self) -> KafkaSettings:
        """Return what topics and group are called; HarnessError where nobody says it."""
        deployed = self._kubectl.get("deployment", CONSUMER_APP)
        environ = configured(self._kubectl, deployed["spec"]["template"]["spec"])
        names = {name: value for name, value in environ.items() if name.startswith(_NAMES)}
        try:
            return read(KafkaSettings, names)
        except SettingsError as error:
            raise HarnessError(str(error)) from error

    def _of_workloads(self, workloads: list[Object]) -> Iterator[Issue]:
        if not workloads:
            yield Issue("nothing is deployed", "make up")
        for workload in workloads:
            lacking = pending(workload)
            if lacking is not None:
                yield Issue(lacking, f"{self._begin} describe {title(workload)}")

    def _says(self, pod: Object) -> str:
        """Return what a service that runs says of itself, asked from inside its pod."""
        port = ADMIN_PORTS.get(pod["metadata"].get("labels", {}).get("app.kubernetes.io/name"))
        if port is None or pod["status"].get("phase") != "Running":
            return ""
        asked = self._kubectl.exec(name_of(pod), ["python", "-c", _ASK, str(port)])
        return f": /readyz says {read_reasons(asked.stdout.encode())}" if asked.code == 0 else ""

    def _of_pods(self, pods: list[Object]) -> Iterator[Issue]:
        for pod in pods:
            reason = blocked(pod)
            if reason is not None:
                what = f"{reason.message}{self._says(pod) if reason.reason == _RUNS else ''}"
                yield Issue(what, f"{self._begin} describe pod/{name_of(pod)}")
        for name, count in restarts(pods).items():
            pod_name, _, container = name.partition("/")
            command = f"{self._begin} logs {pod_name} --container {container} --previous"
            yield Issue(f"{name} has been restarted {count} times", command)
