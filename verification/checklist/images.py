"""Whether the two service images are what a cluster may run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from verification.checklist.support.check import Evidence, Needs, check, expect
from verification.checklist.support.container import started, wait_healthy
from verification.checklist.support.context import Context
from verification.cluster.service_images import ServiceImage

_BUDGET_MIB = 60
_STOP_WITHIN_S = 10
_UNTIL_HEALTHY = (
    'for second in $(seq 45); do docker exec probe python -c "import urllib.request as u; '
    "print(u.urlopen('http://127.0.0.1:8080/healthz').status)\" 2>/dev/null && break; sleep 1; done"
)
_MIB = 1024 * 1024
# What a build needs and a running service never does.
_TOOLS = "gcc g++ cc make cargo git curl wget pip pip3 uv pytest"
_LEFTOVERS = "/srv/tests /root/.cache /tests /srv/requirements.txt /requirements.txt"
_OURS = ("KAFKA_", "INGEST_", "CONSUMER_", "BIDDING_", "LOG_")


def _inspected(context: Context) -> dict[ServiceImage, dict[str, Any]]:
    found = {image: context.docker.image(name) for image, name in context.images.items()}
    return {image: inspected for image, inspected in found.items() if inspected is not None}


def _configs(context: Context) -> dict[str, dict[str, Any]]:
    return {image.repository: found["Config"] for image, found in _inspected(context).items()}


def _table(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


@check(
    "images.numeric-user",
    "Both images run as a numeric user that is not root.",
    by_hand=("docker image inspect --format '{{.Config.User}}' $INGEST_IMAGE",),
    expected="10001:10001",
    hint="USER in the Dockerfile; runAsNonRoot cannot judge a name",
    needs=Needs.IMAGES,
    reads=True,
)
def numeric_user(context: Context) -> Evidence:
    """Read the configured user."""
    users = {name: str(config.get("User", "")) for name, config in _configs(context).items()}
    good = all(re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user) for user in users.values())
    expect(good, expected="a numeric user other than 0", found=_table(users))
    return Evidence(_table(users))


@check(
    "images.exec-form-entrypoint",
    "The entry point is in exec form, so that the service itself receives signals.",
    by_hand=("docker image inspect --format '{{json .Config.Entrypoint}}' $INGEST_IMAGE",),
    expected='a list that does not begin with a shell: ["python","-m","app"]',
    hint="ENTRYPOINT as a JSON list in the Dockerfile",
    needs=Needs.IMAGES,
    reads=True,
)
def exec_form_entrypoint(context: Context) -> Evidence:
    """Read the entry point."""
    points = {name: config.get("Entrypoint") or [] for name, config in _configs(context).items()}
    good = all(point and not point[0].endswith("sh") for point in points.values())
    expect(good, expected="a program, not a shell", found=_table(points))
    return Evidence(_table(points))


@check(
    "images.no-configuration-inside",
    "No setting of ours is baked into an image.",
    by_hand=("docker image inspect --format '{{json .Config.Env}}' $INGEST_IMAGE",),
    expected="no KAFKA_*, INGEST_*, CONSUMER_*, BIDDING_* or LOG_*",
    hint="configuration belongs into the ConfigMaps",
    needs=Needs.IMAGES,
    reads=True,
)
def no_configuration_inside(context: Context) -> Evidence:
    """Read the image's environment."""
    baked = [
        variable
        for config in _configs(context).values()
        for variable in config.get("Env") or []
        if variable.startswith(_OURS)
    ]
    expect(not baked, expected="no variable of ours", found=baked)
    return Evidence("no variable of ours")


