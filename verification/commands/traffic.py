"""`traffic`: bid requests as exchanges send them, some of them broken, and what came of each."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from verification.cli import Console
from verification.clock import SystemClock
from verification.errors import CannotRunError, CheckFailedError
from verification.run.local_settings import reachable, read_settings
from verification.run.started import in_force
from verification.traffic.http import Http, IngestHttp
from verification.traffic.mix import Mix
from verification.traffic.requests import Planned, planned
from verification.traffic.sender import Sender, Sent
from verification.traffic.tally import Tally

MOST_PER_SECOND, MOST_SECONDS = 1000.0, 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a rate, a duration, a seed and a mix."""
    parser.add_argument(
        "--rate", type=_within(MOST_PER_SECOND), default=50.0, help="requests a second (50)"
    )
    parser.add_argument(
        "--for", type=_within(MOST_SECONDS), default=30.0, dest="seconds", help="seconds (30)"
    )
    parser.add_argument("--seed", type=int, help="the same seed sends the same requests")
    parser.add_argument(
        "--mix",
        default="",
        help="weights, as in video=3,app=2,dooh=0,broken=8 (of a hundred); others stay as they are",
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Send, then sum up; 1 when an answer was not the expected one, or not all could be sent."""
    settings = read_settings(in_force(console.environ))
    port = settings.ingest_port
    seed = secrets.randbelow(2**32) if args.seed is None else args.seed
    mix = Mix.parse(args.mix)
    call = IngestHttp(port, reachable(settings.ingest_host))
    require_ready(call, port)
    told = f"{args.rate:g} a second for {args.seconds:g} s, SEED={seed}"
    console.out.write(f"POST http://localhost:{port}/bid, {told}\n")
    console.out.flush()
    sender = Sender(call, SystemClock(), rate=args.rate, seconds=args.seconds)
    tally = Tally()

    def make(number: int) -> Planned:
        return planned(seed, number, mix)

    with progress(console, sender.due) as advance:

        def done(sent: Sent) -> None:
            tally.add(sent)
            advance()

        sender.send(make, done)
    console.out.write(tally.summary(sender.due))
    conclude(tally, sender.due)
    console.out.write("every answer was the expected one\n")
    return 0


def require_ready(call: Http, port: int) -> None:
    """Raise CannotRunError unless the ingest says that it is ready."""
    try:
        status = str(call.call("GET", "/readyz").status)
    except (OSError, HTTPException) as error:
        status = type(error).__name__
    if status != "200":
        message = f"http://localhost:{port}/readyz: {status}: is `make run` up?"
        raise CannotRunError(message)


def conclude(tally: Tally, due: int) -> None:
    """Raise CheckFailedError unless all was sent and every answer was the expected one."""
    if tally.unexpected:
        message = f"{tally.unexpected.total()} of {tally.sent} answers were not the expected ones"
        raise CheckFailedError(message)
    if tally.sent < due:
        message = f"only {tally.sent} of {due} could be sent: the answers came too slowly"
        raise CheckFailedError(message)


@contextmanager
def progress(console: Console, due: int) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal, nothing elsewhere; yield what moves it on by one."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("requests,"), TimeRemainingColumn())
    screen = RichConsole(file=console.out, _environ=console.environ)
    with Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=due)
        yield lambda: bar.advance(task)


def _within(most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not 0 < value <= most:
            message = f"must be over 0 and at most {most:g}"
            raise argparse.ArgumentTypeError(message)
        return value

    return number
