"""The command line: a table of commands, each in a module of its own."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NoReturn, Protocol, TextIO, cast

from common.settings import SettingsError
from verification.errors import CommandError, UsageError


@dataclass(frozen=True)
class Console:
    """What a command may touch of the process that it runs in."""

    environ: Mapping[str, str]
    out: TextIO
    err: TextIO
    raw: BinaryIO


class Command(Protocol):
    """What the module of a command offers."""

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    @staticmethod
    def run(args: argparse.Namespace, console: Console) -> int:
        """Do it and return the exit code; raise CommandError for a one-line refusal."""


@dataclass(frozen=True)
class Row:
    """One command: its name, the module that holds it, and its line in --help."""

    name: str
    module: str
    help: str


COMMANDS = (
    Row("run", "verification.commands.run", "Kafka, ingest and bidding logic on this machine"),
    Row("send", "verification.commands.send", "post the samples and compare the answers"),
    Row("traffic", "verification.commands.traffic", "send realistic traffic and sum it up"),
    Row("topic", "verification.commands.topic", "look at the records of a topic"),
    Row("jars", "verification.commands.jars", "fetch, check or pin the jars of the local Kafka"),
    Row("clean", "verification.commands.clean", "remove what the local run has made"),
    Row("preflight", "verification.commands.preflight", "what this machine lacks for a cluster"),
    Row("up", "verification.commands.up", "a kind cluster with everything deployed, left running"),
    Row("verify", "verification.commands.verify", "run the checks in a cluster and report"),
    Row("status", "verification.commands.status", "what runs, lag, the last decisions"),
    Row("logs", "verification.commands.logs", "what the pods log"),
    Row("down", "verification.commands.down", "remove the cluster"),
    Row("checks", "verification.commands.checks", "list the checks"),
    Row("runbook", "verification.commands.runbook", "write the runbook from the checks"),
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        text = f"{self.prog}: {message} (--help lists what there is)"
        raise UsageError(text)


def parser(rows: Sequence[Row], chosen: str | None) -> argparse.ArgumentParser:
    """Build the parser; only the chosen command's module is imported, for its arguments."""
    top = _Parser(prog="python -m verification", description=__doc__)
    commands = top.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for row in rows:
        sub = commands.add_parser(row.name, help=row.help, description=row.help)
        if row.name == chosen:
            command = cast("Command", importlib.import_module(row.module))
            command.add_arguments(sub)
            sub.set_defaults(run=command.run)
    return top


def main(argv: Sequence[str], console: Console, rows: Sequence[Row] = COMMANDS) -> int:
    """Run the command that `argv` names and return its exit code.

    0: done, 1: a check failed, 2: could not run, 3: the command line makes no sense.
    """
    try:
        args = parser(rows, argv[0] if argv else None).parse_args(argv)
        code: int = args.run(args, console)
    except (CommandError, SettingsError) as error:
        console.err.write(f"{error}\n")
        return error.exit_code
    return code
