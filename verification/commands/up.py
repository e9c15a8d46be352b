"""`up`: the cluster up, the pipeline deployed, and left running."""

from __future__ import annotations

import argparse

from verification.checklist.support.check import Needs
from verification.cli import Console
from verification.commands.harness import (
    add_fresh,
    begin,
    curl_line,
    guarded,
    tell_further,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_fresh(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Bring everything up and print the line to try."""
    session, terminal = begin(console, fresh=args.fresh)

    def work() -> int:
        context = session.prepare(Needs.DEPLOYMENT)
        for image in context.images.values():
            terminal.say(f"    {image}")
        terminal.say(f"\nup in {session.timeline.elapsed():.0f} s. Try it:\n")
        terminal.say(f"  {curl_line(context.settings.ingest_port)}\n")
        terminal.say(f"  export KUBECONFIG={context.kubeconfig}")
        return 0

    code = guarded(session, terminal, work)
    tell_further(session, terminal)
    return code
