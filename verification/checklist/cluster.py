"""Whether the cluster itself is in order."""

from __future__ import annotations

from verification.checklist.preflight import node_version
from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.cluster.lifecycle import default_storage_classes
from verification.cluster.pods import blocked, condition, name_of
from verification.cluster.workloads import pending


@check(
    "cluster.nodes-ready",
    "Every node is Ready.",
    by_hand=("kubectl get nodes",),
    expected="STATUS is `Ready` on each line",
    hint="`kubectl describe nodes` shows the conditions",
    needs=Needs.CLUSTER,
    reads=True,
)
def nodes_ready(context: Context) -> Evidence:
    """Read every node's Ready condition."""
    nodes = context.kubectl.list("nodes", namespace="*")
    bad = [name_of(node) for node in nodes if condition(node, "Ready") != "True"]
    expect(bool(nodes) and not bad, expected="every node Ready", found=bad or "no node")
    return Evidence(", ".join(map(name_of, nodes)))


@check(
    "cluster.kubernetes-version",
    "The nodes run the Kubernetes version of the chosen node image.",
    by_hand=("kubectl get nodes --output jsonpath='{.items[*].status.nodeInfo.kubeletVersion}'",),
    expected="v1.34.3 with the default image",
    hint="`make down` and `make up` make the cluster anew",
    needs=Needs.CLUSTER,
    reads=True,
)
def kubernetes_version(context: Context) -> Evidence:
    """Compare the kubelets' version with the image's tag."""
    wanted = "v" + ".".join(map(str, node_version(context.settings.node_image)))
    nodes = context.kubectl.list("nodes", namespace="*")
    found = sorted({node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes})
    expect(found == [wanted], expected=wanted, found=found)
    return Evidence(wanted)


@check(
    "cluster.dns-available",
    "The cluster's DNS is available.",
    by_hand=("kubectl --namespace kube-system get deployment coredns",),
    expected="READY is 2/2",
    hint="`kubectl --namespace kube-system logs deploy/coredns`",
    needs=Needs.CLUSTER,
    reads=True,
)
def dns_available(context: Context) -> Evidence:
    """Read CoreDNS's status."""
    lacking = pending(context.kubectl.get("deployment", "coredns", namespace="kube-system"))
    expect(lacking is None, expected="CoreDNS available", found=lacking)
    return Evidence("CoreDNS is available")


@check(
    "cluster.default-storage-class",
    "There is exactly one default storage class.",
    by_hand=("kubectl get storageclasses",),
    expected="one line with `(default)`",
    hint="Kafka's volume claim stays pending without it",
    needs=Needs.CLUSTER,
    reads=True,
)
def default_storage_class(context: Context) -> Evidence:
    """Count the default storage classes."""
    found = default_storage_classes(context.kubectl)
    expect(len(found) == 1, expected="one default storage class", found=found)
    return Evidence(found[0])


@check(
    "cluster.system-pods-ready",
    "Every pod of kube-system is ready.",
    by_hand=("kubectl --namespace kube-system get pods",),
    expected="READY is n/n on each line",
    hint="`kubectl --namespace kube-system describe pods`",
    needs=Needs.CLUSTER,
    reads=True,
)
def system_pods_ready(context: Context) -> Evidence:
    """Read the status of every pod of kube-system."""
    pods = context.kubectl.list("pods", namespace="kube-system")
    waiting = [reason.message for pod in pods if (reason := blocked(pod))]
    expect(bool(pods) and not waiting, expected="all ready", found="; ".join(waiting) or "no pod")
    return Evidence(f"{len(pods)} pods are ready")


@check(
    "cluster.port-on-loopback-only",
    "The ingest's host port is mapped on 127.0.0.1 alone.",
    by_hand=("docker port rtb-verify-control-plane 30080",),
    expected="127.0.0.1:8080",
    hint="`make down` and `make up` make the cluster anew",
    needs=Needs.CLUSTER,
    reads=True,
)
def port_on_loopback_only(context: Context) -> Evidence:
    """Ask Docker where the node's port is published."""
    node = f"{context.settings.cluster}-control-plane"
    found = context.docker.call("port", node, "30080").checked().stdout.split()
    wanted = f"127.0.0.1:{context.settings.ingest_port}"
    expect(found == [wanted], expected=wanted, found=found)
    return Evidence(wanted)


@check(
    "cluster.user-kubeconfig-untouched",
    "The user's own kubeconfig knows nothing of the cluster.",
    by_hand=(
        "! env --unset=KUBECONFIG kubectl config get-contexts --output name | grep rtb-verify",
    ),
    expected="nothing",
    hint="`kubectl config delete-context kind-rtb-verify`",
    needs=Needs.CLUSTER,
    reads=True,
)
def user_kubeconfig_untouched(context: Context) -> Evidence:
    """Look for our context among the user's."""
    argv = ["kubectl", "config", "get-contexts", "--output=name"]
    found = context.runner.run(argv, timeout=10).checked().stdout.split()
    ours = context.settings.context
    expect(ours not in found, expected=f"no context {ours}", found=found)
    return Evidence(f"{len(found)} contexts, ours is not among them")


CHECKS = (
    nodes_ready,
    kubernetes_version,
    dns_available,
    default_storage_class,
    system_pods_ready,
    port_on_loopback_only,
    user_kubeconfig_untouched,
)
