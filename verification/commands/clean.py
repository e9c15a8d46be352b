"""`clean`: remove what the local run has made."""

from __future__ import annotations

import argparse
import fcntl
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from verification.cli import Console
from verification.errors import CannotRunError
from verification.kafka.runtime import cache_folder
from verification.project import ROOT
from verification.run.local_settings import read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take --cache."""
    parser.add_argument(
        "--cache",
        action="store_true",
        help="remove the fetched jars and the start-up cache as well",
    )


def run(args: argparse.Namespace, console: Console, root: Path = ROOT) -> int:
    """Remove the data, refusing while a broker uses it."""
    data = root / read_settings(console.environ).kafka_data
    refuse_in_use(data)
    remove([root / ".data", data, *([cache_folder()] if args.cache else [])], console)
    return 0


def remove(folders: Iterable[Path], console: Console) -> None:
    """Remove the folders that are there and say so."""
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
            console.out.write(f"removed {folder}\n")


def refuse_in_use(data: Path) -> None:
    """Raise CannotRunError when a broker holds the lock on its data."""
    with suppress(FileNotFoundError), (data / "logs" / ".lock").open("ab") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"{data} is in use: stop `make run` first"
            raise CannotRunError(message) from error
