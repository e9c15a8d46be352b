"""The jars of the embedded Kafka: pinned, fetched once, verified always."""

from __future__ import annotations

import argparse
import gc
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fakes.http_answers import Answer, HttpAnswers
from verification.cli import Console
from verification.commands.jars import compare, run
from verification.errors import CannotRunError, CheckFailedError
from verification.kafka.jar_cache import JarStore
from verification.kafka.lock import LOCK_FILE, Jar, JarLock, problems, read_lock
from verification.kafka.repository import maven, repository_url
from verification.kafka.resolution import resolve

CONTENT = b"the bytes of a jar"
PIN = Jar("org.example:thing:1.0", hashlib.sha256(CONTENT).hexdigest())
LOCK = JarLock((PIN.coordinate,), (PIN,))
PATH = "/org/example/thing/1.0/thing-1.0.jar"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture
def repository() -> Iterator[HttpAnswers]:
    """Serve a Maven repository that holds the pinned jar."""
    with HttpAnswers({PATH: Answer(200, CONTENT)}) as server:
        yield server


def said() -> io.StringIO:
    """Return something to say things to."""
    return io.StringIO()


class TestProvide:
    """From the repository once, from the cache afterwards."""

    def test_fetches_what_is_missing(self, repository: HttpAnswers, tmp_path: Path) -> None:
        """A first call fetches the jar, says so, and leaves nothing else behind."""
        text = said()
        paths = JarStore(tmp_path, repository.url, text.write).provide(LOCK)
        assert [path.read_bytes() for path in paths] == [CONTENT]
        assert text.getvalue().startswith("fetching 1 jars of Apache Kafka into ")
        assert list((tmp_path / "jars").iterdir()) == list(paths)

    def test_needs_no_network_afterwards(self, repository: HttpAnswers, tmp_path: Path) -> None:
        """A second call asks nobody and says nothing."""
        JarStore(tmp_path, repository.url, said().write).provide(LOCK)
        text = said()
        assert JarStore(tmp_path, NOWHERE, text.write).provide(LOCK)
        assert text.getvalue() == ""

    def test_a_tampered_jar_in_the_cache_is_refused(
        self, repository: HttpAnswers, tmp_path: Path
    ) -> None:
        """Each call verifies; the one-line error names the file and the remedy."""
        (path,) = JarStore(tmp_path, repository.url, said().write).provide(LOCK)
        path.write_bytes(CONTENT + b"!")
        with pytest.raises(CannotRunError, match=r"^thing-1.0.jar: SHA-256 is .* remove ") as error:
            JarStore(tmp_path, repository.url, said().write).provide(LOCK)
        assert "\n" not in str(error.value)

    def test_a_repository_that_serves_something_else_is_refused(self, tmp_path: Path) -> None:
        """What is not the pinned content never reaches the cache."""
        with (
            HttpAnswers({PATH: Answer(200, b"other")}) as server,
            pytest.raises(CannotRunError, match=r"^thing-1.0.jar: .* serves something else"),
        ):
            JarStore(tmp_path, server.url, said().write).provide(LOCK)
        assert list(tmp_path.rglob("*.jar")) == []

    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    def test_a_jar_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        """A 404 is one line with the coordinate and what to set."""
        message = self.refusal(tmp_path)
        gc.collect()  # jgo leaves the answer open: let the warning come here, where it is ignored
        assert "\n" not in message

    def refusal(self, tmp_path: Path) -> str:
        """Ask an empty repository."""
        with (
            HttpAnswers() as server,
            pytest.raises(CannotRunError, match=r"^org.example:thing:1.0: .*MAVEN_REPO_URL") as at,
        ):
            JarStore(tmp_path, server.url, said().write).provide(LOCK)
        return str(at.value)

    def test_no_network_is_one_line(self, tmp_path: Path) -> None:
        """Without an answer, the host and what to set are named."""
        with pytest.raises(CannotRunError, match=r"no answer from 127\.0\.0\.1 .*settings\.xml"):
            JarStore(tmp_path, NOWHERE, said().write).provide(LOCK)

    def test_an_impossible_address_is_one_line(self, tmp_path: Path) -> None:
        """An address that is none is reported without a traceback."""
        with pytest.raises(CannotRunError, match=r"no answer from the repository \(Invalid"):
            JarStore(tmp_path, "http://", said().write).provide(LOCK)


