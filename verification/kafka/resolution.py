"""Writing the jar lock anew: what the roots drag in at run time."""

from __future__ import annotations

import tempfile
from pathlib import Path

from requests import RequestException

from verification.errors import CannotRunError
from verification.kafka.jar_cache import sha256_of
from verification.kafka.lock import Jar, JarLock
from verification.kafka.repository import maven

_RUN_TIME = (None, "compile", "runtime")


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
