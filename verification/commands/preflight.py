"""`preflight`: whether this machine can run the verification at all."""

from __future__ import annotations

import argparse

from verification.checklist.registry import select
from verification.cli import Console
from verification.commands.cluster_context import context_of
from verification.commands.harness import guarded, terminal_of
from verification.running import run_all
from verification.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all preflight checks are run."""


def run(_args: argparse.Namespace, console: Console) -> int:
    """Run the preflight checks; 2 when one of them fails."""
    terminal = terminal_of(console)
    session = Session(context_of(console, terminal))

    def work() -> int:
        for _result in run_all(select(["preflight"]), session, terminal):
            pass
        return 0

    return guarded(session, terminal, work)