class TestLock:
    """The lock file is the whole truth."""

    def test_the_file_of_the_project_is_sound(self) -> None:
        """Ours reads, pins Kafka and slf4j-simple, and is exactly what we would write."""
        lock = read_lock()
        assert lock.roots[0].startswith("org.apache.kafka:kafka_2.13:")
        assert "org.slf4j:slf4j-simple" in lock.roots[1]
        assert LOCK_FILE.read_text(encoding="utf-8") == lock.to_toml()

    def test_names_no_repository(self) -> None:
        """Where jars come from is the user's choice, not the lock's."""
        assert "://" not in LOCK_FILE.read_text(encoding="utf-8")

    @pytest.mark.parametrize("text", ["", "no toml", "roots = 1", "roots = []\nsha256 = 3"])
    def test_something_else_is_refused(self, text: str, tmp_path: Path) -> None:
        """A file that is no lock is refused by its name."""
        path = tmp_path / "x.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(CannotRunError, match=r"^x.toml: not a jar lock"):
            read_lock(path)

    def test_an_unsound_lock_is_refused(self, tmp_path: Path) -> None:
        """A lock with a problem is refused with the first one."""
        path = tmp_path / "x.toml"
        path.write_text(JarLock(("a:b:1",), ()).to_toml(), encoding="utf-8")
        with pytest.raises(CannotRunError, match=r"^x.toml: a:b:1 is asked for and not pinned$"):
            read_lock(path)

    @pytest.mark.parametrize(
        ("lock", "problem"),
        [
            (LOCK, []),
            (JarLock(("a:b:1",), (PIN,)), ["a:b:1 is asked for and not pinned"]),
            (JarLock((), (Jar("../x", PIN.sha256),)), ["'../x' is no group:artifact:version"]),
            (JarLock((), (Jar("a:b:1", "00"),)), ["a:b:1: '00' is no SHA-256"]),
            (
                JarLock((), (Jar("a:b:1", PIN.sha256), Jar("z:b:1", PIN.sha256))),
                ["two jars have the same file name"],
            ),
        ],
    )
    def test_problems_are_found(self, lock: JarLock, problem: list[str]) -> None:
        """Each way of being unsound has its line."""
        assert problems(lock) == problem

    def test_every_pin_counts_for_the_digest(self) -> None:
        """Another hash is another digest."""
        other = replace(PIN, sha256="0" * 64)
        assert LOCK.digest() != replace(LOCK, jars=(other,)).digest()

    def test_a_stale_lock_is_told(self) -> None:
        """A difference to a fresh resolution is named; none is fine."""
        compare(LOCK, LOCK)
        with pytest.raises(CheckFailedError, match=r"^org.example:thing:1.0: the lock differs"):
            compare(LOCK, replace(LOCK, jars=()))


