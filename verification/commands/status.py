"""`status`: what runs, how far the bidding logic is behind, and what it decided last."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress

from verification.cli import Console
from verification.clock import Clock, SystemClock
from verification.cluster.tools.process import SubprocessRunner
from verification.cluster.waiting import SilentProgress
from verification.commands.cluster_context import context_of
from verification.commands.topic import kafka_settings
from verification.errors import HarnessError
from verification.project import ROOT
from verification.run.local_settings import read_settings
from verification.run.messages import printable
from verification.run.started import in_force
from verification.run.status.cluster_state import ClusterInquiry
from verification.run.status.local_state import LocalInquiry, OwnPython
from verification.run.status.state import Inquiry, Status, trend
from verification.traffic.topics import Topics

PERIOD_S = 2.0
_KIND, _LOCAL = "kind", "local"
_CLEAR = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("--json", action="store_true", help="as one JSON object a look")
    parser.add_argument("--watch", action="store_true", help="look again and again until Ctrl-C")
    parser.add_argument(
        "--in",
        dest="where",
        choices=(_KIND, _LOCAL),
        help="the kind cluster or what `make run` started; by default the cluster if there is one",
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Print the status; 1 with open issues, 2 without the cluster asked for."""
    inquiry = inquiry_of(args.where, console)
    clock = SystemClock()
    if args.watch:
        with suppress(KeyboardInterrupt):
            watch(inquiry, console, clock, as_json=args.json)
        return 0
    before = inquiry.behind()
    clock.sleep(PERIOD_S)
    status = inquiry.status()
    status = dataclasses.replace(status, trend=trend(before, status))
    console.out.write(to_json(status) if args.json else to_text(status))
    return 1 if status.issues else 0


def watch(inquiry: Inquiry, console: Console, clock: Clock, *, as_json: bool) -> None:
    """Print a status every few seconds: on a terminal over the last one, as JSON a line each."""
    before = inquiry.behind()
    while True:
        clock.sleep(PERIOD_S)
        status = inquiry.status()
        status = dataclasses.replace(status, trend=trend(before, status))
        before = status.messages if status.kafka.lag else None
        if as_json:
            console.out.write(json.dumps(json.loads(to_json(status))) + "\n")
        else:
            console.out.write((_CLEAR if console.out.isatty() else "") + to_text(status))
        console.out.flush()


def inquiry_of(where: str | None, console: Console) -> Inquiry:
    """Return what asks the cluster or this machine; HarnessError without the cluster asked for."""
    if where != _LOCAL:
        context = context_of(console, SilentProgress())
        if cluster_there(console) if where is None else context.kind.exists():
            return ClusterInquiry(context)
        if where == _KIND:
            message = f"there is no cluster {context.settings.cluster}"
            raise HarnessError(message, "`make up` makes it")
    environ = in_force(console.environ)
    kafka = kafka_settings(environ, None)
    runner = SubprocessRunner({**environ, "KAFKA_BROKERS": kafka.brokers}, ROOT)
    return LocalInquiry(read_settings(environ), kafka, Topics(OwnPython(runner)))


def cluster_there(console: Console) -> bool:
    """Say whether there is our cluster; a machine without kind, or without Docker, has none."""
    if shutil.which("kind", path=console.environ.get("PATH", "")) is None:
        return False
    with suppress(HarnessError):
        return context_of(console, SilentProgress()).kind.exists()
    return False


def to_json(status: Status) -> str:
    """Return the status as one JSON object, with the sums of the lag."""
    sums = {"lag_messages": status.messages, "lag_seconds": status.seconds}
    return json.dumps({**dataclasses.asdict(status), **sums}, indent=2) + "\n"


def to_text(status: Status) -> str:
    """Return the status for a person."""
    parts = (_workloads, _topics, _lag, _decisions, _issues)
    return "\n".join(line for part in parts for line in part(status)) + "\n"


def _workloads(status: Status) -> Iterator[str]:
    yield status.where
    for each in status.workloads:
        yield f"{'✓' if each.well else '✗'} {each.name:<40} {printable(each.state)}"


def _topics(status: Status) -> Iterator[str]:
    if status.kafka.topics:
        yield f"\n  {'topic':<20}  partitions  records"
    for topic in status.kafka.topics:
        yield f"  {topic.name:<20}  {topic.partitions:>10}  {topic.records:>7,}"


def _lag(status: Status) -> Iterator[str]:
    if not status.kafka.lag:
        return
    direction = f", {status.trend}" if status.trend else ""
    yield f"\nlag: {status.messages} messages, {status.seconds:.1f} s{direction}"
    yield "  partition  messages  seconds"
    for item in status.kafka.lag:
        yield f"  {item.partition:>9}  {item.messages:>8}  {item.seconds:>7.1f}"


def _decisions(status: Status) -> Iterator[str]:
    if not status.kafka.decisions:
        yield "\nlast decisions: none yet"
        return
    yield "\nlast decisions:"
    for each in status.kafka.decisions:
        told = f"{each.decision} by {each.strategy} for {each.id} ({each.record})"
        yield f"  {each.at}  {printable(told)}"


def _issues(status: Status) -> Iterator[str]:
    yield "" if status.issues else "\nno open issues"
    for issue in status.issues:
        yield f"✗ {printable(issue.what)}\n    next: {issue.next}"
