"""What the harness asks of kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from verification.cluster.tools.process import Result, Running, Starter
from verification.errors import ToolOutputError

_QUICK = 30.0
_CREATE = 180.0
_LOAD = 300.0


class Kind:
    """The `kind` executable, for one cluster and one kubeconfig file that is not the user's."""

    def __init__(self, runner: Starter, cluster: str, kubeconfig: Path) -> None:
        self._runner = runner
        self.cluster = cluster
        self.kubeconfig = kubeconfig

    def version(self) -> str:
        """Return the version, `0.33.0`."""
        printed = self._call("version").checked().stdout
        found = re.search(r"v(\d+\.\d+\.\d+)", printed)
        if not found:
            message = f"`kind version` printed no version: {printed[:200]!r}"
            raise ToolOutputError(message)
        return found[1]

    def exists(self) -> bool:
        """Say whether the cluster is there, healthy or not."""
        return self.cluster in self._call("get", "clusters").checked().stdout.split()

    def create(self, image: str, config: str) -> Running:
        """Begin to create the cluster from a configuration text.

        `--wait` is not used: it covers the node alone and returns success when it times out.
        """
        argv = ["kind", "create", "cluster", "--image", image, "--config", "-", *self._ours()]
        return self._runner.start(argv, timeout=_CREATE, stdin=config)

    def export_kubeconfig(self) -> None:
        """Write the kubeconfig file of a cluster that is there already."""
        self._call("export", "kubeconfig", *self._ours(), timeout=_QUICK).checked()

    def delete(self) -> None:
        """Remove the cluster; one that is not there is no error."""
        self._call("delete", "cluster", *self._ours(), timeout=_QUICK * 2).checked()

    def load(self, images: Sequence[str]) -> None:
        """Put those images on the nodes that lack their content (kind compares image ids).

        All at once: layers that they share travel once.
        """
        argv = ["load", "docker-image", *images, "--name", self.cluster]
        self._call(*argv, timeout=_LOAD).checked()

    def export_logs(self, folder: Path) -> Result:
        """Write the nodes' logs under `folder`."""
        return self._call("export", "logs", str(folder), "--name", self.cluster, timeout=60)

    def _ours(self) -> list[str]:
        return ["--name", self.cluster, "--kubeconfig", str(self.kubeconfig)]

    def _call(self, *args: str, timeout: float = _QUICK) -> Result:
        return self._runner.run(["kind", *args], timeout=timeout)
