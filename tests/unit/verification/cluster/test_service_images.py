"""Tags that follow the content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fakes.harness_runner import FakeRunner
from verification.cluster.service_images import (
    CONSUMER,
    INGEST,
    build_missing,
    content_tag,
    copied_paths,
)
from verification.cluster.tools.docker import Docker
from verification.errors import HarnessError, ToolFailedError

_DOCKERFILE = """\
FROM base AS build
COPY requirements.txt /r.txt
COPY --chown=1:1 app \\
     common /srv/
FROM base
COPY --from=build /x /x
ADD ["a file", "/y"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Lay out a project of two images."""
    for name in ("app", "common"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").write_text("x = 1\n")
    for name in ("requirements.txt", "a file"):
        (tmp_path / name).write_text("y\n")
    for image in (INGEST, CONSUMER):
        (tmp_path / image.dockerfile).write_text(_DOCKERFILE)
    return tmp_path


class TestCopiedPaths:
    """copied_paths."""

    def test_sources_in_order(self) -> None:
        """Shell and list form, flags and continuation lines are read; other stages are left out."""
        assert copied_paths(_DOCKERFILE) == ["requirements.txt", "app", "common", "a file"]

    def test_defaults_of_arguments(self) -> None:
        """What a build without arguments copies is what counts."""
        dockerfile = "FROM base\nARG GROUP=ingest\nCOPY locks/${GROUP}.txt app /r/\n"
        assert copied_paths(dockerfile) == ["locks/ingest.txt", "app"]


class TestContentTag:
    """content_tag."""

    def test_same_content_same_tag(self, root: Path) -> None:
        """What Python leaves behind does not change the tag, nor does the time of writing."""
        before = content_tag(root, INGEST.dockerfile, "base")
        (root / "app" / "__pycache__").mkdir()
        (root / "app" / "__pycache__" / "code.pyc").write_text("z")
        (root / "app" / "code.py").write_text("x = 1\n")
        assert content_tag(root, INGEST.dockerfile, "base") == before

    @pytest.mark.parametrize("change", ["content", "name", "mode", "dockerfile", "base"])
    def test_each_input_counts(self, root: Path, change: str) -> None:
        """Content, names, executable bits, the Dockerfile and the base image all count."""
        before = content_tag(root, INGEST.dockerfile, "base")
        code = root / "app" / "code.py"
        actions: dict[str, Callable[[], object]] = {
            "content": lambda: code.write_text("x = 2\n"),
            "name": lambda: code.rename(root / "app" / "other.py"),
            "mode": lambda: code.chmod(0o755),
            "dockerfile": lambda: (root / INGEST.dockerfile).write_text(f"{_DOCKERFILE}#"),
            "base": lambda: None,
        }
        actions[change]()
        base = "other" if change == "base" else "base"
        assert content_tag(root, INGEST.dockerfile, base) != before

    def test_other_files_do_not_count(self, root: Path) -> None:
        """A file that no Dockerfile copies leaves the tag alone."""
        before = content_tag(root, INGEST.dockerfile, "base")
        (root / "README.md").write_text("new")
        assert content_tag(root, INGEST.dockerfile, "base") == before

    def test_missing_input(self, root: Path) -> None:
        """A path that is copied and not there is named."""
        (root / "requirements.txt").unlink()
        with pytest.raises(HarnessError, match=r"requirements.txt: a Dockerfile copies it"):
            content_tag(root, INGEST.dockerfile, "base")

    def test_missing_dockerfile(self, root: Path) -> None:
        """A Dockerfile that is not there is named."""
        with pytest.raises(HarnessError, match=r"Dockerfile.x: cannot be read"):
            content_tag(root, "Dockerfile.x", "base")


class TestBuildMissing:
    """build_missing."""

    def test_nothing_to_build(self, root: Path) -> None:
        """An engine that has both contents builds nothing."""
        runner = FakeRunner()
        runner.answer("image", with_={"Id": "x"})
        names = build_missing(Docker(runner), root, "base")
        assert set(names) == {INGEST, CONSUMER}
        assert not runner.called("build")

    def test_build_that_lies(self, root: Path) -> None:
        """A build that succeeds and leaves no image is not believed."""
        runner = FakeRunner()
        runner.answer("image", code=1, stderr="No such image")
        runner.answer("build")
        with pytest.raises(HarnessError, match="there is no image rtb/ingest:"):
            build_missing(Docker(runner), root, "base")

    def test_build_that_fails(self, root: Path) -> None:
        """What the builder says when it fails is passed on."""
        runner = FakeRunner()
        runner.answer("image", code=1, stderr="No such image")
        runner.answer("build", code=1, stderr="pip: no matching distribution")
        with pytest.raises(ToolFailedError, match="no matching distribution"):
            build_missing(Docker(runner), root, "base")
