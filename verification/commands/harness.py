"""What the commands of the cluster harness share: building a session, and ending one."""

from __future__ import annotations

import argparse
import signal
import uuid
from collections.abc import Callable
from pathlib import Path

from common.settings import load
from verification.checks.context import Context
from verification.checks.host import LocalHost
from verification.checks.registry import CATEGORIES
from verification.cli import Console
from verification.clock import SystemClock
from verification.cluster.waiting import Progress
from verification.load.http import IngestHttp
from verification.rendering.terminal import Terminal
from verification.session import Session
from verification.settings import PREFIXES, HarnessSettings
from verification.tools.errors import HarnessError
from verification.tools.process import SubprocessRunner

ROOT = Path(__file__).parent.parent.parent


def terminal_of(console: Console) -> Terminal:
    """Return what shows a run to the user."""
    return Terminal(console.out, console.environ, CATEGORIES)


def context_of(console: Console, progress: Progress) -> Context:
    """Build the context of a run from the environment."""
    settings = load(HarnessSettings, console.environ, PREFIXES)
    return Context(
        root=ROOT,
        settings=settings,
        runner=SubprocessRunner(console.environ, ROOT),
        clock=SystemClock(),
        progress=progress,
        host=LocalHost(),
        http=IngestHttp(settings.ingest_port),
        run_id=f"v{uuid.uuid4().hex[:8]}",
    )


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
