"""What the commands of the cluster harness share: building a session, and ending one."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable

from verification.checks.registry import CATEGORIES
from verification.cli import Console
from verification.rendering.terminal import Terminal
from verification.session import Session
from verification.tools.errors import HarnessError


def terminal_of(console: Console) -> Terminal:
    """Return what shows a run to the user."""
    return Terminal(console.out, console.environ, CATEGORIES)


def add_fresh(parser: argparse.ArgumentParser) -> None:
    """Declare --fresh."""
    parser.add_argument("--fresh", action="store_true", help="make a new cluster in any case")


def curl_line(port: int) -> str:
    """Return the command that posts a sample."""
    return (
        f"curl --include http://localhost:{port}/bid "
        "--header 'content-type: application/json' --data-binary @samples/banner.json"
    )


def guarded(session: Session, terminal: Terminal, work: Callable[[], int]) -> int:
    """Do `work`; when it cannot go on, collect the diagnostics before anything is removed.

    Ctrl-C and SIGTERM end the run in order, too; a cluster that this run made is then removed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return work()
    except HarnessError as error:
        terminal.say(f"\n{error}")
        _explain(session, terminal, "failed")
        return error.exit_code
    except KeyboardInterrupt:
        terminal.say("\ninterrupted")
        _explain(session, terminal, "interrupted")
        if session.made_cluster:
            session.take_down()
        return HarnessError.exit_code


def _explain(session: Session, terminal: Terminal, reason: str) -> None:
    bundle = session.collect(reason)
    if bundle is None:
        return
    terminal.say(f"diagnostics: {bundle}\nlook further with:")
    for command in session.diagnostics().next_commands():
        terminal.say(f"  {command}")
