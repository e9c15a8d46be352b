"""`status`: what runs, how far the bidding logic is behind, and what it decided last."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict

from verification.cli import Console
from verification.cluster.waiting import SilentProgress
from verification.commands.harness import context_of
from verification.status import Inquiry, Status
from verification.tools.errors import HarnessError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def run(args: argparse.Namespace, console: Console) -> int:
    """Print the status; 1 when there are open problems, 2 without a cluster."""
    context = context_of(console, SilentProgress())
    if not context.kind.exists():
        message = f"there is no cluster {context.settings.cluster}"
        raise HarnessError(message, "`make up` makes it")
    status = Inquiry(context).status()
    console.out.write(to_json(status) if args.json else to_text(status))
    return 1 if status.problems else 0


def to_json(status: Status) -> str:
    """Return the status as one JSON object, with the sums of the lag."""
    sums = {"lag_messages": status.messages, "lag_seconds": status.seconds}
    return json.dumps({**asdict(status), **sums}, indent=2) + "\n"


def to_text(status: Status) -> str:
    """Return the status for a person."""
    return (
        "\n".join([*_workloads(status), *_lag(status), *_last(status), *_problems(status)]) + "\n"
    )


def _workloads(status: Status) -> Iterator[str]:
    for name, state in status.workloads.items():
        yield f"{'✓' if state == 'available' else '✗'} {name:<40} {state}"


def _lag(status: Status) -> Iterator[str]:
    if not status.lag:
        return
    yield f"\nlag: {status.messages} messages, {status.seconds:.1f} s"
    yield "  partition  messages  seconds"
    for item in status.lag:
        yield f"  {item.partition:>9}  {item.messages:>8}  {item.seconds:>7.1f}"


def _last(status: Status) -> Iterator[str]:
    last = status.last_decision
    if last is None:
        yield "\nlast decision: none yet"
        return
    where = f"{last['topic']}/{last['partition']}/{last['offset']}"
    yield f"\nlast decision: {last['decision']} for {last['id']} ({where}) {last['timestamp']}"


def _problems(status: Status) -> Iterator[str]:
    yield "" if status.problems else "\nno open problems"
    for problem in status.problems:
        yield f"✗ {problem.what}\n    next: {problem.next}"
