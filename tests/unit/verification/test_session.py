"""A session from nothing to a deployment, its diagnostics, and its end."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fakes.harness_objects import deployment, items, node, pod, storage_class
from tests.support.fakes.harness_runner import FakeRunner
from tests.support.fakes.harness_world import make_context
from tests.support.signals import taken
from verification.checklist.support.check import Needs
from verification.cluster.kind_config import HASH_LABEL, config_hash
from verification.cluster.service_images import SERVICE_IMAGES
from verification.commands.harness import guarded, tell_further
from verification.errors import HarnessError, RolloutError, ToolFailedError
from verification.reports.terminal import Terminal
from verification.session import Session

pytestmark = [pytest.mark.timing, pytest.mark.promise("two-commands")]

_WATCHED = "deployments,statefulsets,jobs,replicasets,pods"
_PROMETHEUS = "prom/prometheus:v2.42.0"
_ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def runner() -> FakeRunner:
    """Have tools with which everything goes well and no cluster is there."""
    return FakeRunner()


@pytest.fixture
def session(runner: FakeRunner, tmp_path: Path) -> Session:
    """Begin a session in a project of two Dockerfiles."""
    for image in SERVICE_IMAGES:
        (tmp_path / image.dockerfile).write_text("FROM scratch\n")
    context = make_context(tmp_path, runner)
    labels = {HASH_LABEL: config_hash(context.settings)}
    for words, with_ in {
        "docker": {"ServerVersion": "29", "Id": "x"},
        "kind": "",
        "kubectl nodes": items(node(labels=labels)),
        "kubectl coredns": deployment("coredns"),
        "kubectl storageclasses": items(storage_class()),
        "kubectl serviceaccounts": items(node()),
        "kubectl jobs": items(),
        "kubectl kustomize": "kind: X",
        "kubectl apply": "",
        f"kubectl {_WATCHED}": items(deployment()),
    }.items():
        runner.answer(*words.split(), with_=with_)
    return Session(context)


def _first(runner: FakeRunner, *words: str) -> int:
    """Return which of the calls was the first with these words."""
    return next(i for i, call in enumerate(runner.calls) if set(words) <= set(call))


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
        runner.answer("kind", "clusters", with_=session.context.settings.cluster)
        session.prepare(Needs.CLUSTER)
        assert not session.made_cluster

    def test_failure_is_remembered(self, session: Session, runner: FakeRunner) -> None:
        """A step that failed is not tried again, and half a cluster is ours to remove."""
        runner.answer("kind", "create", code=1, stderr="no space left")
        for _ in range(2):
            with pytest.raises(ToolFailedError, match="no space left"):
                session.prepare(Needs.CLUSTER)
        assert sum("create" in call for call in runner.calls) == 1
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

    def test_loaded_beside_the_rollout(self, session: Session, runner: FakeRunner) -> None:
        """Only what is deployed is waited for before it is; what is switched on later comes then.

        What the engine lacks is left to the node to pull.
        """
        lacking = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"
        runner.answer("docker", "inspect", lacking, code=1, stderr="No such image")
        session.prepare(Needs.DEPLOYMENT)
        applied = _first(runner, "apply")
        assert _first(runner, "load", "apache/kafka:4.3.1") < applied
        assert applied < _first(runner, "load", _PROMETHEUS) < _first(runner, _WATCHED)
        assert not runner.called("load", lacking)

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
        """What keeps a cluster from being made is told when it is needed, not with the images."""
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


def _interrupted(_argv: object, _stdin: str) -> str:
    raise KeyboardInterrupt


def _signalled(number: signal.Signals) -> Callable[[object, str], str]:
    def answer(_argv: object, _stdin: str) -> str:
        os.kill(os.getpid(), number)
        return ""

    return answer


def _run(session: Session, error: BaseException) -> tuple[int, str]:
    """Bring up a cluster and fail; return the exit code and what was said."""
    out = io.StringIO()

    def work() -> int:
        session.prepare(Needs.CLUSTER)
        raise error

    code = guarded(session, Terminal(out, {}, {}), work)
    return code, out.getvalue()


class TestGuarded:
    """guarded: how a command ends that could not go on."""

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
        code, said = _run(session, KeyboardInterrupt())
        assert code == 2
        assert "diagnostics: " in said
        assert _first(runner, "export") < _first(runner, "delete")
        assert not session.context.kubeconfig.exists()

    @pytest.mark.parametrize(
        ("during", "told"),
        [
            (("kind", "create"), True),
            (("docker", "inspect"), True),
            (("kubectl", "describe"), False),
        ],
        ids=["half a cluster", "a build", "the diagnostics"],
    )
    def test_interrupted(
        self, session: Session, runner: FakeRunner, during: tuple[str, ...], *, told: bool
    ) -> None:
        """Ctrl-C at any time removes the cluster; only one during the diagnostics ends these."""
        if during == ("kind", "create"):
            session.context.kubeconfig.unlink()  # there is none yet
        runner.answer(*during, with_=_interrupted)
        code, said = _run(session, KeyboardInterrupt())
        assert (code, "diagnostics: " in said) == (2, told)
        assert runner.called("kind", "export", "logs") or not told
        assert runner.called("kind", "delete", "cluster")
        assert any("create" in call for call in runner.ended) or during[0] != "docker"

    def test_further(self, session: Session) -> None:
        """One is sent to the cluster while there is one, to the bundle afterwards."""

        def further() -> str:
            out = io.StringIO()
            tell_further(session, Terminal(out, {}, {}))
            return out.getvalue()

        _run(session, HarnessError("broken"))
        assert "describe pods" in further()
        session.take_down()
        assert f"less {session.bundle}/describe.txt" in further()

    @pytest.mark.parametrize("number", _ENDINGS)
    def test_removal_goes_on(
        self, session: Session, runner: FakeRunner, number: signal.Signals
    ) -> None:
        """No signal that comes while the cluster is being removed keeps it from being removed."""
        runner.answer("kind", "delete", with_=_signalled(number))
        assert _run(session, KeyboardInterrupt())[0] == 2
        assert not session.context.kubeconfig.exists()

    @pytest.mark.parametrize("number", _ENDINGS)
    def test_signals(self, session: Session, runner: FakeRunner, number: signal.Signals) -> None:
        """A closed terminal and SIGTERM end a run in order, as Ctrl-C does."""
        runner.answer("kind", "create", with_=_signalled(number))
        # whoever started this test may have had it ignore the signal
        with taken(number, signal.SIG_DFL):
            code, said = _run(session, AssertionError())
            assert signal.getsignal(number) == signal.SIG_DFL
        assert (code, "interrupted" in said) == (2, True)
        assert runner.called("kind", "delete", "cluster")

    def test_bundle(self, session: Session, runner: FakeRunner) -> None:
        """Descriptions, logs of both runs, Kafka's state and the configuration are kept.

        A part that cannot be had does not cost the others.
        """

        def broken(_argv: object, _stdin: str) -> str:
            raise ToolFailedError("the API server is gone")

        _run(session, HarnessError("broken"))
        assert session.bundle is not None
        files = {path.name: path for path in session.bundle.rglob("*") if path.is_file()}
        for name, told in {
            "events.txt": "told by events",
            "describe.txt": "told by describe",
            "web-1-main-previous.log": "told by logs",
            "kafka-topics.txt": "kafka is gone",
            "kafka-groups.txt": "kafka is gone",
            "configuration.yaml": f"cluster: {session.context.settings.cluster}",
        }.items():
            assert told in files[name].read_text()
        runner.answer("kubectl", "events", with_=broken)
        bundle = session.collect("again")
        assert bundle is not None
        assert "the API server is gone" in (bundle / "events.txt").read_text()
        assert (bundle / "describe.txt").read_text() == "told by describe"
