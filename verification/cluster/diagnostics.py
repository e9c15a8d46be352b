"""The bundle of evidence that is collected before anything is removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import yaml

from verification.clock import Clock
from verification.cluster.pods import containers, name_of
from verification.cluster.tools.kind import Kind
from verification.cluster.tools.kubectl import Kubectl
from verification.errors import HarnessError

_DESCRIBED = "pods,deployments,statefulsets,jobs,services,persistentvolumeclaims,networkpolicies"
_KAFKA_BIN = "/opt/kafka/bin"
_BOOTSTRAP = ("--bootstrap-server", "kafka-service:9092")
_KAFKA_STATE = {
    "topics": (f"{_KAFKA_BIN}/kafka-topics.sh", *_BOOTSTRAP, "--describe"),
    "groups": (
        f"{_KAFKA_BIN}/kafka-consumer-groups.sh",
        *_BOOTSTRAP,
        "--describe",
        "--all-groups",
    ),
}


class Diagnostics:
    """Writes what is known of the cluster into a folder; a part that fails says so in its file."""

    def __init__(self, kubectl: Kubectl, kind: Kind, clock: Clock, folder: Path) -> None:
        self._kubectl = kubectl
        self._kind = kind
        self._clock = clock
        self._folder = folder

    def collect(self, reason: str, configuration: dict[str, str], manifests: Path | None) -> Path:
        """Write a bundle named by time and reason; return its folder."""
        bundle = self._folder / f"{self._clock.now():%Y%m%dT%H%M%SZ}-{reason}"
        bundle.mkdir(parents=True, exist_ok=True)
        for name, part in self._parts(configuration, manifests):
            (bundle / name).write_text(_text(part), encoding="utf-8")
        self._write_logs(bundle / "logs")
        _text(lambda: self._kind.export_logs(bundle / "kind").stdout)
        return bundle

    def next_commands(self) -> list[str]:
        """Return the commands with which a person looks further."""
        kubectl = self._kubectl.prefix
        namespace = self._kubectl.namespace
        return [
            f"{kubectl} --namespace {namespace} get pods --output wide",
            f"{kubectl} --namespace {namespace} get events --sort-by=.lastTimestamp",
            f"{kubectl} --namespace {namespace} describe pods",
        ]

    def _parts(
        self, configuration: dict[str, str], manifests: Path | None
    ) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "configuration.yaml", lambda: yaml.safe_dump(configuration)
        yield "events.txt", lambda: self._call("get", "events", "--sort-by=.lastTimestamp")
        yield "objects.txt", lambda: self._call("get", _DESCRIBED, "--output=wide")
        yield "describe.txt", lambda: self._call("describe", _DESCRIBED)
        yield "configmaps.yaml", lambda: self._call("get", "configmaps", "--output=yaml")
        yield "nodes.txt", lambda: self._call("describe", "nodes")
        if manifests is not None:
            yield "manifests.yaml", lambda: self._kubectl.kustomize(manifests)
        for name, command in _KAFKA_STATE.items():
            yield f"kafka-{name}.txt", partial(self._in_kafka, command)

    def _call(self, *args: str) -> str:
        result = self._kubectl.call(*args, "--namespace", self._kubectl.namespace)
        return result.stdout + result.stderr

    def _in_kafka(self, command: tuple[str, ...]) -> str:
        quiet = ("env", "KAFKA_HEAP_OPTS=-Xmx128m", "LOG_DIR=/tmp")
        result = self._kubectl.exec("statefulset/kafka", [*quiet, *command])
        return result.stdout + result.stderr

    def _write_logs(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        try:
            pods = self._kubectl.list("pods")
        except HarnessError as error:
            (folder / "unavailable.txt").write_text(f"{error}\n", encoding="utf-8")
            return
        for pod in pods:
            for status in containers(pod):
                self._write_log(folder, name_of(pod), status["name"], previous=False)
                if status.get("restartCount"):
                    self._write_log(folder, name_of(pod), status["name"], previous=True)

    def _write_log(self, folder: Path, pod: str, container: str, *, previous: bool) -> None:
        name = f"{pod}-{container}{'-previous' if previous else ''}.log"
        text = _text(lambda: self._kubectl.logs(pod, container, previous=previous))
        (folder / name).write_text(text, encoding="utf-8")


def _text(part: Callable[[], str]) -> str:
    try:
        return part()
    except HarnessError as error:
        return f"could not be had: {error}\n"
