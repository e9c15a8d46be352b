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
from verification.commands.jars import run
from verification.errors import CannotRunError, CheckFailedError
from verification.kafka.jar_cache import JarStore, sha256_of
from verification.kafka.lock import LOCK_FILE, Jar, JarLock, read_lock
from verification.kafka.repository import maven, repository_url
from verification.kafka.runtime import cache_folder

pytestmark = pytest.mark.promise("two-commands")

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


class TestProvide:
    """From the repository once, from the cache afterwards."""

    def test_a_tampered_jar_in_the_cache_is_refused(
        self, repository: HttpAnswers, tmp_path: Path
    ) -> None:
        """Each call verifies; the one-line error names the file and the remedy."""
        store = JarStore(tmp_path, repository.url, str)
        store.provide(LOCK)[0].write_bytes(CONTENT + b"!")
        with pytest.raises(CannotRunError, match=r"^thing-1.0.jar: SHA-256 is .* remove .*[^\n]$"):
            store.provide(LOCK)

    def test_a_repository_that_serves_something_else_is_refused(
        self, repository: HttpAnswers, tmp_path: Path
    ) -> None:
        """What is not the pinned content never reaches the cache."""
        repository.answers[PATH] = Answer(200, b"other")
        with pytest.raises(CannotRunError, match=r"^thing-1.0.jar: .* serves something else"):
            JarStore(tmp_path, repository.url, str).provide(LOCK)
        assert list(tmp_path.rglob("*.jar")) == []

    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    @pytest.mark.parametrize(
        ("url", "message"),
        [
            (None, "^org.example:thing:1.0: .*MAVEN_REPO_URL"),
            (NOWHERE, r"no answer from 127\.0\.0\.1 .*settings\.xml"),
            ("http://", r"no answer from the repository \(Invalid"),
        ],
        ids=["not there", "no network", "no address"],
    )
    def test_a_jar_that_cannot_be_had(
        self, repository: HttpAnswers, tmp_path: Path, url: str | None, message: str
    ) -> None:
        """It is one line, with who did not answer and what to set."""
        repository.answers.clear()
        with pytest.raises(CannotRunError, match=message) as error:
            JarStore(tmp_path, url or repository.url, str).provide(LOCK)
        text = str(error.value)
        del error
        gc.collect()  # jgo leaves the answer open: let the warning come here, where it is ignored
        assert "\n" not in text


class TestLock:
    """The lock file is the whole truth."""

    def test_the_file_of_the_project_is_sound(self) -> None:
        """It pins Kafka and slf4j-simple, is what we would write, and names no repository."""
        lock, text = read_lock(), LOCK_FILE.read_text(encoding="utf-8")
        assert lock.roots[0].startswith("org.apache.kafka:kafka_2.13:")
        assert "org.slf4j:slf4j-simple" in lock.roots[1]
        assert text == lock.to_toml()
        assert "://" not in text

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "not a jar lock: .*"),
            ("no toml", "not a jar lock: .*"),
            ("roots = 1", "not a jar lock: .*"),
            ("roots = []\nsha256 = 3", "not a jar lock: .*"),
            (JarLock(("a:b:1",), (PIN,)), "a:b:1 is asked for and not pinned"),
            (JarLock((), (Jar("../x", PIN.sha256),)), "'../x' is no group:artifact:version"),
            (JarLock((), (Jar("a:b:1", "00"),)), "a:b:1: '00' is no SHA-256"),
            (
                JarLock((), (Jar("a:b:1", PIN.sha256), Jar("z:b:1", PIN.sha256))),
                "two jars have the same file name",
            ),
        ],
    )
    def test_one_that_is_unsound_is_refused(
        self, text: str | JarLock, problem: str, tmp_path: Path
    ) -> None:
        """Each way of being none has its line, with the file's name."""
        path = tmp_path / "x.toml"
        path.write_text(text if isinstance(text, str) else text.to_toml(), encoding="utf-8")
        with pytest.raises(CannotRunError, match=f"^x.toml: {problem}$"):
            read_lock(path)

    def test_every_pin_counts_for_the_digest(self) -> None:
        """Another hash is another digest."""
        other = replace(PIN, sha256="0" * 64)
        assert LOCK.digest() != replace(LOCK, jars=(other,)).digest()


POM = """<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>
<artifactId>{name}</artifactId><version>1.0</version><dependencies>{needs}</dependencies></project>
"""
NEED = """<dependency><groupId>org.example</groupId><artifactId>{name}</artifactId>
<version>1.0</version><scope>{scope}</scope></dependency>"""


