"""What the commands of the cluster harness share: building a session, and ending one."""

from __future__ import annotations

import argparse
import contextlib
import io
import signal
from collections.abc import Callable

from verification.checklist.registry import CATEGORIES
from verification.cli import Console
from verification.commands.cluster_context import context_of
from verification.errors import HarnessError
from verification.reports.terminal import Terminal
from verification.run.endings import endings_taken
from verification.session import Session


def begin(
    console: Console, *, fresh: bool = False, quiet: bool = False
) -> tuple[Session, Terminal]:
    """Return a session, and what shows it to the user."""
    out = io.StringIO() if quiet else console.out
    terminal = Terminal(out, console.environ, CATEGORIES)
    return Session(context_of(console, terminal), fresh=fresh), terminal


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

    Ctrl-C, SIGTERM and a closed terminal end the run in order, too; a cluster that this run made
    is then removed. A second one skips the rest of the diagnostics, never the removal.
    """
    with endings_taken(signal.default_int_handler):
        try:
            return work()
        except HarnessError as error:
            terminal.say(f"\n{error}")
            collect(session, terminal, "failed")
            return error.exit_code
        except KeyboardInterrupt:
            terminal.say("\ninterrupted; another Ctrl-C skips the diagnostics")
            collect(session, terminal, "interrupted")
            remove(session, terminal)
            return HarnessError.exit_code


def undisturbed() -> contextlib.AbstractContextManager[None]:
    """Ignore what would end the process: what is being removed is removed to its end."""
    return endings_taken(signal.SIG_IGN)


def remove(session: Session, terminal: Terminal) -> HarnessError | None:
    """Remove a cluster that the session has made; say and return what hindered it."""
    try:
        with undisturbed():
            if session.made_cluster:
                session.take_down()
    except HarnessError as error:
        terminal.say(f"\nthe cluster is not removed (`make down` tries again): {error}")
        return error
    return None


def collect(session: Session, terminal: Terminal, reason: str) -> None:
    """Write the diagnostics bundle and print its path; Ctrl-C ends that, and nothing else."""
    with contextlib.suppress(KeyboardInterrupt):
        bundle = session.collect(reason)
        if bundle is not None:
            terminal.say(f"\ndiagnostics: {bundle}")


def tell_further(session: Session, terminal: Terminal) -> None:
    """Print the commands with which one looks further, in the cluster as long as there is one."""
    bundle = session.bundle
    if bundle is None:
        return
    terminal.say("\nlook further with:")
    in_cluster = session.diagnostics().next_commands()
    in_bundle = [f"less {bundle}/{name}" for name in ("events.txt", "describe.txt", "logs/*")]
    for command in in_cluster if session.context.kubeconfig.exists() else in_bundle:
        terminal.say(f"  {command}")
