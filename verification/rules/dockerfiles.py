"""hadolint's opinion of the Dockerfiles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from verification.cluster.tools.process import Runner

_TIMEOUT_S = 60.0


def lint_dockerfiles(runner: Runner, hadolint: str, files: Sequence[Path]) -> list[str]:
    """Return what hadolint objects to, at whatever level, one string each.

    Raises ToolMissingError, ToolTimeoutError, and ToolFailedError when it could not read them.
    """
    argv = [hadolint, "--no-color", "--format", "json", "--no-fail", *map(str, files)]
    result = runner.run(argv, timeout=_TIMEOUT_S).checked()
    return [
        f"{row['file']}:{row['line']} {row['code']} ({row['level']}): {row['message']}"
        for row in json.loads(result.stdout)
    ]
