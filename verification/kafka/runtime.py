"""What it takes to start Kafka: Java, the verified jars and, where Java can, a start-up cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_cache_path

from verification.kafka.jar_cache import JarStore
from verification.kafka.java import Java, find_java
from verification.kafka.lock import JarLock, read_lock
from verification.kafka.repository import repository_url

APPLICATION = "rtb-bid-pipeline"
_FLAGS = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",  # the JVM's own warnings go to standard output otherwise
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.logFile=System.err",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
_AOT_SINCE = 25


def quiet(_text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Runtime:
    """A Java, the class path, and the ahead-of-time cache where there is one."""

    java: Java
    classpath: tuple[Path, ...]
    aot_cache: Path | None = None
    extra_flags: tuple[str, ...] = ()

    def command(self, main_class: str, *arguments: str) -> list[str]:
        """Return the command line that runs `main_class`."""
        aot = [] if self.aot_cache is None else [f"-XX:AOTCache={self.aot_cache}"]
        path = os.pathsep.join(map(str, self.classpath))
        flags = [*_FLAGS, *aot, *self.extra_flags]
        return [str(self.java.path), *flags, "-cp", path, main_class, *arguments]

    def recording(self, output: Path) -> Runtime:
        """Return the run-time whose next process writes an ahead-of-time cache when it ends."""
        return replace(self, aot_cache=None, extra_flags=(f"-XX:AOTCacheOutput={output}",))

    @property
    def can_cache(self) -> bool:
        """Whether this Java writes an ahead-of-time cache in one go."""
        return self.java.major >= _AOT_SINCE


Train = Callable[[Runtime, Path], None]


def cache_folder() -> Path:
    """Return the folder of ours in the user's cache directory."""
    return user_cache_path(APPLICATION, appauthor=False)


def prepare(
    environ: Mapping[str, str], train: Train, say: Callable[[str], object] = quiet
) -> Runtime:
    """Find Java, provide the jars, and have `train` write the start-up cache once.

    Raises CannotRunError when Java or a jar cannot be had; goes without a start-up cache when
    that cannot be had.
    """
    store = JarStore(cache_folder(), repository_url(environ, Path.home()), say)
    return assemble(find_java(environ), read_lock(), store, train)


def assemble(java: Java, lock: JarLock, store: JarStore, train: Train) -> Runtime:
    """Put a run-time together from its parts; the start-up cache lies beside the jars' folder."""
    runtime = Runtime(java, store.provide(lock))
    if not runtime.can_cache:
        return runtime
    key = hashlib.sha256(f"{lock.digest()} {java.version} {_FLAGS}".encode()).hexdigest()[:16]
    cache = store.folder / f"kafka-{key}.aot"
    if not cache.exists():
        store.say("recording a start-up cache, once (about 10 s)")
        train(runtime, cache)
    return replace(runtime, aot_cache=cache) if cache.exists() else runtime
