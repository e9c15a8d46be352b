"""Whether the cluster itself is in order."""

from __future__ import annotations

from functools import partial

from verification.checklist.preflight import node_version
from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.cluster.lifecycle import default_storage_classes
from verification.cluster.pods import blocked, condition, name_of

_ANEW = "`make down` and `make up` make the cluster anew"
_check = partial(check, category="cluster", promise="deployed", needs=Needs.CLUSTER, reads=True)


@_check(
    "kubectl get nodes",
    expected="STATUS is `Ready` on each line, VERSION v1.34.3 with the default image",
    hint=f"`kubectl describe nodes` shows the conditions; {_ANEW}",
)
def nodes_ready(context: Context) -> Evidence:
    """Every node is Ready, and runs the Kubernetes version of the chosen node image."""
    wanted = "v" + ".".join(map(str, node_version(context.settings.node_image)))
    nodes = context.kubectl.list("nodes", namespace="*")
    bad = [name_of(node) for node in nodes if condition(node, "Ready") != "True"]
    expect(bool(nodes) and not bad, expected="every node Ready", found=bad or "no node")
    found = sorted({node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes})
    expect(found == [wanted], expected=wanted, found=found)
    return Evidence(f"{', '.join(map(name_of, nodes))}: {wanted}")


@_check(
    "kubectl get storageclasses",
    expected="one line with `(default)`",
    hint="Kafka's volume claim stays pending without it",
)
def default_storage_class(context: Context) -> Evidence:
    """There is exactly one default storage class."""
    found = default_storage_classes(context.kubectl)
    expect(len(found) == 1, expected="one default storage class", found=found)
    return Evidence(found[0])


@_check(
    "kubectl --namespace kube-system get pods",
    expected="READY is n/n on each line, those of CoreDNS among them",
    hint="`kubectl --namespace kube-system describe pods`",
)
def system_pods_ready(context: Context) -> Evidence:
    """Every pod of kube-system is ready, CoreDNS among them."""
    pods = context.kubectl.list("pods", namespace="kube-system")
    waiting = [reason.message for pod in pods if (reason := blocked(pod))]
    expect(not waiting, expected="all ready", found="; ".join(waiting))
    dns = any(name_of(pod).startswith("coredns-") for pod in pods)
    expect(dns, expected="a pod of CoreDNS", found=f"{len(pods)} others")
    return Evidence(f"{len(pods)} pods are ready")


@_check(
    "docker port rtb-verify-control-plane 30080",
    expected="127.0.0.1:8080",
    hint=_ANEW,
    promise="secured",
)
def port_on_loopback_only(context: Context) -> Evidence:
    """The ingest's host port is mapped on 127.0.0.1 alone."""
    node = f"{context.settings.cluster}-control-plane"
    found = context.docker.call("port", node, "30080").checked().stdout.split()
    wanted = f"127.0.0.1:{context.settings.ingest_port}"
    expect(found == [wanted], expected=wanted, found=found)
    return Evidence(wanted)


@_check(
    "! env --unset=KUBECONFIG kubectl config get-contexts --output name | grep rtb-verify",
    expected="nothing",
    hint="`kubectl config delete-context kind-rtb-verify`",
)
def user_kubeconfig_untouched(context: Context) -> Evidence:
    """The user's own kubeconfig knows nothing of the cluster."""
    argv = ["kubectl", "config", "get-contexts", "--output=name"]
    found = context.runner.run(argv, timeout=10).checked().stdout.split()
    ours = context.settings.context
    expect(ours not in found, expected=f"no context {ours}", found=found)
    return Evidence(f"{len(found)} contexts, ours is not among them")