def artifact(name: str, **needs: str) -> dict[str, Answer]:
    """Return what a repository has of one artifact, which needs others in their scopes."""
    base = f"/org/example/{name}/1.0/{name}-1.0"
    needed = "".join(NEED.format(name=each, scope=scope) for each, scope in needs.items())
    pom = POM.format(name=name, needs=needed).encode()
    return {f"{base}.pom": Answer(200, pom), f"{base}.jar": Answer(200, name.encode())}


class TestCommand:
    """`jars` on the command line."""

    @pytest.fixture(autouse=True)
    def _cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def jars(self, what: str, lock_file: Path, url: str) -> tuple[str, str]:
        """Run the command; return what it wrote, and what it said meanwhile."""
        out, err = io.StringIO(), io.StringIO()
        console = Console({"MAVEN_REPO_URL": url}, out, err, io.BytesIO())
        assert run(argparse.Namespace(what=what), console, lock_file) == 0
        return out.getvalue(), err.getvalue()

    def test_pins_checks_and_fetches(self, tmp_path: Path) -> None:
        """`lock` pins what is needed at run time, `check` compares, `fetch` fetches once."""
        path = tmp_path / "lock.toml"
        stale = Jar("org.example:root:1.0", "0" * 64)
        path.write_text(JarLock((stale.coordinate,), (stale,)).to_toml(), encoding="utf-8")
        answers = {**artifact("root", engine="runtime", junit="test"), **artifact("engine")}
        with HttpAnswers(answers) as server:
            with pytest.raises(CheckFailedError, match=r"^org.example:engine:1.0: the lock differ"):
                self.jars("check", path, server.url)
            assert self.jars("lock", path, server.url) == ("lock.toml: 2 jars pinned\n", "")
            assert "2 pins are what resolving gives" in self.jars("check", path, server.url)[0]
            fetched, said = self.jars("fetch", path, server.url)
        jars = {file.name: file for file in cache_folder().rglob("*") if file.is_file()}
        assert list(read_lock(path).jars) == [
            Jar(f"org.example:{name}:1.0", sha256_of(jars.pop(f"{name}-1.0.jar")))
            for name in ("engine", "root")
        ]
        assert jars == {}
        assert said == f"fetching 2 jars of Apache Kafka into {cache_folder() / 'jars'}\n"
        assert self.jars("fetch", path, NOWHERE) == (fetched, "")

    def test_what_cannot_be_resolved_is_told(self, tmp_path: Path) -> None:
        """Without a repository that has it, the root is named."""
        path = tmp_path / "lock.toml"
        path.write_text(LOCK.to_toml(), encoding="utf-8")
        with pytest.raises(CannotRunError, match=r"^org.example:thing:1.0: cannot be resolved"):
            self.jars("lock", path, NOWHERE)


MIRROR = """<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors>
<mirror><mirrorOf>jboss</mirrorOf><url>http://a</url></mirror>
<mirror><mirrorOf>*,!central</mirrorOf><url>http://b</url></mirror>
<mirror><mirrorOf>snapshots, {pattern}</mirrorOf><url> http://c/ </url></mirror>
</mirrors></settings>"""


class TestRepositoryUrl:
    """The user's choice wins; else jgo's default."""

    @pytest.mark.parametrize(
        ("pattern", "environ", "url"),
        [
            (None, {}, None),
            ("*", {}, "http://c"),
            ("central", {}, "http://c"),
            ("external:*", {}, "http://c"),
            ("x", {}, None),
            ("*", {"MAVEN_REPO_URL": "http://mine/"}, "http://mine"),
        ],
    )
    def test_chosen(
        self, tmp_path: Path, pattern: str | None, environ: dict[str, str], url: str | None
    ) -> None:
        """MAVEN_REPO_URL, else the first mirror of central in settings.xml, else jgo's own."""
        if pattern is not None:
            (tmp_path / ".m2").mkdir()
            (tmp_path / ".m2" / "settings.xml").write_text(MIRROR.format(pattern=pattern))
        assert repository_url(environ, tmp_path) == url
        repositories = maven(tmp_path, url).remote_repos
        assert repositories.get("chosen") == url
        assert ("central" in repositories) is (url is None)

    def test_broken_settings_are_told(self, tmp_path: Path) -> None:
        """A settings.xml that is no XML is refused by name."""
        (tmp_path / ".m2").mkdir()
        (tmp_path / ".m2" / "settings.xml").write_text("<settings>")
        with pytest.raises(CannotRunError, match=r"settings\.xml: cannot be read"):
            repository_url({}, tmp_path)
