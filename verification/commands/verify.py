"""`verify`: all checks, in one command, with the evidence in the reports."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import dataclass, field

from verification.checklist.registry import select
from verification.checklist.support.check import Check
from verification.cli import Console
from verification.commands.harness import (
    add_fresh,
    begin,
    collect,
    guarded,
    remove,
    tell_further,
    undisturbed,
)
from verification.errors import HarnessError
from verification.reports.run_report import RunReport
from verification.reports.terminal import Terminal
from verification.reports.writing import to_json, write_reports
from verification.running import CheckResult, run_all
from verification.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("names", nargs="*", metavar="ID|CATEGORY", help="only these checks")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running afterwards")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run the checks N times")
    parser.add_argument("--json", action="store_true", help="print the JSON report, nothing else")
    add_fresh(parser)


@dataclass
class _Run:
    """A run as it goes on: what it has found so far is in the reports whatever happens."""

    session: Session
    terminal: Terminal
    results: list[CheckResult] = field(default_factory=list)
    stopped: str = ""

    def checks(self, chosen: list[Check], repeat: int) -> int:
        """Run the checks so many times; collect the diagnostics when one failed."""
        try:
            for _time in range(repeat):
                with closing(run_all(chosen, self.session, self.terminal)) as results:
                    for result in results:
                        self.results.append(result)
        except HarnessError as error:
            self.stopped = str(error)
            raise
        except KeyboardInterrupt:
            self.stopped = "interrupted"
            raise
        failed = any(result.fatal for result in self.results)
        if failed:
            collect(self.session, self.terminal, "failed")
        return int(failed)

    def report(self) -> RunReport:
        """Return all that is known of the run."""
        context = self.session.context
        return RunReport(
            started=self.session.started,
            seconds=self.session.timeline.elapsed(),
            configuration=self.session.configuration(),
            results=self.results,
            spans=self.session.timeline.spans,
            stopped=self.stopped,
            diagnostics=str(self.session.bundle or ""),
            run_id=context.run_id,
        )


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the chosen checks, write the reports, and leave no cluster that was not there before."""
    chosen, repeat = select(args.names), max(1, args.repeat)
    session, terminal = begin(console, fresh=args.fresh, quiet=args.json)
    running = _Run(session, terminal)
    code = guarded(running.session, terminal, lambda: running.checks(chosen, repeat))
    with undisturbed():
        hindered = None if args.keep else remove(running.session, terminal)
        if hindered is not None:
            running.stopped, code = running.stopped or hindered.message, hindered.exit_code
        report = running.report()
        files = write_reports(report, running.session.context.folder)
    if args.json:
        console.out.write(to_json(report))
    tell_further(running.session, terminal)
    terminal.say(f"\n{report.verdict}")
    terminal.say("reports: " + ", ".join(str(file) for file in files))
    return code
