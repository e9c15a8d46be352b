"""A session from nothing to a deployment, its diagnostics, and its end."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import pytest

from common.settings import read
from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.harness_objects import deployment, items, node, pod, storage_class
from tests.support.fakes.harness_runner import FakeRunner
from tests.support.signals import taken
from verification.checklist.support.check import Needs
from verification.checklist.support.context import Context
from verification.checklist.support.host import LocalHost
from verification.cluster.kind_config import HASH_LABEL, config_hash
from verification.cluster.service_images import SERVICE_IMAGES
from verification.cluster.waiting import SilentProgress
from verification.commands.harness import guarded, tell_further
from verification.errors import HarnessError, RolloutError, ToolFailedError
from verification.reports.terminal import Terminal
from verification.session import Session
from verification.settings import HarnessSettings
from verification.traffic.http import IngestHttp

pytestmark = pytest.mark.timing

SETTINGS = read(HarnessSettings, {})
_WATCHED = "deployments,statefulsets,jobs,replicasets,pods"


@pytest.fixture
def runner() -> FakeRunner:
    """Have tools with which everything goes well and no cluster is there."""
    runner = FakeRunner()
    runner.answer("docker", with_={"ServerVersion": "29", "Id": "x"})
    runner.answer("kind")
    runner.answer("kubectl", "nodes", with_=items(node(labels={HASH_LABEL: config_hash(SETTINGS)})))
    runner.answer("kubectl", "coredns", with_=deployment("coredns"))
    runner.answer("kubectl", "storageclasses", with_=items(storage_class()))
    runner.answer("kubectl", "serviceaccounts", with_=items(node()))
    runner.answer("kubectl", "jobs", with_=items())
    runner.answer("kubectl", "kustomize", with_="kind: X")
    runner.answer("kubectl", "apply")
    runner.answer(
        "kubectl", "deployments,statefulsets,jobs,replicasets,pods", with_=items(deployment())
    )
    return runner


@pytest.fixture
def session(runner: FakeRunner, tmp_path: Path) -> Session:
    """Begin a session in a project of two Dockerfiles."""
    for image in SERVICE_IMAGES:
        (tmp_path / image.dockerfile).write_text("FROM scratch\n")
    context = Context(
        root=tmp_path,
        settings=SETTINGS,
        runner=runner,
        clock=FakeClock(),
        progress=SilentProgress(),
        host=LocalHost(),
        http=IngestHttp(1),
        run_id="v1",
    )
    return Session(context)


class TestPrepare:
    """Session.prepare."""

    def test_only_as_far_as_needed(self, session: Session, runner: FakeRunner) -> None:
        """For images no cluster is made, for nothing not even Docker is asked."""
        session.prepare(Needs.NOTHING)
        assert not runner.calls
        session.prepare(Needs.IMAGES)
        assert not runner.called("kind")

    def test_once(self, session: Session, runner: FakeRunner) -> None:
        """What has been brought up is not brought up again."""
        session.prepare(Needs.DEPLOYMENT)
        count = len(runner.calls)
        assert session.made_cluster
        session.prepare(Needs.CLUSTER)
        session.prepare(Needs.DEPLOYMENT)
        assert len(runner.calls) == count

    def test_cluster_that_was_there(self, session: Session, runner: FakeRunner) -> None:
        """A cluster that was there before is not ours to remove."""
        runner.answer("kind", "clusters", with_=SETTINGS.cluster)
        session.prepare(Needs.CLUSTER)
        assert not session.made_cluster

    def test_failure_is_remembered(self, session: Session, runner: FakeRunner) -> None:
        """A step that failed is not tried again for every check."""
        runner.answer("kind", "create", code=1, stderr="no space left")
        for _ in range(2):
            with pytest.raises(ToolFailedError, match="no space left"):
                session.prepare(Needs.CLUSTER)
        assert sum("create" in call for call in runner.calls) == 1

    def test_failed_creation_is_ours_to_remove(self, session: Session, runner: FakeRunner) -> None:
        """Half a cluster is a cluster that this session made."""
        runner.answer("kind", "create", code=1, stderr="no space left")
        with pytest.raises(ToolFailedError):
            session.prepare(Needs.CLUSTER)
        assert session.made_cluster

    def test_cluster_is_made_beside_the_images(self, session: Session, runner: FakeRunner) -> None:
        """Where a cluster will be needed it is begun before the images, and waited for after."""
        session.foresee(Needs.CLUSTER)
        session.prepare(Needs.IMAGES)
        assert _first(runner, "kind", "create") < _first(runner, "docker", "image")
        assert not runner.called("nodes")
        session.prepare(Needs.CLUSTER)
        assert runner.called("nodes")
        assert sum("create" in call for call in runner.calls) == 1

    def test_what_is_switched_on_later_is_loaded_beside_the_rollout(
        self, session: Session, runner: FakeRunner
    ) -> None:
        """Only what is deployed is waited for before it is; the rest is there afterwards."""
        session.prepare(Needs.DEPLOYMENT)
        applied = _first(runner, "apply")
        assert _first(runner, "load", "apache/kafka:4.3.1") < applied
        assert (
            applied < _first(runner, "load", "prom/prometheus:v2.42.0") < _first(runner, _WATCHED)
        )

    def test_image_that_is_not_here_is_not_loaded(
        self, session: Session, runner: FakeRunner
    ) -> None:
        """What the engine lacks is left to the node to pull."""
        missing = "prom/prometheus:v2.42.0"
        runner.answer("docker", "inspect", missing, code=1, stderr="No such image")
        session.prepare(Needs.DEPLOYMENT)
        assert not runner.called("load", missing)
        assert runner.called("load", "registry.k8s.io/metrics-server/metrics-server:v0.9.0")

    def test_failed_build_leaves_no_cluster(self, session: Session, runner: FakeRunner) -> None:
        """A cluster that was begun beside a build that fails is made no further and removed."""
        runner.answer("docker", "inspect", code=1, stderr="No such image")
        runner.answer("docker", "build", code=1, stderr="pip found nothing")
        with pytest.raises(ToolFailedError, match="pip found nothing"):
            session.prepare(Needs.CLUSTER)
        assert any("create" in call for call in runner.ended)
        assert runner.called("kind", "delete", "cluster")
        assert not session.made_cluster

    def test_cluster_that_cannot_be_begun(self, session: Session, runner: FakeRunner) -> None:
        """What hinders a cluster does not hinder the images, and is told when it is needed."""
        runner.answer("kind", "clusters", code=1, stderr="kind is ill")
        session.foresee(Needs.CLUSTER)
        session.prepare(Needs.IMAGES)
        with pytest.raises(ToolFailedError, match="kind is ill"):
            session.prepare(Needs.CLUSTER)

    def test_image_that_cannot_be_pulled(self, session: Session, runner: FakeRunner) -> None:
        """The roll-out fails within 30 s, naming image and pod."""
        stuck = pod(waiting="ErrImagePull", message="not found")
        runner.answer("kubectl", _WATCHED, with_=items(deployment(have=0), stuck))
        with pytest.raises(RolloutError, match=r"ErrImagePull: pod web-1.*image rtb/web:abc"):
            session.prepare(Needs.DEPLOYMENT)
        assert session.timeline.elapsed() < 30


def _first(runner: FakeRunner, *words: str) -> int:
    """Return which of the calls was the first with these words."""
    return next(i for i, call in enumerate(runner.calls) if set(words) <= set(call))


def _further(session: Session) -> str:
    out = io.StringIO()
    tell_further(session, Terminal(out, {}, {}))
    return out.getvalue()


def _interrupted(_argv: object, _stdin: str) -> str:
    raise KeyboardInterrupt


class TestGuarded:
    """guarded: how a command ends that could not go on."""

    def _run(self, session: Session, error: BaseException) -> tuple[int, str]:
        out = io.StringIO()

        def work() -> int:
            session.prepare(Needs.CLUSTER)
            raise error

        code = guarded(session, Terminal(out, {}, {}), work)
        return code, out.getvalue()

    @pytest.fixture(autouse=True)
    def _kubeconfig(self, session: Session, runner: FakeRunner) -> None:
        """Let there be a cluster to look into."""
        session.context.kubeconfig.parent.mkdir(parents=True)
        session.context.kubeconfig.write_text("")
        runner.answer("kubectl", "pods", "--output=json", with_=items(pod(restarts=1)))
        for verb in ("describe", "events", "logs", "configmaps", "--output=wide"):
            runner.answer("kubectl", verb, with_=f"told by {verb}")
        runner.answer("kubectl", "exec", code=1, stderr="kafka is gone")

    def test_bundle_before_removal(self, session: Session, runner: FakeRunner) -> None:
        """Ctrl-C collects the evidence first and removes the cluster then; exit 2."""
        code, said = self._run(session, KeyboardInterrupt())
        assert code == 2
        assert "diagnostics: " in said
        assert _first(runner, "export") < _first(runner, "delete")
        assert not session.context.kubeconfig.exists()

    def test_half_a_cluster(self, session: Session, runner: FakeRunner) -> None:
        """Ctrl-C while the cluster is made leaves a bundle, though there is no kubeconfig yet."""
        session.context.kubeconfig.unlink()
        runner.answer("kind", "create", with_=_interrupted)
        code, said = self._run(session, AssertionError())
        assert code == 2
        assert "diagnostics: " in said
        assert runner.called("kind", "export", "logs")
        assert runner.called("kind", "delete", "cluster")

    def test_interrupted_build(self, session: Session, runner: FakeRunner) -> None:
        """Ctrl-C while images are built ends the cluster that is being made beside them, too."""
        runner.answer("docker", "inspect", with_=_interrupted)
        assert self._run(session, AssertionError())[0] == 2
        assert any("create" in call for call in runner.ended)
        assert runner.called("kind", "delete", "cluster")

    def test_further(self, session: Session) -> None:
        """One is sent to the cluster while there is one, to the bundle afterwards."""
        self._run(session, HarnessError("broken"))
        assert "describe pods" in _further(session)
        session.take_down()
        assert f"less {session.bundle}/describe.txt" in _further(session)

    def test_second_interrupt(self, session: Session, runner: FakeRunner) -> None:
        """Another Ctrl-C skips the rest of the diagnostics, and the cluster is removed still."""
        runner.answer("kubectl", "describe", with_=_interrupted)
        code, said = self._run(session, KeyboardInterrupt())
        assert code == 2
        assert "diagnostics: " not in said
        assert runner.called("kind", "delete", "cluster")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_removal_goes_on(
        self, session: Session, runner: FakeRunner, number: signal.Signals
    ) -> None:
        """No signal that comes while the cluster is being removed keeps it from being removed."""

        def delete(_argv: object, _stdin: str) -> str:
            os.kill(os.getpid(), number)
            return ""

        runner.answer("kind", "delete", with_=delete)
        assert self._run(session, KeyboardInterrupt())[0] == 2
        assert not session.context.kubeconfig.exists()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_signals(self, session: Session, runner: FakeRunner, number: signal.Signals) -> None:
        """A closed terminal and SIGTERM end a run in order, as Ctrl-C does."""

        def create(_argv: object, _stdin: str) -> str:
            os.kill(os.getpid(), number)
            return ""

        runner.answer("kind", "create", with_=create)
        # whoever started this test may have had it ignore the signal
        with taken(number, signal.SIG_DFL):
            code, said = self._run(session, AssertionError())
            assert signal.getsignal(number) == signal.SIG_DFL
        assert (code, "interrupted" in said) == (2, True)
        assert runner.called("kind", "delete", "cluster")

    def test_what_is_in_the_bundle(self, session: Session) -> None:
        """Events, descriptions, logs of both runs, Kafka's state and the configuration are kept."""
        self._run(session, HarnessError("broken"))
        assert session.bundle is not None
        files = {path.name: path for path in session.bundle.rglob("*") if path.is_file()}
        assert files["events.txt"].read_text() == "told by events"
        assert files["describe.txt"].read_text() == "told by describe"
        assert files["web-1-main-previous.log"].read_text() == "told by logs"
        assert "kafka is gone" in files["kafka-topics.txt"].read_text()
        assert "kafka is gone" in files["kafka-groups.txt"].read_text()
        assert f"cluster: {SETTINGS.cluster}" in files["configuration.yaml"].read_text()

    def test_part_that_fails(self, session: Session, runner: FakeRunner) -> None:
        """One part that cannot be had does not cost the others."""

        def broken(_argv: object, _stdin: str) -> str:
            message = "the API server is gone"
            raise ToolFailedError(message)

        runner.answer("kubectl", "events", with_=broken)
        self._run(session, HarnessError("broken"))
        assert session.bundle is not None
        assert "the API server is gone" in (session.bundle / "events.txt").read_text()
        assert (session.bundle / "describe.txt").exists()
