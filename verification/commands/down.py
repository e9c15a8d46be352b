"""`down`: the cluster removed, with its kubeconfig file."""

from __future__ import annotations

import argparse

from verification.cli import Console
from verification.commands.harness import begin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: there is nothing to choose."""


def run(_args: argparse.Namespace, console: Console) -> int:
    """Remove the cluster; the reports and the diagnostics stay."""
    session, terminal = begin(console)
    session.take_down()
    terminal.say(f"the cluster {session.context.settings.cluster} is gone")
    return 0
