"""What the commands of the cluster harness share: building a session, and ending one."""

from __future__ import annotations

import argparse
import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from verification.checklist.registry import CATEGORIES
from verification.cli import Console
from verification.errors import HarnessError
from verification.reports.terminal import Terminal
from verification.session import Session

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Handler = Callable[[int, FrameType | None], object] | signal.Handlers


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

    Ctrl-C, SIGTERM and a closed terminal end the run in order, too; a cluster that this run made
    is then removed. A second one skips the rest of the diagnostics, never the removal.
    """
    with _endings(signal.default_int_handler):
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
    return _endings(signal.SIG_IGN)


@contextlib.contextmanager
def _endings(handler: _Handler) -> Iterator[None]:
    """Treat every signal that ends a process so; those that are ignored already stay it (nohup)."""
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    heard = [number for number in before if before[number] != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


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