class TestCommand:
    """`jars` on the command line."""

    def jars(self, what: str, lock_file: Path, url: str) -> str:
        """Run the command and return what it wrote."""
        out = io.StringIO()
        console = Console({"MAVEN_REPO_URL": url}, out, io.StringIO(), io.BytesIO())
        assert run(argparse.Namespace(what=what), console, lock_file) == 0
        return out.getvalue()

    def test_pins_checks_and_fetches(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`lock` mends what `check` finds stale; `fetch` then has every jar in the cache."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        path = tmp_path / "lock.toml"
        stale = Jar("org.example:root:1.0", "0" * 64)
        path.write_text(JarLock((stale.coordinate,), (stale,)).to_toml(), encoding="utf-8")
        with HttpAnswers(artifact("root")) as server:
            with pytest.raises(CheckFailedError, match="differs"):
                self.jars("check", path, server.url)
            assert self.jars("lock", path, server.url) == "lock.toml: 1 jars pinned\n"
            assert "1 pins are what resolving gives" in self.jars("check", path, server.url)
            assert self.jars("fetch", path, server.url).startswith("1 jars are there")
        assert len(list(tmp_path.rglob("root-1.0.jar"))) == 1


MIRROR = """<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors>
<mirror><mirrorOf>jboss</mirrorOf><url>http://a</url></mirror>
<mirror><mirrorOf>*,!central</mirrorOf><url>http://b</url></mirror>
<mirror><mirrorOf>snapshots, {pattern}</mirrorOf><url> http://c/ </url></mirror>
</mirrors></settings>"""


class TestRepositoryUrl:
    """The user's choice wins; else jgo's default."""

    def home(self, folder: Path, text: str) -> Path:
        """Return a home with these Maven settings."""
        (folder / ".m2").mkdir()
        (folder / ".m2" / "settings.xml").write_text(text, encoding="utf-8")
        return folder

    def test_nothing_is_chosen(self, tmp_path: Path) -> None:
        """Without settings the choice is jgo's, with its own default repository."""
        assert repository_url({}, tmp_path) is None
        assert list(maven(tmp_path, None).remote_repos) == ["central"]

    @pytest.mark.parametrize("pattern", ["*", "central", "external:*"])
    def test_a_mirror_of_central_is_used(self, pattern: str, tmp_path: Path) -> None:
        """The first mirror whose pattern covers central is taken."""
        home = self.home(tmp_path, MIRROR.format(pattern=pattern))
        assert repository_url({}, home) == "http://c"

    def test_other_mirrors_are_not(self, tmp_path: Path) -> None:
        """A mirror of something else is left alone."""
        assert repository_url({}, self.home(tmp_path, MIRROR.format(pattern="x"))) is None

    def test_the_variable_wins(self, tmp_path: Path) -> None:
        """MAVEN_REPO_URL comes before any settings.xml."""
        home = self.home(tmp_path, MIRROR.format(pattern="*"))
        assert repository_url({"MAVEN_REPO_URL": "http://mine/"}, home) == "http://mine"
        assert maven(tmp_path, "http://mine").remote_repos == {"chosen": "http://mine"}

    def test_broken_settings_are_told(self, tmp_path: Path) -> None:
        """A settings.xml that is no XML is refused by name."""
        with pytest.raises(CannotRunError, match=r"settings\.xml: cannot be read"):
            repository_url({}, self.home(tmp_path, "<settings>"))


POM = """<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>
<artifactId>{name}</artifactId><version>1.0</version><dependencies>{needs}</dependencies></project>
"""
NEED = """<dependency><groupId>org.example</groupId><artifactId>{name}</artifactId>
<version>1.0</version><scope>{scope}</scope></dependency>"""


def artifact(name: str, *needs: str) -> dict[str, Answer]:
    """Return what a repository answers for one artifact and its POM."""
    base = f"/org/example/{name}/1.0/{name}-1.0"
    pom = POM.format(name=name, needs="".join(needs)).encode()
    return {f"{base}.pom": Answer(200, pom), f"{base}.jar": Answer(200, name.encode())}


class TestResolve:
    """Pinning afresh."""

    def test_pins_what_is_needed_at_run_time(self) -> None:
        """Run-time dependencies are pinned, test ones are not, sorted by coordinate."""
        answers = {
            **artifact(
                "root",
                NEED.format(name="engine", scope="runtime"),
                NEED.format(name="junit", scope="test"),
            ),
            **artifact("engine"),
        }
        with HttpAnswers(answers) as server:
            lock = resolve(("org.example:root:1.0",), server.url)
        assert [jar.coordinate for jar in lock.jars] == [
            "org.example:engine:1.0",
            "org.example:root:1.0",
        ]
        assert lock.jars[0].sha256 == hashlib.sha256(b"engine").hexdigest()

    def test_what_cannot_be_resolved_is_told(self) -> None:
        """Without a repository that has it, the root is named."""
        with pytest.raises(CannotRunError, match=r"^org.example:root:1.0: cannot be resolved"):
            resolve(("org.example:root:1.0",), NOWHERE)
