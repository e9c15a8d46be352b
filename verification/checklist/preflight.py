"""Whether this machine can run the verification at all."""

from __future__ import annotations

import re
from functools import partial

from verification.checklist.support.check import Evidence, Needs, Severity, check, expect
from verification.checklist.support.context import Context
from verification.cluster.tools.hints import INSTALL_HINTS

_MEMORY_MIB = 4096
_DISK_MIB = 8192
_DOCKER_MIN = (20, 10)
_KIND_MIN = (0, 24)
_LAST_MINOR_ON_CGROUP_V1 = 34
_INOTIFY_MIN = {"max_user_instances": 128, "max_user_watches": 8192}
_check = partial(check, category="preflight", promise="two-commands", needs=Needs.NOTHING)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def node_version(image: str) -> tuple[int, ...]:
    """Return the Kubernetes version that a node image's tag names."""
    return _numbers(image.rpartition(":")[2])


@_check(
    "docker version --format '{{.Server.Version}}'",
    expected="20.10 or newer",
    hint=INSTALL_HINTS["docker"],
)
def docker_answers(context: Context) -> Evidence:
    """A Docker engine answers, and is 20.10 or newer."""
    found = str(context.docker.info()["ServerVersion"])
    expect(_numbers(found) >= _DOCKER_MIN, expected="20.10 or newer", found=found)
    return Evidence(f"Docker {found}")


@_check("kind version", expected="v0.24 or newer", hint=INSTALL_HINTS["kind"])
def kind_version(context: Context) -> Evidence:
    """The version of kind is 0.24 or newer (its network enforces NetworkPolicies from then on)."""
    found = context.kind.version()
    expect(_numbers(found) >= _KIND_MIN, expected="0.24 or newer", found=found)
    return Evidence(f"kind {found}")


@_check(
    "kubectl version --client",
    expected="v1.33 to v1.35 for the default node image",
    hint=INSTALL_HINTS["kubectl"],
)
def kubectl_version(context: Context) -> Evidence:
    """The version of kubectl is within one minor version of the node image's Kubernetes."""
    found = context.kubectl.client_version()
    ours, theirs = _numbers(found), node_version(context.settings.node_image)
    close = len(ours) > 1 and ours[0] == theirs[0] and abs(ours[1] - theirs[1]) <= 1
    expect(close, expected=f"within one minor version of {theirs}", found=found or "no version")
    return Evidence(f"kubectl {found}")


@_check(
    "free -m",
    expected=f"{_MEMORY_MIB} or more under `available`",
    hint="close programs, or give Docker's virtual machine more memory",
)
def memory(context: Context) -> Evidence:
    """At least 4096 MiB of memory are available."""
    found = context.host.memory_available_mib()
    expect(found >= _MEMORY_MIB, expected=f"{_MEMORY_MIB} MiB", found=f"{found} MiB")
    return Evidence(f"{found} MiB available")


@_check(
    "df -m .",
    expected=f"{_DISK_MIB} or more under `Available`",
    hint="`docker system df` shows what Docker holds",
)
def disk(context: Context) -> Evidence:
    """At least 8192 MiB of disk are free."""
    found = context.host.disk_free_mib(context.root)
    expect(found >= _DISK_MIB, expected=f"{_DISK_MIB} MiB", found=f"{found} MiB")
    return Evidence(f"{found} MiB free")


@_check(
    "sysctl fs.inotify",
    expected="max_user_instances 128 or more, max_user_watches 8192 or more",
    hint="sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288",
)
def inotify(context: Context) -> Evidence:
    """The kernel's inotify limits, where it has any, leave room for a node's services."""
    found = context.host.inotify_limits()
    low = {
        name: found[name] for name, least in _INOTIFY_MIN.items() if found.get(name, least) < least
    }
    expect(not low, expected=f"at least {_INOTIFY_MIN}", found=low)
    return Evidence(", ".join(f"{name} {value}" for name, value in found.items()) or "no limits")


@_check(
    "docker info --format '{{.CgroupVersion}}'",
    expected="2 (1 is enough up to Kubernetes 1.34)",
    hint="boot with cgroup v2, or choose a node image of Kubernetes 1.34 or older",
)
def cgroup_version(context: Context) -> Evidence:
    """The engine's cgroup version is one that the node image's Kubernetes runs on."""
    found = str(context.docker.info().get("CgroupVersion", "1"))
    minor = node_version(context.settings.node_image)[1]
    enough = found == "2" or minor <= _LAST_MINOR_ON_CGROUP_V1
    expect(enough, expected=f"cgroup v2 for Kubernetes 1.{minor}", found=f"cgroup v{found}")
    return Evidence(f"cgroup v{found}")


@_check(
    "ss -ltnp 'sport = :8080'",
    expected="no line, or the cluster's docker-proxy",
    hint="stop that process, or choose another port: INGEST_PORT=8090 make verify",
)
def port_free(context: Context) -> Evidence:
    """The host port that leads to the ingest is free, or is our own cluster's."""
    port = context.settings.ingest_port
    owner = context.host.port_owner(port)
    if owner is None:
        return Evidence(f"127.0.0.1:{port} is free")
    node = f"{context.settings.cluster}-control-plane"
    ours = f"127.0.0.1:{port}" in context.docker.call("port", node).stdout.split()
    expect(ours, expected=f"port {port} to be free (INGEST_PORT)", found=f"it is held by {owner}")
    return Evidence(f"127.0.0.1:{port} is the port of our own cluster")


@_check(
    "docker image inspect --format '{{.Id}}' kindest/node:v1.34.3 apache/kafka:4.3.1",
    expected="one id a line",
    hint="they are pulled when they are needed; `docker pull IMAGE` does it beforehand",
    severity=Severity.WARNING,
)
def images(context: Context) -> Evidence:
    """The node, Kafka and Python base images are on this machine already."""
    wanted = [context.settings.node_image, "apache/kafka:4.3.1", context.settings.python_image]
    lacking = [name for name in wanted if context.docker.image(name) is None]
    expect(not lacking, expected="all of them", found=f"{', '.join(lacking)} missing")
    return Evidence(", ".join(wanted))
