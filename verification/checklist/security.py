"""Whether the pods can do no more than they must, and reach nothing else."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from verification.checklist.support.check import Evidence, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import (
    CONSUMER_APP,
    INGEST_APP,
    KAFKA_APP,
    ready_pod,
)
from verification.checklist.support.probe_pods import (
    connect_from,
    restricted_pod,
    stranger_connections,
)
from verification.cluster.service_images import CONSUMER

_APPS = (INGEST_APP, CONSUMER_APP, KAFKA_APP)
_TOKEN = "/var/run/secrets/kubernetes.io"  # noqa: S105  a path
# Prints every directory that the process may write to, kernel file systems apart.
_WRITABLE = (
    "find / \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -type d -print 2>/dev/null "
    '| while read -r folder; do [ -w "$folder" ] && echo "$folder"; done; true'
)
_KAFKA = "kafka-service.rtb:9092"
_CONTROLLER = "kafka-0.kafka-headless.rtb:9093"
_INGEST = "bid-request-handler.rtb:8080"
_ADMIN = "bid-request-handler-admin.rtb:8082"
_CONSUMER = "bidding-logic-service.rtb:8081"
_DNS = "kube-dns.kube-system:53"
_DNS_METRICS = "kube-dns.kube-system:9153"
_NEEDED = (_DNS, _KAFKA)
_NOT_PUBLIC = ("/metrics", "/docs", "/openapi.json")
_EXEC = "kubectl --namespace rtb exec deploy/bid-request-handler --"
_STRANGER = (
    '! kubectl --namespace default run stranger --image "$CONSUMER_IMAGE" --rm --stdin '
    "--restart Never --command -- timeout 5 python -c "
    "\"import socket; socket.create_connection(('{}', {}))\""
)
_check = partial(check, category="security", promise="secured", reads=True)


def _in_each(context: Context, script: str) -> dict[str, str]:
    """Run a shell script in a pod of each app; return what it printed."""
    found = {}
    for app in _APPS:
        result = context.kubectl.exec(ready_pod(context, app), ["sh", "-c", script])
        found[app] = result.checked().stdout.strip()
    return found


@_check(
    "kubectl get namespace rtb --output jsonpath='{.metadata.labels}'",
    "! kubectl --namespace rtb run root --image busybox:1.36 --dry-run=server",
    expected='violates PodSecurity "restricted:v1.34", which the labels enforce',
    hint="the namespace's pod-security.kubernetes.io labels, in manifests/base/namespace.yaml",
)
def root_pod_refused(context: Context) -> Evidence:
    """Admission takes a pod by a named version of Pod Security `restricted`, and none as root."""
    answers = {}
    for user in (10001, 0):
        pod = restricted_pod("probe", context.images[CONSUMER], ["true"], user=user)
        argv = ["create", "--dry-run=server", "--namespace", context.kubectl.namespace]
        answers[user] = context.kubectl.call(*argv, "--filename", "-", stdin=json.dumps(pod))
    expect(answers[10001].code == 0, expected="user 10001 admitted", found=answers[10001].tail())
    named = re.search(r'violates PodSecurity "restricted:v1\.\d+"', answers[0].stderr) is not None
    refused = answers[0].code != 0 and named
    expect(refused, expected="user 0 refused", found=answers[0].tail())
    return Evidence(answers[0].stderr.strip()[:200])


@_check(
    f"{_EXEC} grep -E 'Uid|CapEff|NoNewPrivs|Seccomp:' /proc/1/status",
    expected="Uid 10001 (Kafka: 1000), CapEff 0000000000000000, NoNewPrivs 1, Seccomp 2",
    hint="runAsUser, capabilities, allowPrivilegeEscalation and seccompProfile in securityContext",
)
def process_hardened(context: Context) -> Evidence:
    """No first process is root, has a capability, can gain privileges, or goes without seccomp."""
    wanted = {"CapEff": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"}
    script = "grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' /proc/1/status"
    users = {}
    for app, printed in _in_each(context, script).items():
        found = dict(line.replace(":", "").split()[:2] for line in printed.splitlines())
        users[app] = found.pop("Uid", "")
        good = users[app].isdigit() and int(users[app]) > 0
        expect(good, expected=f"{app}: a user other than 0", found=users[app])
        expect(found == wanted, expected=f"{app}: {wanted}", found=found)
    return Evidence(", ".join(f"{app}: user {user}" for app, user in users.items()))


@_check(
    f"! {_EXEC} ls {_TOKEN}",
    expected="No such file or directory",
    hint="automountServiceAccountToken: false",
)
def no_token(context: Context) -> Evidence:
    """No pod carries a service account token."""
    found = _in_each(context, f"test -e {_TOKEN} && echo there || echo absent")
    expect(set(found.values()) == {"absent"}, expected="absent everywhere", found=found)
    return Evidence("absent everywhere")


@_check(
    "kubectl --namespace rtb exec kafka-0 -- env | grep _SERVICE_HOST",
    expected="KUBERNETES_SERVICE_HOST alone",
    hint="enableServiceLinks: false; the broker image reads KAFKA_* as settings",
)
def no_service_links(context: Context) -> Evidence:
    """No pod has the variables that Kubernetes derives from Services."""
    script = "env | grep -E '_(SERVICE|PORT)_' | grep -v '^KUBERNETES_' || true"
    found = {
        app: sorted(line.partition("=")[0] for line in printed.splitlines() if "tcp://" in line)
        for app, printed in _in_each(context, script).items()
    }
    expect(not any(found.values()), expected="no variable of a Service", found=found)
    return Evidence("none but KUBERNETES_*")


@_check(
    f"! {_EXEC} touch /srv/x",
    expected="Read-only file system",
    hint="readOnlyRootFilesystem, and the image's own VOLUMEs",
)
def writable_paths(context: Context) -> Evidence:
    """Nothing is writable but the volumes that the manifests declare."""
    for app, printed in _in_each(context, _WRITABLE).items():
        spec = context.kubectl.get("pod", ready_pod(context, app))["spec"]
        mounts = spec["containers"][0].get("volumeMounts", [])
        declared = [item["mountPath"] for item in mounts if not item.get("readOnly")]
        below = tuple(f"{folder}/" for folder in declared)
        stray = [path for path in printed.splitlines() if not f"{path}/".startswith(below)]
        expect(not stray, expected=f"{app}: only {declared}", found=stray[:5])
    return Evidence("only the declared volumes")


def _reaches(
    found: dict[str, str], who: str, needed: tuple[str, ...], denied: tuple[str, ...]
) -> None:
    """Expect the fates of the connections from one place: some open, the others timed out."""
    for target in needed:
        expect(found.get(target) == "open", expected=f"{who}: {target} open", found=found)
    for target in denied:
        kept_out = "timed out" in found.get(target, "")
        expect(kept_out, expected=f"{who}: {target} timed out", found=found)


@_check(
    _STRANGER.format("kafka-service.rtb", 9092),
    _STRANGER.format("bid-request-handler-admin.rtb", 8082),
    expected="it does not connect (exit code 124), twice",
    hint="manifests/base/network; the cluster's network must enforce NetworkPolicies",
    deadline_s=90,
)
def stranger_kept_from_kafka(context: Context) -> Evidence:
    """A pod of another namespace reaches the ingest's public port, and nothing else of ours."""
    denied = (_KAFKA, _CONTROLLER, _CONSUMER, _ADMIN)
    found = stranger_connections(context, _INGEST, *denied)
    _reaches(found, "a stranger", (_INGEST,), denied)
    return Evidence("the ingest is open, the rest is not", found)


