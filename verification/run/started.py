"""What each run that is up was started with, for commands that are typed in another terminal."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from common.kafka import KafkaSettings
from common.settings import table
from verification.project import RUNS
from verification.run.local_settings import RunSettings

_DEFAULTS = {
    row.name: row.default or ""
    for row in chain(table(KafkaSettings), table(RunSettings))
    if not row.secret
}


@contextmanager
def noted(environ: Mapping[str, str], folder: Path = RUNS) -> Iterator[None]:
    """Keep the settings, secrets aside, in a file that is locked while this process lives."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.json"):
        if _read(left) is None:
            left.unlink(missing_ok=True)
    settings = {name: environ.get(name, default) for name, default in _DEFAULTS.items()}
    path = folder / f"{os.getpid()}.json"
    with path.with_suffix(".new").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"at_ns": time.time_ns(), "settings": settings}, file)
        file.flush()
        Path(file.name).replace(path)  # so nobody sees it without its lock, or half of it
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def in_force(environ: Mapping[str, str], folder: Path = RUNS) -> dict[str, str]:
    """Return `environ`, completed by the settings of the newest run that it does not contradict."""
    runs = sorted(filter(None, map(_read, folder.glob("*.json"))), key=lambda run: run[0])
    for _, settings in reversed(runs):
        if all(environ.get(name, value) == value for name, value in settings.items()):
            return {**settings, **environ}
    return dict(environ)


def _read(path: Path) -> tuple[int, dict[str, str]] | None:
    """Return when a run was started and with what; None when it does not live any more."""
    with suppress(FileNotFoundError), path.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            run = json.load(file)
            return run["at_ns"], run["settings"]
    return None
