"""Whether the pods can do no more than they must."""

from __future__ import annotations

import json
import re

from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import (
    CONSUMER_APP,
    INGEST_APP,
    KAFKA_APP,
    ready_pod,
)
from verification.checklist.support.probe_pods import restricted_pod
from verification.cluster.service_images import CONSUMER

_APPS = (INGEST_APP, CONSUMER_APP, KAFKA_APP)
_ENFORCE = "pod-security.kubernetes.io/enforce"
_TOKEN = "/var/run/secrets/kubernetes.io"  # noqa: S105  a path
# Prints every directory that the process may write to, kernel file systems apart.
_WRITABLE = (
    "find / \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -type d -print 2>/dev/null "
    '| while read -r folder; do [ -w "$folder" ] && echo "$folder"; done; true'
)


def _in_each(context: Context, script: str) -> dict[str, str]:
    """Run a shell script in a pod of each app; return what it printed."""
    found = {}
    for app in _APPS:
        result = context.kubectl.exec(ready_pod(context, app), ["sh", "-c", script])
        found[app] = result.checked().stdout.strip()
    return found


@check(
    "security.namespace-restricted",
    "The namespace enforces the Pod Security level `restricted` of a named version.",
    by_hand=("kubectl get namespace rtb --output jsonpath='{.metadata.labels}'",),
    expected="pod-security.kubernetes.io/enforce: restricted, enforce-version: v1.34",
    hint="manifests/base/namespace.yaml",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def namespace_restricted(context: Context) -> Evidence:
    """Read the namespace's labels."""
    labels = context.kubectl.get("namespace", context.kubectl.namespace)["metadata"]["labels"]
    level, version = labels.get(_ENFORCE), labels.get(f"{_ENFORCE}-version", "")
    good = level == "restricted" and re.fullmatch(r"v1\.\d+", version) is not None
    expect(good, expected="restricted, with a version", found=f"{level} {version}")
    return Evidence(f"{level} {version}")


@check(
    "security.root-pod-refused",
    "Admission refuses a pod that runs as root, and takes the same pod as another user.",
    by_hand=("! kubectl --namespace rtb run root --image busybox:1.36 --dry-run=server",),
    expected='violates PodSecurity "restricted:v1.34"',
    hint="the namespace's pod-security.kubernetes.io labels",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def root_pod_refused(context: Context) -> Evidence:
    """Ask the API server to admit both pods, without creating them."""
    answers = {}
    for user in (10001, 0):
        pod = restricted_pod("probe", context.images[CONSUMER], ["true"], user=user)
        argv = ["create", "--dry-run=server", "--namespace", context.kubectl.namespace]
        answers[user] = context.kubectl.call(*argv, "--filename", "-", stdin=json.dumps(pod))
    expect(answers[10001].code == 0, expected="user 10001 admitted", found=answers[10001].tail())
    refused = answers[0].code != 0 and "violates PodSecurity" in answers[0].stderr
    expect(refused, expected="user 0 refused", found=answers[0].tail())
    return Evidence(answers[0].stderr.strip()[:200])


@check(
    "security.not-root",
    "No process of ours runs as root.",
    by_hand=("kubectl --namespace rtb exec deploy/bid-request-handler -- id -u",),
    expected="10001 (Kafka: 1000)",
    hint="runAsUser in the pod's securityContext",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def not_root(context: Context) -> Evidence:
    """Ask for the user id in each pod."""
    found = _in_each(context, "id -u")
    good = all(uid.isdigit() and int(uid) > 0 for uid in found.values())
    expect(good, expected="ids other than 0", found=found)
    return Evidence(", ".join(f"{app}: {uid}" for app, uid in found.items()))


@check(
    "security.process-hardened",
    "Every first process has no capability, cannot gain privileges, and is under seccomp.",
    by_hand=(
        (
            "kubectl --namespace rtb exec deploy/bid-request-handler -- "
            "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/1/status"
        ),
    ),
    expected="CapEff 0000000000000000, NoNewPrivs 1, Seccomp 2",
    hint="capabilities, allowPrivilegeEscalation and seccompProfile in the securityContext",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def process_hardened(context: Context) -> Evidence:
    """Read the kernel's own account of process 1 in each pod."""
    wanted = {"CapEff": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"}
    script = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/1/status"
    for app, printed in _in_each(context, script).items():
        found = dict(line.replace(":", "").split() for line in printed.splitlines())
        expect(found == wanted, expected=f"{app}: {wanted}", found=found)
    return Evidence("no capability, no new privileges, seccomp filtering")


@check(
    "security.no-token",
    "No pod carries a service account token.",
    by_hand=(
        (
            "! kubectl --namespace rtb exec deploy/bid-request-handler -- "
            "ls /var/run/secrets/kubernetes.io"
        ),
    ),
    expected="No such file or directory",
    hint="automountServiceAccountToken: false",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def no_token(context: Context) -> Evidence:
    """Look for the token's folder in each pod."""
    found = _in_each(context, f"test -e {_TOKEN} && echo there || echo absent")
    expect(set(found.values()) == {"absent"}, expected="absent everywhere", found=found)
    return Evidence("absent everywhere")


@check(
    "security.no-service-links",
    "No pod has the variables that Kubernetes derives from Services.",
    by_hand=("kubectl --namespace rtb exec kafka-0 -- env | grep _SERVICE_HOST",),
    expected="KUBERNETES_SERVICE_HOST alone",
    hint="enableServiceLinks: false; the broker image reads KAFKA_* as settings",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def no_service_links(context: Context) -> Evidence:
    """Read each pod's environment."""
    script = "env | grep -E '_(SERVICE|PORT)_' | grep -v '^KUBERNETES_' || true"
    found = {
        app: sorted(line.partition("=")[0] for line in printed.splitlines() if "tcp://" in line)
        for app, printed in _in_each(context, script).items()
    }
    expect(not any(found.values()), expected="no variable of a Service", found=found)
    return Evidence("none but KUBERNETES_*")


@check(
    "security.writable-paths",
    "Nothing is writable but the volumes that the manifests declare.",
    by_hand=("! kubectl --namespace rtb exec deploy/bid-request-handler -- touch /srv/x",),
    expected="Read-only file system",
    hint="readOnlyRootFilesystem, and the image's own VOLUMEs",
    needs=Needs.DEPLOYMENT,
    reads=True,
)
def writable_paths(context: Context) -> Evidence:
    """Look for writable folders in each pod and compare with its writable mounts."""
    for app, printed in _in_each(context, _WRITABLE).items():
        declared = _writable_mounts(context, app)
        stray = [path for path in printed.splitlines() if not _below(path, declared)]
        expect(not stray, expected=f"{app}: only {declared}", found=stray[:5])
    return Evidence("only the declared volumes")


def _writable_mounts(context: Context, app: str) -> list[str]:
    spec = context.kubectl.get("pod", ready_pod(context, app))["spec"]
    mounts = spec["containers"][0].get("volumeMounts", [])
    return [item["mountPath"] for item in mounts if not item.get("readOnly")]


def _below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


CHECKS = (
    namespace_restricted,
    root_pod_refused,
    not_root,
    process_hardened,
    no_token,
    no_service_links,
    writable_paths,
)
