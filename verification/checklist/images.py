"""Whether the two service images are what a cluster may run."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.context import Context
from verification.cluster.service_images import INGEST, ServiceImage

_BUDGET_MIB = 60
_HEALTHY_WITHIN_S = 45.0
_STOP_WITHIN_S = 10
_MIB = 1024 * 1024
# What a build needs and a running service never does.
_TOOLS = "gcc g++ cc make cargo git curl wget pip pip3 uv pytest"
_LEFTOVERS = "/srv/tests /root/.cache /tests /srv/requirements.txt /requirements.txt"
_OURS = ("KAFKA_", "INGEST_", "CONSUMER_", "BIDDING_", "LOG_")
_LABELS = {f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses")}
_PROBE = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/healthz').status)"
# As in the cluster. Nobody listens there: the service must live without Kafka.
_HARDENED = "--read-only --tmpfs /tmp --cap-drop ALL --env KAFKA_BROKERS=127.0.0.1:9"
_check = partial(check, category="images", promise="deployed", needs=Needs.IMAGES, reads=True)


def _inspected(context: Context) -> dict[ServiceImage, dict[str, Any]]:
    found = {image: context.docker.image(name) for image, name in context.images.items()}
    return {image: inspected for image, inspected in found.items() if inspected is not None}


def _configured(context: Context, name: str) -> dict[str, Any]:
    """Return one entry of each image's configuration."""
    return {image.repository: x["Config"].get(name) for image, x in _inspected(context).items()}


def _table(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


@_check(
    "docker image inspect --format '{{.Config.User}}' $INGEST_IMAGE",
    promise="secured",
    expected="10001:10001",
    hint="USER in the Dockerfile; runAsNonRoot cannot judge a name",
)
def numeric_user(context: Context) -> Evidence:
    """Both images run as a numeric user that is not root."""
    users = _configured(context, "User")
    good = all(re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user or "") for user in users.values())
    expect(good, expected="a numeric user other than 0", found=_table(users))
    return Evidence(_table(users))


@_check(
    "docker image inspect --format '{{json .Config.Env}}' $INGEST_IMAGE",
    promise="configured",
    expected="no KAFKA_*, INGEST_*, CONSUMER_*, BIDDING_* or LOG_*",
    hint="configuration belongs into the ConfigMaps",
)
def no_configuration_inside(context: Context) -> Evidence:
    """No setting of ours is baked into an image."""
    variables = [each for env in _configured(context, "Env").values() for each in env or []]
    baked = [variable for variable in variables if variable.startswith(_OURS)]
    expect(not baked, expected="no variable of ours", found=baked)
    return Evidence("no variable of ours")


@_check(
    "docker image inspect --format '{{json .Config.Labels}}' $INGEST_IMAGE",
    expected="org.opencontainers.image.title, .description and .licenses",
    hint="LABEL in the Dockerfile",
)
def labels(context: Context) -> Evidence:
    """Each image says what it is and under which licence."""
    there = _configured(context, "Labels")
    lacking = {name: sorted(_LABELS - set(found or {})) for name, found in there.items()}
    expect(not any(lacking.values()), expected="all three labels", found=_table(lacking))
    return Evidence(", ".join(sorted(_LABELS)))


@_check(
    "docker image ls --filter reference='rtb/*'",
    expected=f"at most {_BUDGET_MIB} MiB more than the Python base image",
    hint="`docker history $INGEST_IMAGE` shows which layer grew",
)
def size_budget(context: Context) -> Evidence:
    """Each image adds at most 60 MiB to its base."""
    base = context.docker.image(context.settings.python_image) or {"Size": 0}
    added = {
        image.repository: (found["Size"] - base["Size"]) // _MIB
        for image, found in _inspected(context).items()
    }
    small = all(size <= _BUDGET_MIB for size in added.values())
    expect(small, expected=f"at most {_BUDGET_MIB} MiB added", found=_table(added))
    return Evidence(_table({name: f"+{size} MiB" for name, size in added.items()}))


