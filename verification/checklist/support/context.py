"""Everything that a check may look at, passed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from verification.checklist.support.host import LocalHost
from verification.clock import Clock
from verification.cluster.service_images import ServiceImage
from verification.cluster.tools.docker import Docker
from verification.cluster.tools.kind import Kind
from verification.cluster.tools.kubectl import Kubectl
from verification.cluster.tools.process import Starter
from verification.cluster.waiting import Progress, Waiter
from verification.settings import HarnessSettings
from verification.traffic.http import Http
from verification.traffic.topics import PodPython, Topics
from verification.traffic.underway import Underway


@dataclass(frozen=True)
class Context:
    """The tools, the host, the ingest as seen from outside, and what is known of the run.

    `images` is filled once they are built, `memo` keeps what several checks would otherwise each
    find out anew, `underway` is the load that goes on from check to check, and `run_id` makes the
    bid ids of this run unlike those of every other.
    """

    root: Path
    settings: HarnessSettings
    runner: Starter
    clock: Clock
    progress: Progress
    host: LocalHost
    http: Http
    run_id: str
    images: dict[ServiceImage, str] = field(default_factory=dict)
    memo: dict[str, str] = field(default_factory=dict)
    underway: Underway = field(default_factory=Underway)

    @property
    def folder(self) -> Path:
        """The state folder."""
        return self.settings.folder(self.root)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig file, never the user's own."""
        return self.folder / "kubeconfig"

    @property
    def manifests(self) -> Path:
        """The overlay of the project that is being verified."""
        return self.root / self.settings.overlay_path

    @property
    def overlay(self) -> Path:
        """The generated kustomization: the overlay with the images' content tags."""
        return self.folder / "overlay"

    @property
    def docker(self) -> Docker:
        """The docker executable."""
        return Docker(self.runner)

    @property
    def kind(self) -> Kind:
        """The kind executable, for our cluster."""
        return Kind(self.runner, self.settings.cluster, self.kubeconfig)

    @property
    def kubectl(self) -> Kubectl:
        """The kubectl executable, for our cluster and namespace."""
        return self.kubectl_of(self.settings.namespace)

    def kubectl_of(self, namespace: str) -> Kubectl:
        """Return the kubectl executable, for a namespace of our cluster."""
        return Kubectl(self.runner, self.kubeconfig, self.settings.context, namespace)

    @property
    def waiter(self) -> Waiter:
        """What polls conditions."""
        return Waiter(self.clock, self.progress)

    @property
    def topics(self) -> Topics:
        """The topics as read from inside the cluster."""
        return Topics(PodPython(self.kubectl))
