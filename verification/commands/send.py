"""`send`: post the samples and print what came back."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from verification.cli import Console
from verification.errors import CheckFailedError
from verification.project import SAMPLES
from verification.run.local_settings import read_settings
from verification.run.messages import printable
from verification.run.posting import Outcome, post_all, sample_files
from verification.run.started import in_force

_DETAIL = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take files and a URL."""
    parser.add_argument(
        "files", nargs="*", type=Path, help="what to post; without any, all of samples/"
    )
    parser.add_argument(
        "--url", help="where to; by default what `make run` started, or $INGEST_PORT"
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Post one file after the other; 1 when an answer is not the one that the name asks for."""
    url = args.url or f"http://localhost:{read_settings(in_force(console.environ)).ingest_port}/bid"
    files: Sequence[Path] = args.files or sample_files(SAMPLES)
    width = max(len(file.name) for file in files)
    console.out.write(f"POST {url}\n{'file':<{width}}  expected  got      ms  answer\n")
    outcomes = []
    for outcome in post_all(files, url):
        console.out.write(f"{row(outcome, width)}\n")
        console.out.flush()
        outcomes.append(outcome)
    different = [outcome.file.name for outcome in outcomes if not outcome.as_expected]
    if different:
        message = f"{len(different)} of {len(outcomes)} not as expected: {', '.join(different)}"
        raise CheckFailedError(message)
    console.out.write(f"{len(outcomes)} answers, all as expected\n")
    return 0


def row(outcome: Outcome, width: int) -> str:
    """Return the outcome's line of the table."""
    mark = " " if outcome.as_expected else "!"
    return (
        f"{outcome.file.name:<{width}}  {outcome.expected:>8}  {outcome.status}{mark}"
        f" {outcome.seconds * 1000:>6.1f}  {printable(outcome.detail)[:_DETAIL]}"
    ).rstrip()
