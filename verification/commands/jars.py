"""`jars`: the pinned jars of the embedded Kafka."""

from __future__ import annotations

import argparse
from pathlib import Path

from verification.cli import Console
from verification.errors import CheckFailedError
from verification.kafka.jar_cache import JarStore, resolve
from verification.kafka.lock import LOCK_FILE, JarLock, read_lock
from verification.kafka.repository import repository_url
from verification.kafka.runtime import cache_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer fetch, check and lock."""
    what = parser.add_subparsers(metavar="WHAT", dest="what", required=True)
    what.add_parser("fetch", help="fetch what the cache lacks and verify all")
    what.add_parser("check", help="resolve afresh and compare with the lock")
    what.add_parser("lock", help="resolve afresh and write the lock")


def run(args: argparse.Namespace, console: Console, lock_file: Path = LOCK_FILE) -> int:
    """Do as asked; 1 when the lock is not what resolving afresh gives."""
    lock = read_lock(lock_file)
    url = repository_url(console.environ, Path.home())

    def say(text: str) -> None:
        console.err.write(f"{text}\n")

    if args.what == "fetch":
        jars = JarStore(cache_folder(), url, say).provide(lock)
        console.out.write(f"{len(jars)} jars are there and are the pinned ones\n")
        return 0
    fresh = resolve(lock.roots, url)
    if args.what == "lock":
        lock_file.write_text(fresh.to_toml(), encoding="utf-8")
        console.out.write(f"{lock_file.name}: {len(fresh.jars)} jars pinned\n")
        return 0
    compare(lock, fresh)
    console.out.write(f"{lock_file.name}: {len(lock.jars)} pins are what resolving gives\n")
    return 0


def compare(lock: JarLock, fresh: JarLock) -> None:
    """Raise CheckFailedError naming a jar by which the lock differs from a fresh resolution."""
    for jar in sorted(set(lock.jars) ^ set(fresh.jars), key=lambda jar: jar.coordinate):
        message = f"{jar.coordinate}: the lock differs from what resolving gives"
        raise CheckFailedError(message)