@check(
    "images.labels",
    "Each image says what it is and under which licence.",
    by_hand=("docker image inspect --format '{{json .Config.Labels}}' $INGEST_IMAGE",),
    expected="org.opencontainers.image.title, .description and .licenses",
    hint="LABEL in the Dockerfile",
    needs=Needs.IMAGES,
    reads=True,
)
def labels(context: Context) -> Evidence:
    """Read the OCI labels."""
    wanted = {f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses")}
    lacking = {
        name: sorted(wanted - set(config.get("Labels") or {}))
        for name, config in _configs(context).items()
    }
    expect(not any(lacking.values()), expected="all three labels", found=_table(lacking))
    return Evidence(", ".join(sorted(wanted)))


@check(
    "images.size-budget",
    f"Each image adds at most {_BUDGET_MIB} MiB to its base.",
    by_hand=("docker image ls --filter reference='rtb/*'",),
    expected=f"at most {_BUDGET_MIB} MiB more than the Python base image",
    hint="`docker history $INGEST_IMAGE` shows which layer grew",
    needs=Needs.IMAGES,
    reads=True,
)
def size_budget(context: Context) -> Evidence:
    """Compare the images' sizes with their base's."""
    base = context.docker.image(context.settings.python_image) or {"Size": 0}
    added = {
        image.repository: (found["Size"] - base["Size"]) // _MIB
        for image, found in _inspected(context).items()
    }
    small = all(size <= _BUDGET_MIB for size in added.values())
    expect(small, expected=f"at most {_BUDGET_MIB} MiB added", found=_table(added))
    return Evidence(_table({name: f"+{size} MiB" for name, size in added.items()}))


@check(
    "images.nothing-left-behind",
    "No compiler, package installer, cache or test is left in the images.",
    by_hand=("docker run --rm --entrypoint sh $INGEST_IMAGE -c 'command -v gcc pip git; ls /srv'",),
    expected="only `app` and `common` (`consumer` and `common`)",
    hint="only the last stage of the Dockerfile ends up in the image",
    needs=Needs.IMAGES,
    reads=True,
)
def nothing_left_behind(context: Context) -> Evidence:
    """Look for tools and left-overs from inside each image."""
    script = (
        f"command -v {_TOOLS}; ls -d {_LEFTOVERS} 2>/dev/null; "
        "python -c 'import pip' 2>/dev/null && echo module pip; "
        "find / -xdev -name '__pycache__' -prune -o -name 'test_*.py' -path '*/srv/*' -print; true"
    )
    found = {
        image.repository: context.docker.run(
            name, options=["--entrypoint", "sh"], args=["-c", script], timeout=30
        )
        .checked()
        .stdout.split()
        for image, name in context.images.items()
    }
    expect(not any(found.values()), expected="none of them", found=_table(found))
    return Evidence("none of them is there")


@check(
    "images.starts-read-only",
    "Each service starts with a read-only root file system and no capabilities.",
    by_hand=(
        (
            "docker run --detach --name probe --read-only --tmpfs /tmp --cap-drop ALL "
            "--env KAFKA_BROKERS=127.0.0.1:9 $INGEST_IMAGE"
        ),
        _UNTIL_HEALTHY,
        "docker rm --force probe",
    ),
    expected="200",
    hint="`docker logs` of the container tells what it could not write",
    needs=Needs.IMAGES,
    reads=True,
)
def starts_read_only(context: Context) -> Evidence:
    """Start each image read-only, without Kafka, and ask for its health."""
    took = {}
    for image, name in context.images.items():
        with started(context, image, name) as container:
            took[image.repository] = f"{wait_healthy(context, container, image):.1f} s"
    return Evidence(_table(took), {"until healthy": _table(took)})


@check(
    "images.stops-on-sigterm",
    f"Each service ends with status 0 within {_STOP_WITHIN_S} s of SIGTERM.",
    by_hand=(
        (
            "docker run --detach --name probe --read-only --tmpfs /tmp "
            "--env KAFKA_BROKERS=127.0.0.1:9 $INGEST_IMAGE"
        ),
        f"{_UNTIL_HEALTHY} >/dev/null",
        'docker kill --signal TERM probe && test "$(docker wait probe)" = 0',
        "docker rm --force probe",
    ),
    expected="no error: the exit status is 0",
    hint="a shell as entry point swallows the signal",
    needs=Needs.IMAGES,
    reads=True,
)
def stops_on_sigterm(context: Context) -> Evidence:
    """Send SIGTERM to each image's running container and read its exit status."""
    took = {}
    for image, name in context.images.items():
        with started(context, image, name) as container:
            wait_healthy(context, container, image)
            start = context.clock.monotonic()
            context.docker.call("kill", "--signal", "TERM", container).checked()
            code = context.docker.call("wait", container, timeout=30).checked().stdout.strip()
            seconds = context.clock.monotonic() - start
        good = code == "0" and seconds <= _STOP_WITHIN_S
        found = f"status {code} after {seconds:.1f} s"
        expect(good, expected=f"{image.repository}: status 0 in time", found=found)
        took[image.repository] = found
    return Evidence(_table(took))


CHECKS = (
    numeric_user,
    exec_form_entrypoint,
    no_configuration_inside,
    labels,
    size_budget,
    nothing_left_behind,
    starts_read_only,
    stops_on_sigterm,
)
