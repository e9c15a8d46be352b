"""The commands in front of executables that misbehave."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.fakes.harness_stubs import WELL, Stubs
from verification.cli import Console, main

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

# kind that fails at commands with a certain word, and notes beside itself that it removed a cluster
_KIND = """
import pathlib, sys
if "{fails}" in sys.argv[1:]: sys.exit("no space left")
if "delete" in sys.argv: (pathlib.Path(__file__).parent.parent / "state" / "removed").touch()
if "version" in sys.argv: print("kind v0.33.0")
"""


@dataclass
class Shell:
    """Runs commands with the stubs as the only executables."""

    stubs: Stubs
    state: Path

    def run(self, *argv: str, **more: str) -> tuple[int, str]:
        """Return the exit code and all that was printed."""
        out, err = io.StringIO(), io.StringIO()
        environ = {**self.stubs.environ(self.state), **more}
        code = main(argv, Console(environ, out, err, io.BytesIO()))
        return code, out.getvalue() + err.getvalue()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Begin with executables that are all well."""
    (tmp_path / "bin").mkdir()
    return Shell(Stubs(tmp_path / "bin"), tmp_path / "state")


@pytest.mark.parametrize("command", ["preflight", "verify", "up"])
def test_missing_kind(shell: Shell, command: str) -> None:
    """Exit 2 with the exact install hint, at the end once, before anything is built or left."""
    shell.stubs.remove("kind")
    built = shell.state.parent / "built"
    shell.stubs.write(
        "docker", f"{WELL['docker']}; 'build' in sys.argv and open({str(built)!r}, 'w').close()"
    )
    code, said = shell.run(command)
    assert (code, built.exists()) == (2, False)
    assert "kind is not on the PATH" in said
    _before, _, after = said.rpartition("this machine cannot run it")
    assert after.count("go install sigs.k8s.io/kind@v0.33.0") == after.count("go install") == 1
    names = {path.name for path in shell.state.glob("*")}
    assert "kubeconfig" not in names
    reports = {"report.json", "junit.xml", "report.md", "report.html"}
    assert names & reports == (reports if command == "verify" else set())


def test_half_a_cluster(shell: Shell) -> None:
    """What `kind create` has made is removed, and the bundle is what there is to look into."""
    shell.stubs.write("kind", _KIND.format(fails="create"))
    code, said = shell.run("verify", "cluster")
    assert code == 2
    assert "`kind create cluster" in said
    bundle = re.search(r"diagnostics: (.+)", said)
    assert bundle is not None
    assert f"less {bundle[1]}/events.txt" in said
    assert (Path(bundle[1]) / "configuration.yaml").exists()
    assert (shell.state / "removed").exists()


def test_a_cluster_that_cannot_be_removed(shell: Shell) -> None:
    """It is said, with the way to try again; the reports are written all the same."""
    shell.stubs.write("kind", _KIND.format(fails="cluster"))
    code, said = shell.run("verify", "cluster")
    assert code == 2
    assert "make down" in said
    assert (shell.state / "report.json").exists()


def test_preflight(shell: Shell) -> None:
    """Tools that are well pass; one that is not is exit 2 with what went wrong."""
    for name in ("docker-answers", "kind-version", "kubectl-version"):
        assert re.search(f"✓.* {name} ", shell.run("preflight")[1])
    shell.stubs.write("kind", "import os; os.kill(os.getpid(), 9)")
    code, said = shell.run("preflight")
    assert (code, "ended with status -9" in said) == (2, True)


def test_own_cache(shell: Shell) -> None:
    """What kubectl remembers of clusters lies in our folder, not in the user's home."""
    shell.stubs.write("kubectl", "import os; print(os.environ['KUBECACHEDIR'])")
    assert str(shell.state / "kubectl-cache") in shell.run("preflight")[1]


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["status", "--in", "kind"], 2, "there is no cluster rtb-verify\n  hint: `make up`"),
        (["verify", "pipeline.nope"], 3, "pipeline.nope"),
        (["preflight"], 2, "VERIFY_NOPE"),
    ],
)
def test_what_cannot_be(shell: Shell, argv: list[str], code: int, said: str) -> None:
    """A cluster, a check or a setting that does not exist is told by name."""
    setting = {"VERIFY_NOPE": "1"} if argv == ["preflight"] else {}
    found, text = shell.run(*argv, **setting)
    assert (found, said in text) == (code, True)


def test_list(shell: Shell) -> None:
    """The checks can be listed without any executable, by category, and as JSON."""
    for name in WELL:
        shell.stubs.remove(name)
    assert "preflight.docker-answers" in shell.run("checks")[1]
    assert "preflight." not in shell.run("checks", "pipeline")[1]
    assert '"by_hand"' in shell.run("checks", "--json")[1]
