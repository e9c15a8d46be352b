"""Making, reusing and removing the cluster."""

from __future__ import annotations

from verification.cluster.kind_config import HASH_LABEL, config_hash, kind_config
from verification.cluster.pods import condition, name_of
from verification.cluster.tools.kind import Kind
from verification.cluster.tools.kubectl import Kubectl
from verification.cluster.tools.process import Running
from verification.cluster.waiting import Progress, Waiter
from verification.cluster.workloads import pending
from verification.errors import HarnessError, ToolError, ToolMissingError
from verification.settings import HarnessSettings

_HEALTH_WAIT_S = 10.0
_READY_WAIT_S = 120.0
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class Cluster:
    """One kind cluster of our own name, with a kubeconfig file of our own."""

    def __init__(
        self,
        settings: HarnessSettings,
        kind: Kind,
        kubectl: Kubectl,
        waiter: Waiter,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._kind = kind
        self._kubectl = kubectl
        self._waiter = waiter
        self._progress = progress
        self.created = False
        self._creating: Running | None = None

    def begin(self, *, fresh: bool) -> None:
        """Begin to make the cluster, unless there is a usable one of this very configuration.

        `created` tells from the moment on at which there may be something of ours to remove.
        """
        if self._kind.exists():
            if not fresh and self._reusable():
                return
            self._progress.step(f"removing the old cluster {self._kind.cluster}")
            self._kind.delete()
        self._progress.step(f"creating the cluster {self._kind.cluster}")
        self._kind.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        self.created = True
        self._creating = self._kind.create(self._settings.node_image, kind_config(self._settings))

    def finish(self) -> None:
        """Wait until the cluster that is being made is usable."""
        if self._creating is not None:
            self._creating.result().checked()
            self._waiter.until("cluster ready", self.blocked_by, within=_READY_WAIT_S)

    def stop(self) -> None:
        """Make no more of a cluster that is being made: what there is of it stays as it is."""
        if self._creating is not None:
            self._creating.end()

    def delete(self) -> None:
        """Remove the cluster, even half of one, and its kubeconfig file."""
        self.stop()
        self._kind.delete()
        self._kind.kubeconfig.unlink(missing_ok=True)
        self.created = False

    def _reusable(self) -> bool:
        """Say whether the cluster that is there is healthy and of this very configuration."""
        try:
            self._kind.export_kubeconfig()
            if not self._same_configuration():
                return False
            self._waiter.until("cluster healthy", self.blocked_by, within=_HEALTH_WAIT_S)
        except ToolMissingError:
            raise
        except HarnessError:
            return False
        return True

    def _same_configuration(self) -> bool:
        wanted = config_hash(self._settings)
        return all(
            node["metadata"].get("labels", {}).get(HASH_LABEL) == wanted
            for node in self._kubectl.list("nodes", namespace="*")
        )

    def blocked_by(self) -> str | None:
        """Return what keeps the cluster from being usable; None: nothing."""
        try:
            return self.nodes_blocked() or self.dns_blocked() or self.storage_blocked()
        except ToolMissingError:
            raise
        except ToolError as error:
            return f"the API server does not answer: {error}"

    def nodes_blocked(self) -> str | None:
        """Return which node is not Ready."""
        nodes = self._kubectl.list("nodes", namespace="*")
        bad = [name_of(node) for node in nodes if condition(node, "Ready") != "True"]
        if bad or not nodes:
            return f"node {', '.join(bad) or '(there is none)'} is not Ready"
        return None

    def dns_blocked(self) -> str | None:
        """Return what the cluster's DNS still lacks."""
        return pending(self._kubectl.get("deployment", "coredns", namespace="kube-system"))

    def storage_blocked(self) -> str | None:
        """Return that there is no default storage class, or no account that pods run as."""
        if not default_storage_classes(self._kubectl):
            return "there is no default storage class"
        accounts = self._kubectl.list("serviceaccounts", namespace="default")
        return None if accounts else "the default service account is not there yet"


def default_storage_classes(kubectl: Kubectl) -> list[str]:
    """Return the names of the storage classes that are marked as the default."""
    return [
        name_of(item)
        for item in kubectl.list("storageclasses", namespace="*")
        if item["metadata"].get("annotations", {}).get(_DEFAULT_CLASS) == "true"
    ]
