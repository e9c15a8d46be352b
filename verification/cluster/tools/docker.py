"""What the harness asks of Docker."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from verification.cluster.tools.process import Result, Runner
from verification.errors import ToolOutputError

_QUICK = 30.0
_BUILD = 600.0


class Docker:
    """The `docker` executable."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def call(self, *args: str, timeout: float = _QUICK) -> Result:
        """Run `docker ARGS`, whatever its status."""
        return self._runner.run(["docker", *args], timeout=timeout)

    def info(self) -> dict[str, Any]:
        """Return the engine's description of itself; raises when no engine answers."""
        found = parse_object(self.call("info", "--format", "{{json .}}").checked())
        if not found.get("ServerVersion"):
            message = f"no Docker engine answers: {found.get('ServerErrors', 'no reason given')}"
            raise ToolOutputError(message, "start Docker, or point DOCKER_HOST at one")
        return found

    def image(self, name: str) -> dict[str, Any] | None:
        """Return the image's `docker image inspect`, or None when the engine lacks it."""
        result = self.call("image", "inspect", "--format", "{{json .}}", name)
        if result.code != 0 and "no such image" in result.stderr.lower():
            return None
        return parse_object(result.checked())

    def build(self, context: Path, dockerfile: str, tag: str, args: Mapping[str, str]) -> None:
        """Build `dockerfile` of `context` as `tag`."""
        options = [
            part for name, value in args.items() for part in ("--build-arg", f"{name}={value}")
        ]
        argv = ["build", "--file", str(context / dockerfile), "--tag", tag, *options, str(context)]
        self.call(*argv, timeout=_BUILD).checked()

    def run(
        self, image: str, *, options: Sequence[str], args: Sequence[str], timeout: float
    ) -> Result:
        """Run a container that is removed afterwards, whatever its status."""
        return self.call("run", "--rm", *options, image, *args, timeout=timeout)


def parse_object(result: Result) -> dict[str, Any]:
    """Return the JSON object that was printed; raise ToolOutputError for anything else."""
    try:
        found = json.loads(result.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        message = f"`{result.command}` printed no JSON object: {result.stdout[:200]!r}"
        raise ToolOutputError(message)
    return found
