"""A container of one of our images, started alone and hardened as in the cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from verification.checklist.support.context import Context
from verification.cluster.service_images import INGEST, ServiceImage

_HEALTHY_WITHIN_S = 45.0
_PROBE = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/healthz').status)"
# Nobody listens there: the service must live without Kafka.
_NO_KAFKA = "KAFKA_BROKERS=127.0.0.1:9"


@contextmanager
def started(context: Context, image: ServiceImage, name: str) -> Iterator[str]:
    """Run the image read-only in the background, yield the container's name, remove it."""
    service = image.repository.replace("/", "-")
    container = f"{context.settings.cluster}-{service}-{context.run_id}-{uuid.uuid4().hex[:8]}"
    options = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--env", _NO_KAFKA]  # noqa: S108  in the container
    try:
        context.docker.call("run", "--detach", "--name", container, *options, name).checked()
        yield container
    finally:
        context.docker.call("rm", "--force", container)


def wait_healthy(context: Context, container: str, image: ServiceImage) -> float:
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
