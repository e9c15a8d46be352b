"""The commands in front of executables that misbehave."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.fakes.harness_stubs import WELL, Stubs
from verification.cli import Console, Row, main

pytestmark = pytest.mark.timing

ROWS = tuple(
    Row(name, f"verification.commands.{name}", name)
    for name in ("preflight", "up", "verify", "status", "down", "checks", "logs")
)


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

    def run(self, *argv: str) -> tuple[int, str]:
        """Return the exit code and all that was printed."""
        out, err = io.StringIO(), io.StringIO()
        console = Console(self.stubs.environ(self.state), out, err, io.BytesIO())
        code = main(argv, console, ROWS)
        return code, out.getvalue() + err.getvalue()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Begin with executables that are all well."""
    (tmp_path / "bin").mkdir()
    return Shell(Stubs(tmp_path / "bin"), tmp_path / "state")


class TestMissingKind:
    """kind is not on the PATH."""

    @pytest.mark.parametrize("command", ["preflight", "verify", "up"])
    def test_said_at_once(self, shell: Shell, command: str) -> None:
        """Exit 2 with the exact install hint, before anything is built."""
        shell.stubs.remove("kind")
        built = shell.state.parent / "built"
        shell.stubs.write(
            "docker", f"{WELL['docker']}; 'build' in sys.argv and open({str(built)!r}, 'w').close()"
        )
        code, said = shell.run(command)
        assert (code, built.exists()) == (2, False)
        assert "kind is not on the PATH" in said
        assert "go install sigs.k8s.io/kind@v0.33.0" in said

    def test_hint_is_not_repeated(self, shell: Shell) -> None:
        """What ended the run carries the hint once."""
        shell.stubs.remove("kind")
        _before, _, after = shell.run("preflight")[1].rpartition("this machine cannot run it")
        assert after.count("go install") == 1

    def test_no_leftover(self, shell: Shell) -> None:
        """Nothing but the reports is left behind."""
        shell.stubs.remove("kind")
        shell.run("verify")
        names = {path.name for path in shell.state.iterdir()}
        assert "kubeconfig" not in names
        assert {"report.json", "junit.xml", "report.md", "report.html"} <= names


class TestHalfACluster:
    """`kind create` fails, or a cluster cannot be removed."""

    def test_removed(self, shell: Shell) -> None:
        """What it has made is removed, and the bundle is what there is to look into."""
        shell.stubs.write("kind", _KIND.format(fails="create"))
        code, said = shell.run("verify", "cluster")
        assert code == 2
        assert "`kind create cluster" in said
        bundle = re.search(r"diagnostics: (.+)", said)
        assert bundle is not None
        assert f"less {bundle[1]}/events.txt" in said
        assert (Path(bundle[1]) / "configuration.yaml").exists()
        assert (shell.state / "removed").exists()

    def test_that_cannot_be_removed(self, shell: Shell) -> None:
        """It is said, with the way to try again; the reports are written all the same."""
        shell.stubs.write("kind", _KIND.format(fails="cluster"))
        code, said = shell.run("verify", "cluster")
        assert code == 2
        assert "make down" in said
        assert (shell.state / "report.json").exists()


class TestMisbehaviour:
    """The executables are there, and not well."""

    @pytest.mark.parametrize(
        ("tool", "code", "said"),
        [
            ("docker", "import sys; sys.exit(1)", "(it printed nothing)"),
            ("docker", "print('segmentation fault')", "printed no JSON object"),
            ("kind", "print('kind v0.9.0')", "found 0.9.0"),
            ("kind", "print('?')", "printed no version"),
            ("kind", "import os; os.kill(os.getpid(), 9)", "ended with status -9"),
            ("kubectl", 'print(\'{"clientVersion": {"gitVersion": "v1.20.0"}}\')', "v1.20.0"),
            ("kubectl", "print('{\"clientVersion\": {')", "printed no JSON object"),
        ],
    )
    def test_preflight_tells(self, shell: Shell, tool: str, code: str, said: str) -> None:
        """Each is a preflight failure with exit 2 that quotes what went wrong."""
        shell.stubs.write(tool, code)
        exit_code, printed = shell.run("preflight")
        assert exit_code == 2
        assert said in printed

    def test_all_well(self, shell: Shell) -> None:
        """With tools that are well the preflight passes, but for what this machine lacks."""
        _code, printed = shell.run("preflight")
        for name in ("docker-answers", "docker-version", "kind-version", "kubectl-version"):
            line = next(line for line in printed.splitlines() if f" {name} " in line)
            assert "✓" in line

    def test_own_cache(self, shell: Shell) -> None:
        """What kubectl remembers of clusters lies in our folder, not in the user's home."""
        shell.stubs.write("kubectl", "import os; print(os.environ['KUBECACHEDIR'])")
        assert str(shell.state / "kubectl-cache") in shell.run("preflight")[1]

    def test_no_cluster(self, shell: Shell) -> None:
        """Without a cluster there is no status, and the way to one is told."""
        code, said = shell.run("status", "--in", "kind")
        assert code == 2
        assert "there is no cluster rtb-verify" in said
        assert "make up" in said


class TestUsage:
    """What the user types."""

    def test_unknown_check(self, shell: Shell) -> None:
        """A check that does not exist is exit 3."""
        code, said = shell.run("verify", "pipeline.nope")
        assert code == 3
        assert "pipeline.nope" in said

    def test_unknown_setting(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        """A setting of ours that does not exist is refused by name."""
        known = shell.stubs.environ(shell.state)
        monkeypatch.setattr(shell.stubs, "environ", lambda _: {**known, "VERIFY_NOPE": "1"})
        code, said = shell.run("preflight")
        assert code == 2
        assert "VERIFY_NOPE" in said

    def test_list(self, shell: Shell) -> None:
        """The checks can be listed without any executable, by category, and as JSON."""
        for name in ("docker", "kind", "kubectl"):
            shell.stubs.remove(name)
        assert "preflight.docker-answers" in shell.run("checks")[1]
        assert "preflight." not in shell.run("checks", "pipeline")[1]
        assert '"by_hand"' in shell.run("checks", "--json")[1]
