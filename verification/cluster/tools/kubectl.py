"""What the harness asks of kubectl."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from verification.cluster.tools.docker import parse_object
from verification.cluster.tools.process import Result, Runner

_QUICK = 30.0

Object = dict[str, Any]


class Kubectl:
    """The `kubectl` executable, for one kubeconfig file, context and namespace."""

    def __init__(self, runner: Runner, kubeconfig: Path, context: str, namespace: str) -> None:
        self._runner = runner
        self._own = ("--kubeconfig", str(kubeconfig), "--context", context)
        self.namespace = namespace

    def call(self, *args: str, timeout: float = _QUICK, stdin: str | None = None) -> Result:
        """Run `kubectl ARGS` against the cluster, whatever its status."""
        return self._runner.run(["kubectl", *self._own, *args], timeout=timeout, stdin=stdin)

    @property
    def prefix(self) -> str:
        """The words with which a person begins a command against this cluster."""
        return " ".join(["kubectl", *self._own])

    def client_version(self) -> str:
        """Return the client's version, `v1.34.3`; needs no cluster."""
        argv = ["kubectl", "version", "--client", "--output=json"]
        found = parse_object(self._runner.run(argv, timeout=_QUICK).checked())
        return str(found.get("clientVersion", {}).get("gitVersion", ""))

    def kustomize(self, folder: Path) -> str:
        """Return the YAML that a kustomization renders to; needs no cluster."""
        return (
            self._runner.run(["kubectl", "kustomize", str(folder)], timeout=_QUICK).checked().stdout
        )

    def apply(self, manifests: str) -> str:
        """Apply a YAML text and return what kubectl says of each object."""
        argv = ["apply", "--server-side", "--force-conflicts", "--filename", "-"]
        return self.call(*argv, timeout=90, stdin=manifests).checked().stdout

    def create(self, manifest: Object) -> None:
        """Create one object, or a List of them, in the namespace."""
        argv = ["create", "--namespace", self.namespace, "--filename", "-"]
        self.call(*argv, stdin=json.dumps(manifest)).checked()

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """Return one object."""
        argv = ["get", kind, name, "--namespace", namespace or self.namespace, "--output=json"]
        return parse_object(self.call(*argv).checked())

    def list(self, kinds: str, selector: str = "", namespace: str | None = None) -> list[Object]:
        """Return the objects of `kinds` (comma-separated) in a namespace, `*` meaning all."""
        where = (
            ["--all-namespaces"]
            if namespace == "*"
            else ["--namespace", namespace or self.namespace]
        )
        chosen = ["--selector", selector] if selector else []
        found = parse_object(self.call("get", kinds, *where, *chosen, "--output=json").checked())
        items: list[Object] = found.get("items", [])
        return items

    def exec(
        self,
        target: str,
        command: Sequence[str],
        *,
        container: str = "",
        timeout: float = _QUICK,
        stdin: str | None = None,
    ) -> Result:
        """Run a command in a pod (`NAME` or `deploy/NAME`), whatever its status."""
        options = ["--stdin"] if stdin is not None else []
        options += ["--container", container] if container else []
        argv = ["exec", target, "--namespace", self.namespace, *options, "--", *command]
        return self.call(*argv, timeout=timeout, stdin=stdin)

    def logs(self, pod: str, container: str, *, previous: bool = False, tail: int = -1) -> str:
        """Return a container's log, of its previous run where asked."""
        argv = ["logs", pod, "--namespace", self.namespace, "--container", container]
        argv += [f"--tail={tail}", *(["--previous"] if previous else [])]
        return self.call(*argv).checked().stdout

    def delete(self, kind: str, name: str, *, wait: bool = False, timeout: float = _QUICK) -> None:
        """Delete one object; one that is not there is no error."""
        argv = ["delete", kind, name, "--namespace", self.namespace, "--ignore-not-found"]
        self.call(*argv, f"--wait={str(wait).lower()}", timeout=timeout).checked()

    def scale(self, workload: str, replicas: int) -> None:
        """Set the replicas of `deploy/NAME` or `statefulset/NAME`."""
        argv = ["scale", workload, "--namespace", self.namespace, f"--replicas={replicas}"]
        self.call(*argv).checked()

    def restart(self, workload: str) -> None:
        """Begin a rolling restart."""
        self.call("rollout", "restart", workload, "--namespace", self.namespace).checked()
