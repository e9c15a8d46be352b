"""Whether configuration comes from the ConfigMaps, and a change of it takes effect safely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from verification.checklist.support.check import Evidence, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import CONSUMER_APP, INGEST_APP, pods_of, ready_pod
from verification.checklist.support.overlays import overlaid
from verification.checklist.support.under_load import recover
from verification.cluster.configured import configured
from verification.cluster.pods import blocked, name_of
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request

_LIMIT = 400
_GONE_WRONG_WITHIN_S = 60.0
_IN_FORCE_WITHIN_S = 5.0
_GONE_WITHIN_S = 60.0  # the longest grace period of a service, and some
_check = partial(check, category="configuration", promise="configured")


@_check(
    "kubectl --namespace rtb get configmaps",
    "kubectl --namespace rtb exec deploy/bid-request-handler -- env",
    "kubectl --namespace rtb get deployments --output yaml | grep --after-context 6 env",
    expected="each value of the ConfigMaps `pipeline` and `bid-request-handler`; no `env:`",
    hint="envFrom in the Deployment, and configMapGenerator in the kustomization",
)
def effective(context: Context) -> Evidence:
    """The environment of both services holds what their ConfigMaps say, and no other setting."""
    count = 0
    for app in (INGEST_APP, CONSUMER_APP):
        pod = ready_pod(context, app)
        printed = context.kubectl.exec(pod, ["env"]).checked().stdout
        actual = dict(line.partition("=")[::2] for line in printed.splitlines())
        spec = context.kubectl.get("pod", pod)["spec"]
        env = [item for each in spec["containers"] for item in each.get("env", [])]
        literal = [item["name"] for item in env if "value" in item]
        expect(not literal, expected=f"{app}: no literal variable", found=literal)
        for name, value in configured(context.kubectl, spec).items():
            found = f"{app}: {actual.get(name)!r}"
            expect(actual.get(name) == value, expected=f"{name}={value!r}", found=found)
            count += 1
    expect(count > 0, expected="values of ConfigMaps", found="none")
    return Evidence(f"{count} variables")


@contextmanager
def changed(context: Context, name: str, **values: str) -> Iterator[None]:
    """Apply the deployment with other values in one ConfigMap; put it back afterwards."""
    generator = {
        "name": name,
        "namespace": context.kubectl.namespace,
        "behavior": "merge",
        "literals": [f"{key}={value}" for key, value in values.items()],
    }
    try:
        with overlaid(context, "changed", {"configMapGenerator": [generator]}):
            yield
    finally:
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


@_check(
    "python -m verification verify configuration.change-takes-effect --keep",
    "kubectl --namespace rtb rollout history deployment/bid-request-handler",
    expected="a new revision for each change",
    hint="configMapGenerator puts a hash of the content into the ConfigMap's name",
    deadline_s=180,
)
def change_takes_effect(context: Context) -> Evidence:
    """A changed ConfigMap rolls the ingest's pods, and the new value is in force."""
    before = {name_of(pod) for pod in pods_of(context, INGEST_APP)}

    def posted() -> int:
        return context.http.call("POST", "/bid", bid_request("x" * _LIMIT), JSON_TYPE).status

    def unchanged() -> str | None:
        status = posted()
        return None if status == 413 else f"{status} instead of 413"  # noqa: PLR2004  HTTP

    with changed(context, INGEST_APP, INGEST_MAX_BODY_BYTES=str(_LIMIT)):
        recover(context)
        during = {name_of(pod) for pod in pods_of(context, INGEST_APP)}
        expect(not before & during, expected="new pods", found=f"{before} -> {during}")
        # the node may still lead a request to the old pod, which is on its way out
        context.waiter.until("the new limit", unchanged, within=_IN_FORCE_WITHIN_S)
    again = posted()
    expect(again == 202, expected="202 by the old limit", found=again)  # noqa: PLR2004  HTTP
    return Evidence(f"413 with {_LIMIT} bytes, 202 again afterwards")


@_check(
    "python -m verification verify configuration.bad-change-keeps-serving --keep",
    expected="INGEST_NO_SUCH_SETTING: unknown setting",
    hint="maxUnavailable: 0 in the Deployment",
    deadline_s=180,
)
def bad_change_keeps_serving(context: Context) -> Evidence:
    """An unknown setting stops the new pod with one clear line, and the old one serves on."""
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
    return context.kubectl.logs(crashed[0], container).strip()
