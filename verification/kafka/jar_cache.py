"""The pinned jars in the user's cache, fetched once and verified on every start; new pins."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from requests import RequestException

from verification.errors import CannotRunError
from verification.kafka.lock import Jar, JarLock
from verification.kafka.repository import maven

_AT_ONCE = 8
_RUN_TIME = (None, "compile", "runtime")
_ELSEWHERE = "MAVEN_REPO_URL or a mirror in ~/.m2/settings.xml names another repository"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class JarStore:
    """Where jars are kept, which repository they come from (None: jgo's), and whom to tell."""

    folder: Path
    url: str | None
    say: Callable[[str], object]

    @property
    def jars(self) -> Path:
        """The folder that holds the jars."""
        return self.folder / "jars"

    def provide(self, lock: JarLock) -> tuple[Path, ...]:
        """Return the jars' paths in class path order, after fetching those that are missing.

        Nothing is asked of the network once all are there. Raises CannotRunError for a jar whose
        content is not the pinned one, whether it was just fetched or lay in the store.
        """
        missing = [jar for jar in lock.jars if not (self.jars / jar.file_name).exists()]
        if missing:
            self.say(f"fetching {len(missing)} jars of Apache Kafka into {self.jars}")
            self._fetch(missing)
        for jar in lock.jars:
            path = self.jars / jar.file_name
            _verify(jar, path, f"remove {path} to have it fetched again")
        return tuple(self.jars / jar.file_name for jar in lock.jars)

    def _fetch(self, jars: Sequence[Jar]) -> None:
        self.jars.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=self.folder, prefix="fetching-") as staging,
            ThreadPoolExecutor(_AT_ONCE) as pool,
        ):
            paths = pool.map(lambda jar: _download(jar, Path(staging), self.url), jars)
            for jar, path in zip(jars, paths, strict=True):
                _verify(jar, path, "the repository serves something else than what is pinned")
                path.replace(self.jars / jar.file_name)


def _download(jar: Jar, store: Path, url: str | None) -> Path:
    group, artifact, version = jar.coordinate.split(":")
    found = maven(store, url).project(group, artifact).at_version(version).artifact()
    try:
        return Path(found.resolve())
    except RequestException as error:
        message = f"{jar.coordinate}: cannot be fetched, {_reason(error)}; {_ELSEWHERE}"
        raise CannotRunError(message) from error
    except RuntimeError as error:
        message = f"{jar.coordinate}: the Maven repository does not have it; {_ELSEWHERE}"
        raise CannotRunError(message) from error


def _reason(error: RequestException) -> str:
    url = None if error.request is None else error.request.url
    host = "the repository" if url is None else urlsplit(str(url)).hostname
    return f"no answer from {host} ({type(error).__name__})"


def _verify(jar: Jar, path: Path, remedy: str) -> None:
    found = sha256_of(path)
    if found != jar.sha256:
        message = f"{jar.file_name}: SHA-256 is {found}, pinned is {jar.sha256}; {remedy}"
        raise CannotRunError(message)


def resolve(roots: tuple[str, ...], url: str | None) -> JarLock:
    """Resolve the run-time closure of `roots` afresh and pin what the repository serves."""
    with tempfile.TemporaryDirectory() as store:
        context = maven(Path(store), url)
        asked = [context.create_dependency(root) for root in roots]
        try:
            inputs, closure = context.resolver.resolve(asked)
            needed = [dep for dep in [*inputs, *closure] if dep.scope in _RUN_TIME]
            jars = [
                Jar(
                    f"{dep.groupId}:{dep.artifactId}:{dep.version}",
                    sha256_of(dep.artifact.resolve()),
                )
                for dep in needed
                if not dep.optional
            ]
        except (RequestException, RuntimeError) as error:
            message = f"{', '.join(roots)}: cannot be resolved: {error}"
            raise CannotRunError(message) from error
    return JarLock(roots, tuple(sorted(jars, key=lambda jar: jar.coordinate)))
