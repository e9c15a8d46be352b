"""One run on one machine: brings up what the checks need, once, and takes it down again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from verification.checklist.support.check import Needs
from verification.checklist.support.context import Context
from verification.cluster.deployment import Rollout, write_overlay
from verification.cluster.diagnostics import Diagnostics
from verification.cluster.lifecycle import Cluster
from verification.cluster.pods import name_of
from verification.cluster.service_images import build_missing
from verification.errors import HarnessError
from verification.timeline import Timeline

_DEPLOYED = ("apache/kafka:4.3.1",)
# What checks switch on later.
_OPTIONAL = ("registry.k8s.io/metrics-server/metrics-server:v0.9.0", "prom/prometheus:v2.42.0")


class Session:
    """Prepares the machine step by step, and remembers a step that failed."""

    def __init__(self, context: Context, *, fresh: bool = False) -> None:
        self.context = context
        self.timeline = Timeline(context.clock)
        self.started = context.clock.now()
        self.bundle: Path | None = None
        tools = (context.kind, context.kubectl, context.waiter, context.progress)
        self.cluster = Cluster(context.settings, *tools)
        self._begun = False
        self._fresh = fresh
        self._reached = self._foreseen = Needs.NOTHING
        self.failure: HarnessError | None = None

    @property
    def made_cluster(self) -> bool:
        """Whether there is a cluster, or half of one, that this session has made."""
        return self.cluster.created

    def foresee(self, needs: Needs) -> None:
        """Take it that the machine will be brought so far: a cluster is begun before its turn."""
        self._foreseen = max(self._foreseen, needs)

    def prepare(self, needs: Needs) -> Context:
        """Bring the machine as far as `needs`; raise what keeps it from there."""
        self.foresee(needs)
        steps: dict[Needs, Callable[[], None]] = {
            Needs.IMAGES: self._images,
            Needs.CLUSTER: self._cluster,
            Needs.DEPLOYMENT: self._deployment,
        }
        for need, step in steps.items():
            if self._reached < need <= needs:
                self._once(need, step)
        return self.context

    def _once(self, need: Needs, step: Callable[[], None]) -> None:
        if self.failure is not None:
            raise self.failure
        try:
            with self.timeline.span(f"prepare: {need.name.lower()}"):
                step()
        except HarnessError as error:
            self.failure = error
            raise
        self._reached = need

    def _images(self) -> None:
        context = self.context
        context.docker.info()
        if self._foreseen >= Needs.CLUSTER:
            # what hinders it is told when its turn has come
            with suppress(HarnessError):
                self._begin_cluster()
        context.progress.step("building the images that changed")
        try:
            names = build_missing(context.docker, context.root, context.settings.python_image)
        except HarnessError:
            if self.made_cluster:  # begun for a run that does not come so far
                self.cluster.delete()
            raise
        self.context = replace(context, images=names)

    def _begin_cluster(self) -> None:
        if not self._begun:
            self.cluster.begin(fresh=self._fresh)
            self._begun = True

    def _cluster(self) -> None:
        context = self.context
        self._begin_cluster()
        self.cluster.finish()
        context.progress.step("loading the images that the node lacks")
        context.kind.load([*context.images.values(), *self._local(_DEPLOYED)])

    def _local(self, images: Iterable[str]) -> list[str]:
        """Return those that the engine has; a node with access to a registry pulls the others."""
        return [name for name in images if self.context.docker.image(name) is not None]

    def _deployment(self) -> None:
        context = self.context
        context.progress.step(f"deploying {context.settings.overlay_path}")
        write_overlay(context.overlay, context.manifests, context.images.values())
        for job in context.kubectl.list("jobs"):  # its template cannot be changed
            context.kubectl.delete("job", name_of(job), wait=True)
        context.kubectl.apply(context.kubectl.kustomize(context.overlay))
        if optional := self._local(_OPTIONAL):
            context.kind.load(optional)  # while the pods come up
        Rollout(context.kubectl, context.waiter, context.clock).wait()

    def collect(self, reason: str) -> Path | None:
        """Write the diagnostics bundle, if there is a cluster, or half of one, to look into."""
        if not self.made_cluster and not self.context.kubeconfig.exists():
            return None
        self.cluster.stop()
        with self.timeline.span("diagnostics"):
            overlay = self.context.overlay
            manifests = overlay if overlay.exists() else None
            self.bundle = self.diagnostics().collect(reason, self.configuration(), manifests)
        return self.bundle

    def diagnostics(self) -> Diagnostics:
        """Return what collects the bundle."""
        context = self.context
        folder = context.folder / "diagnostics"
        return Diagnostics(context.kubectl, context.kind, context.clock, folder)

    def configuration(self) -> dict[str, str]:
        """Return the effective settings and the images, for reports and diagnostics."""
        settings = {name: str(value) for name, value in vars(self.context.settings).items()}
        images = {image.repository: name for image, name in self.context.images.items()}
        return {**settings, **images}

    def take_down(self) -> None:
        """Remove the cluster."""
        with self.timeline.span("take down"):
            self.cluster.delete()