@_check(
    "docker run --rm --entrypoint sh $INGEST_IMAGE -c 'command -v gcc pip git; ls /srv'",
    promise="secured",
    expected="only `app` and `common` (`consumer` and `common`)",
    hint="only the last stage of the Dockerfile ends up in the image",
)
def nothing_left_behind(context: Context) -> Evidence:
    """No compiler, package installer, cache or test is left in the images."""
    script = (
        f"command -v {_TOOLS}; ls -d {_LEFTOVERS} 2>/dev/null; "
        "python -c 'import pip' 2>/dev/null && echo module pip; "
        "find / -xdev -name '__pycache__' -prune -o -name 'test_*.py' -path '*/srv/*' -print; true"
    )
    run = partial(context.docker.run, options=["--entrypoint", "sh"], args=["-c", script])
    printed = {x.repository: run(name, timeout=30) for x, name in context.images.items()}
    found = {name: result.checked().stdout.split() for name, result in printed.items()}
    expect(not any(found.values()), expected="none of them", found=_table(found))
    return Evidence("none of them is there")


@_check(
    f"docker run --detach --name probe {_HARDENED} $INGEST_IMAGE",
    'for second in $(seq 45); do docker exec probe python -c "import urllib.request as u; '
    "print(u.urlopen('http://127.0.0.1:8080/healthz').status)\" 2>/dev/null && break; sleep 1; "
    "done",
    'docker kill --signal TERM probe && test "$(docker wait probe)" = 0',
    "docker rm --force probe",
    promise="drains",
    expected="200, and no error: the exit status is 0",
    hint="`docker logs` tells what it could not write; a shell as entry point swallows the signal",
)
def stops_on_sigterm(context: Context) -> Evidence:
    """Each service starts read-only without capabilities, and ends with 0 in 10 s of SIGTERM."""
    took = {}
    for image, name in context.images.items():
        with _started(context, image, name) as container:
            healthy = _wait_healthy(context, container, image)
            start = context.clock.monotonic()
            context.docker.call("kill", "--signal", "TERM", container).checked()
            code = context.docker.call("wait", container, timeout=30).checked().stdout.strip()
            seconds = context.clock.monotonic() - start
        found = f"healthy in {healthy:.1f} s, status {code} after {seconds:.1f} s"
        good = code == "0" and seconds <= _STOP_WITHIN_S
        expect(good, expected=f"{image.repository}: status 0 in time", found=found)
        took[image.repository] = found
    return Evidence(_table(took))


@contextmanager
def _started(context: Context, image: ServiceImage, name: str) -> Iterator[str]:
    """Run the image hardened in the background, yield the container's name, remove it."""
    service = image.repository.replace("/", "-")
    container = f"{context.settings.cluster}-{service}-{context.run_id}-{uuid.uuid4().hex[:8]}"
    options = ["--detach", "--name", container, *_HARDENED.split()]
    try:
        context.docker.call("run", *options, name).checked()
        yield container
    finally:
        context.docker.call("rm", "--force", container)


def _wait_healthy(context: Context, container: str, image: ServiceImage) -> float:
    """Wait until the service's own health page answers; return the seconds that it took."""
    script = _PROBE.format(port=8080 if image == INGEST else 8081)

    def blocked_by() -> str | None:
        state = "{{.State.Status}}"
        status = context.docker.call("inspect", "--format", state, container).stdout.strip()
        if status != "running":
            logs = context.docker.call("logs", "--tail", "5", container)
            return f"{image.repository} is {status}: {logs.stdout}{logs.stderr}"
        answer = context.docker.call("exec", container, "python", "-c", script)
        return None if answer.stdout.strip() == "200" else answer.tail().splitlines()[-1]

    return context.waiter.until(f"{image.repository} healthy", blocked_by, within=_HEALTHY_WITHIN_S)
