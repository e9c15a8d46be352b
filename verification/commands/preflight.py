"""`preflight`: whether this machine can run the verification at all."""

from __future__ import annotations

import argparse

from verification.checklist.registry import select
from verification.cli import Console
from verification.commands.harness import begin, guarded
from verification.running import run_all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all preflight checks are run."""


def run(_args: argparse.Namespace, console: Console) -> int:
    """Run the preflight checks; 2 when one of them fails."""
    session, terminal = begin(console)

    def work() -> int:
        for _result in run_all(select(["preflight"]), session, terminal):
            pass
        return 0

    return guarded(session, terminal, work)
