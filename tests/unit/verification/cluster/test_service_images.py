"""Tags that follow the content, and images that are built when it has changed."""

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

pytestmark = pytest.mark.promise("deployed")

_DOCKERFILE = """\
FROM base AS build
ARG GROUP=requirements
COPY ${GROUP}.txt /r.txt
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


def test_copied_paths() -> None:
    """Both forms, flags, continued lines and arguments' defaults are read; other stages are not."""
    assert copied_paths(_DOCKERFILE) == ["requirements.txt", "app", "common", "a file"]


def test_same_content_same_tag(root: Path) -> None:
    """What Python leaves behind, the time of writing and files that are not copied do not count."""
    before = content_tag(root, INGEST.dockerfile, "base")
    (root / "app" / "__pycache__").mkdir()
    (root / "app" / "__pycache__" / "code.pyc").write_text("z")
    (root / "app" / "code.py").write_text("x = 1\n")
    (root / "README.md").write_text("new")
    assert content_tag(root, INGEST.dockerfile, "base") == before


_CODE = Path("app", "code.py")


@pytest.mark.parametrize(
    ("change", "base"),
    [
        pytest.param(lambda root: (root / _CODE).write_text("x = 2\n"), "base", id="content"),
        pytest.param(lambda root: (root / _CODE).rename(root / "app" / "b.py"), "base", id="name"),
        pytest.param(lambda root: (root / _CODE).chmod(0o755), "base", id="mode"),
        pytest.param(
            lambda root: (root / INGEST.dockerfile).write_text(f"{_DOCKERFILE}#"),
            "base",
            id="dockerfile",
        ),
        pytest.param(lambda _: None, "other", id="base"),
    ],
)
def test_each_input_counts(root: Path, change: Callable[[Path], object], base: str) -> None:
    """Content, names, executable bits, the Dockerfile and the base image all count."""
    before = content_tag(root, INGEST.dockerfile, "base")
    change(root)
    assert content_tag(root, INGEST.dockerfile, base) != before


def test_what_is_not_there_is_named(root: Path) -> None:
    """A path that is copied, and a Dockerfile, are told by their name."""
    (root / "requirements.txt").unlink()
    with pytest.raises(HarnessError, match=r"requirements.txt: a Dockerfile copies it"):
        content_tag(root, INGEST.dockerfile, "base")
    with pytest.raises(HarnessError, match=r"Dockerfile.x: cannot be read"):
        content_tag(root, "Dockerfile.x", "base")


def test_nothing_to_build(root: Path) -> None:
    """An engine that has both contents builds nothing."""
    runner = FakeRunner()
    runner.answer("image", with_={"Id": "x"})
    assert set(build_missing(Docker(runner), root, "base")) == {INGEST, CONSUMER}
    assert not runner.called("build")


@pytest.mark.parametrize(
    ("code", "stderr", "error", "said"),
    [
        (0, "", HarnessError, "there is no image rtb/ingest:"),
        (1, "pip: no matching distribution", ToolFailedError, "no matching distribution"),
    ],
)
def test_a_build_without_an_image(
    root: Path, code: int, stderr: str, error: type[Exception], said: str
) -> None:
    """A build that succeeds and leaves none is not believed; what a failed one says is told."""
    runner = FakeRunner()
    runner.answer("image", code=1, stderr="No such image")
    runner.answer("build", code=code, stderr=stderr)
    with pytest.raises(error, match=said):
        build_missing(Docker(runner), root, "base")
