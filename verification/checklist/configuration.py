"""Whether configuration comes from the ConfigMaps, and a change of it takes effect safely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from verification.checklist.support.check import Evidence, Needs, NotAsPromisedError, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, INGEST_APP, pods_of, ready_pod
from verification.checklist.support.under_load import recover
from verification.cluster.configured import configured
from verification.cluster.pods import blocked, name_of
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request

_LIMIT = 400
_GONE_WRONG_WITHIN_S = 60.0
_IN_FORCE_WITHIN_S = 5.0
_GONE_WITHIN_S = 60.0  # the longest grace period of a service, and some


@check(
    "configuration.effective",
    "The environment of both services holds what their ConfigMaps say.",
    by_hand=(
        "kubectl --namespace rtb get configmaps",
        "kubectl --namespace rtb exec deploy/bid-request-handler -- env",
    ),
    expected="each value of the ConfigMaps `pipeline` and `bid-request-handler`",
    hint="envFrom in the Deployment",
    needs=Needs.DEPLOYMENT,
)
def effective(context: Context) -> Evidence:
    """Compare each service's environment with the ConfigMaps that its pod names."""
    count = 0
    for app in (INGEST_APP, CONSUMER_APP):
        pod = ready_pod(context, app)
        printed = context.kubectl.exec(pod, ["env"]).checked().stdout
        actual = dict(line.partition("=")[::2] for line in printed.splitlines())
        spec = context.kubectl.get("pod", pod)["spec"]
        for name, value in configured(context.kubectl, spec).items():
            found = f"{app}: {actual.get(name)!r}"
            expect(actual.get(name) == value, expected=f"{name}={value!r}", found=found)
            count += 1
    return Evidence(f"{count} variables")


@contextmanager
def changed(context: Context, name: str, **values: str) -> Iterator[None]:
    """Apply the deployment with other values in one ConfigMap; put it back afterwards."""
    folder = context.folder / "overlay-changed"
    folder.mkdir(parents=True, exist_ok=True)
    literals = [f"{key}={value}" for key, value in values.items()]
    generator = {
        "name": name,
        "namespace": context.kubectl.namespace,
        "behavior": "merge",
        "literals": literals,
    }
    kustomization = {"resources": ["../overlay"], "configMapGenerator": [generator]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    try:
        _apply(context, context.kubectl.kustomize(folder))
        yield
    finally:
        _apply(context, context.kubectl.kustomize(context.overlay))
        rolled_out(context, name)


def rolled_out(context: Context, app: str) -> None:
    """Wait until the new pods of `app` are available and the old ones gone.

    For a moment after a rollout a node still leads requests to a pod that is on its way out.
    """

    def blocked_by() -> str | None:
        there = len(context.kubectl.list("pods", selector=f"app.kubernetes.io/name={app}"))
        leaving = there - len(pods_of(context, app))
        return f"{leaving} pods of {app} are on their way out" if leaving else None

    recover(context)
    context.waiter.until("old pods", blocked_by, within=_GONE_WITHIN_S)


def _apply(context: Context, manifests: str) -> None:
    """Apply all but the Jobs, whose templates cannot be changed."""
    items: list[dict[str, Any]] = [item for item in yaml.safe_load_all(manifests) if item]
    context.kubectl.apply(yaml.safe_dump_all(item for item in items if item["kind"] != "Job"))


@check(
    "configuration.change-takes-effect",
    "A changed ConfigMap rolls the ingest's pods, and the new value is in force.",
    by_hand=(
        "python -m verification verify configuration.change-takes-effect --keep",
        "kubectl --namespace rtb rollout history deployment/bid-request-handler",
    ),
    expected="a new revision for each change",
    hint="configMapGenerator puts a hash of the content into the ConfigMap's name",
    needs=Needs.DEPLOYMENT,
    deadline_s=180,
)
def change_takes_effect(context: Context) -> Evidence:
    """Lower the body limit, see a body over it refused, put the limit back, see it accepted."""
    before = {name_of(pod) for pod in pods_of(context, INGEST_APP)}
    body = bid_request("x" * _LIMIT)

    def unchanged() -> str | None:
        status = context.http.call("POST", "/bid", body, JSON_TYPE).status
        return None if status == 413 else f"{status} instead of 413"  # noqa: PLR2004  HTTP

    with changed(context, INGEST_APP, INGEST_MAX_BODY_BYTES=str(_LIMIT)):
        recover(context)
        during = {name_of(pod) for pod in pods_of(context, INGEST_APP)}
        expect(not before & during, expected="new pods", found=f"{before} -> {during}")
        # the node may still lead a request to the old pod, which is on its way out
        context.waiter.until("the new limit", unchanged, within=_IN_FORCE_WITHIN_S)
    accepted = context.http.call("POST", "/bid", body, JSON_TYPE).status
    expect(accepted == 202, expected="202 by the old limit", found=accepted)  # noqa: PLR2004  HTTP
    return Evidence(f"413 with {_LIMIT} bytes, 202 again afterwards")


@check(
    "configuration.bad-change-keeps-serving",
    "A ConfigMap with a setting that does not exist stops the new pod with one clear line, and "
    "the old one serves on.",
    by_hand=("python -m verification verify configuration.bad-change-keeps-serving --keep",),
    expected="INGEST_NO_SUCH_SETTING: unknown setting",
    hint="maxUnavailable: 0 in the Deployment",
    needs=Needs.DEPLOYMENT,
    deadline_s=180,
)
def bad_change_keeps_serving(context: Context) -> Evidence:
    """Apply an unknown setting, wait for the new pod to fail, and post to the old one."""
    with changed(context, INGEST_APP, INGEST_NO_SUCH_SETTING="1"):
        said = _wait_for_crash(context)
        bid = bid_request(f"{context.run_id}-bad-change")
        status = context.http.call("POST", "/bid", bid, JSON_TYPE).status
    expect("INGEST_NO_SUCH_SETTING" in said, expected="the name in the log", found=said)
    expect(len(said.splitlines()) == 1, expected="one line", found=said)
    expect(status == 202, expected="202 by the old pod", found=status)  # noqa: PLR2004  HTTP
    return Evidence(said)


def _wait_for_crash(context: Context) -> str:
    """Wait until a pod of the ingest is in a crash loop; return what it printed."""
    crashed: list[str] = []

    def blocked_by() -> str | None:
        for pod in pods_of(context, INGEST_APP):
            reason = blocked(pod)
            if reason is not None and reason.reason == "CrashLoopBackOff":
                crashed.append(name_of(pod))
        return None if crashed else "no pod of the ingest is in a crash loop"

    context.waiter.until("bad configuration", blocked_by, within=_GONE_WRONG_WITHIN_S)
    container = context.kubectl.get("pod", crashed[0])["spec"]["containers"][0]["name"]
    said = context.kubectl.logs(crashed[0], container).strip()
    if not said:
        raise NotAsPromisedError(expected="a line in the log", found="nothing")
    return said


CHECKS = (effective, change_takes_effect, bad_change_keeps_serving)
