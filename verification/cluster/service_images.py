"""The two service images: tagged by what goes into them, built only when that changed."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

from verification.cluster.tools.docker import Docker
from verification.errors import HarnessError

_LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
_TAG_LENGTH = 12


@dataclass(frozen=True)
class ServiceImage:
    """One image of ours: its repository name and the Dockerfile that it is built from."""

    repository: str
    dockerfile: str


INGEST = ServiceImage("rtb/ingest", "Dockerfile.ingest")
CONSUMER = ServiceImage("rtb/consumer", "Dockerfile.consumer")
SERVICE_IMAGES = (INGEST, CONSUMER)


def copied_paths(dockerfile: str) -> list[str]:
    """Return the context paths that a Dockerfile's COPY and ADD lines name, in order.

    Build arguments in them have their defaults.
    """
    paths: list[str] = []
    defaults: dict[str, str] = {}
    for line in dockerfile.replace("\\\n", " ").splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword.upper() == "ARG":
            name, _, default = rest.partition("=")
            defaults[name] = default
        if keyword.upper() in {"COPY", "ADD"} and "--from=" not in rest:
            paths += _sources(Template(rest).safe_substitute(defaults))
    return paths


def _sources(arguments: str) -> list[str]:
    words = shlex.split(arguments)
    while words and words[0].startswith("--"):
        words = words[1:]
    if words and words[0].startswith("["):
        words = json.loads(arguments[arguments.index("[") :])
    return words[:-1]


def content_tag(root: Path, dockerfile: str, base_image: str) -> str:
    """Return the tag of the image that `dockerfile` makes of what lies in `root` now.

    It covers the Dockerfile, every file that it copies (name, executable bit, content) and the
    name of the base image.
    """
    digest = hashlib.sha256(f"{base_image}\0".encode())
    text = _read(root / dockerfile).decode()
    digest.update(text.encode())
    for path in copied_paths(text):
        for file in _files(root, root / path):
            mode = file.stat().st_mode & 0o111
            digest.update(f"\0{file.relative_to(root).as_posix()}\0{mode:o}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:_TAG_LENGTH]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        message = f"{file.name}: cannot be read: {error.strerror}"
        raise HarnessError(message, "run from a complete checkout of the project") from error


def _files(root: Path, path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        message = f"{path.relative_to(root)}: a Dockerfile copies it, and it is not there"
        raise HarnessError(message)
    for file in sorted(path.rglob("*")):
        inner = file.relative_to(path)
        if file.is_file() and not _LEFT_OUT & set(inner.parts) and file.suffix != ".pyc":
            yield file


def image_names(root: Path, base_image: str) -> dict[ServiceImage, str]:
    """Return each service image's full name, tagged with its content."""
    return {
        image: f"{image.repository}:{content_tag(root, image.dockerfile, base_image)}"
        for image in SERVICE_IMAGES
    }


def build_missing(docker: Docker, root: Path, base_image: str) -> dict[ServiceImage, str]:
    """Build the images whose content the engine lacks; return all names."""
    names = image_names(root, base_image)
    for image, name in names.items():
        if docker.image(name) is None:
            docker.build(root, image.dockerfile, name, {"PYTHON_IMAGE": base_image})
        if docker.image(name) is None:
            message = f"`docker build` ended well, yet there is no image {name}"
            raise HarnessError(message)
    return names