@_check(
    "for path in metrics docs openapi.json; do test 404 = $(curl --silent --output "
    "/dev/null --write-out '%{http_code}' http://localhost:8080/$path) || exit 1; done",
    "! curl --silent http://localhost:8080/readyz | grep reasons",
    expected="nothing, exit code 0",
    hint="app/http/application.py: create_public_app",
)
def public_port_bare(context: Context) -> Evidence:
    """The ingest's public port has no metrics, no documentation and no reasons."""
    for path in _NOT_PUBLIC:
        status = context.http.call("GET", path).status
        expect(status == 404, expected=f"{path}: 404", found=status)  # noqa: PLR2004  HTTP
    ready = context.http.call("GET", "/readyz").body
    expect(b"reasons" not in ready, expected="/readyz without reasons", found=ready)
    return Evidence(f"404 for {', '.join(_NOT_PUBLIC)}; /readyz without reasons")


@_check(
    f"{_EXEC} python -c \"import socket; socket.create_connection(('kafka-service', 9092), 3)\"",
    f"! {_EXEC} python -c "
    "\"import socket; socket.create_connection(('bidding-logic-service', 8081), 3)\"",
    expected="nothing, exit code 0; TimeoutError: timed out",
    hint="manifests/base/network: kafka-clients.yaml, and default-deny.yaml",
)
def services_reach_kafka(context: Context) -> Evidence:
    """Both services reach the DNS and Kafka's client port, and nothing that they do not need."""
    denied = {INGEST_APP: (_CONTROLLER, _CONSUMER, _DNS_METRICS), CONSUMER_APP: (_CONTROLLER,)}

    def connected(app: str) -> dict[str, str]:
        return connect_from(context, ready_pod(context, app), *_NEEDED, *denied[app])

    with ThreadPoolExecutor() as pool:  # from both at once: what is denied takes its time
        for app, found in zip(denied, pool.map(connected, denied), strict=True):
            _reaches(found, app, _NEEDED, denied[app])
    return Evidence("DNS and 9092 are open, the rest is not")
