"""`status`: what runs, how far the bidding logic is behind, and what it decided last."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from verification.checks.context import Context
from verification.checks.pods import CONSUMER_APP, pods_of
from verification.cli import Console
from verification.cluster.pods import Object, blocked, name_of, restarts
from verification.cluster.waiting import SilentProgress
from verification.cluster.workloads import KINDS, pending, title
from verification.commands.harness import context_of
from verification.tools.errors import HarnessError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: there is nothing to choose."""


def run(_args: argparse.Namespace, console: Console) -> int:
    """Print the status; 1 when something is not as it should be, 2 without a cluster."""
    context = context_of(console, SilentProgress())
    if not context.kind.exists():
        message = f"there is no cluster {context.settings.cluster}"
        raise HarnessError(message, "`make up` makes it")
    well = True
    for line, good in (*_workloads(context), *_pods(context), *_lag(context), *_last(context)):
        console.out.write(f"{'✓' if good else '✗'} {line}\n")
        well = well and good
    return 0 if well else 1


def _workloads(context: Context) -> Iterator[tuple[str, bool]]:
    workloads = context.kubectl.list(KINDS)
    if not workloads:
        yield "nothing is deployed", False
    for workload in workloads:
        lacking = pending(workload)
        yield lacking or f"{title(workload)} is available", lacking is None


def _pods(context: Context) -> Iterator[tuple[str, bool]]:
    pods = context.kubectl.list("pods")
    for pod in pods:
        reason = blocked(pod)
        if reason is not None:
            yield reason.message, False
    for name, count in restarts(pods).items():
        yield f"{name} has been restarted {count} times", False


def _lag(context: Context) -> Iterator[tuple[str, bool]]:
    try:
        rows = context.topics.lag()
    except HarnessError as error:
        yield f"the lag is unknown: {error.message}", False
        return
    records, oldest = sum(row["lag"] for row in rows), max(row["age_s"] for row in rows)
    yield f"lag: {records} messages, {oldest:.1f} s", True


def _last(context: Context) -> Iterator[tuple[str, bool]]:
    """Tell the last decision in the logs of the bidding logic's pods."""
    found = [
        json.loads(line)
        for pod in pods_of(context, CONSUMER_APP)
        for line in _tail(context, pod).splitlines()
        if '"bid decided"' in line
    ]
    if not found:
        yield "last decision: none yet", True
        return
    last = max(found, key=lambda event: str(event["timestamp"]))
    where = f"{last['topic']}/{last['partition']}/{last['offset']}"
    yield f"last decision: {last['decision']} for {last['id']} ({where}) {last['timestamp']}", True


def _tail(context: Context, pod: Object) -> str:
    return context.kubectl.logs(name_of(pod), pod["spec"]["containers"][0]["name"], tail=2000)
