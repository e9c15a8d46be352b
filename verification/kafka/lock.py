"""Which jars the embedded Kafka consists of, each pinned by its SHA-256."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from verification.errors import CannotRunError

LOCK_FILE = Path(__file__).with_name("kafka-jars.lock.toml")
_COORDINATE = re.compile(r"[\w.-]+:[\w.-]+:[\w.-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADER = "# The jars of the embedded Kafka; written by `python -m verification jars lock`.\n"


@dataclass(frozen=True)
class Jar:
    """One pinned jar: its Maven coordinate `group:artifact:version` and its content's SHA-256."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name that Maven gives the file."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


@dataclass(frozen=True)
class JarLock:
    """What was asked for, and everything that this drags in, in class path order."""

    roots: tuple[str, ...]
    jars: tuple[Jar, ...]

    def digest(self) -> str:
        """Return a SHA-256 over all pins, for cache keys."""
        return hashlib.sha256(self.to_toml().encode()).hexdigest()

    def to_toml(self) -> str:
        """Render the lock file's text."""
        roots = ", ".join(f'"{root}"' for root in self.roots)
        pins = "".join(f'"{jar.coordinate}" = "{jar.sha256}"\n' for jar in self.jars)
        return f"{_HEADER}roots = [{roots}]\n\n[sha256]\n{pins}"


def read_lock(path: Path = LOCK_FILE) -> JarLock:
    """Read and check the lock file; raise CannotRunError for one that nobody can rely on."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        roots = tuple(table["roots"])
        jars = tuple(Jar(*pin) for pin in table["sha256"].items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        message = f"{path.name}: not a jar lock: {error!r}"
        raise CannotRunError(message) from error
    lock = JarLock(roots, jars)
    for problem in _problems(lock):
        message = f"{path.name}: {problem}"
        raise CannotRunError(message)
    return lock


def _problems(lock: JarLock) -> list[str]:
    """Say what is wrong with a lock: malformed pins, unpinned roots, equal file names."""
    pinned = {jar.coordinate for jar in lock.jars}
    found = [f"{root} is asked for and not pinned" for root in lock.roots if root not in pinned]
    for jar in lock.jars:
        if not _COORDINATE.fullmatch(jar.coordinate):
            found.append(f"{jar.coordinate!r} is no group:artifact:version")
        if not (isinstance(jar.sha256, str) and _SHA256.fullmatch(jar.sha256)):
            found.append(f"{jar.coordinate}: {jar.sha256!r} is no SHA-256")
    if not found and len({jar.file_name for jar in lock.jars}) != len(lock.jars):
        found.append("two jars have the same file name")
    return found
