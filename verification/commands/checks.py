"""`checks`: the list of all checks."""

from __future__ import annotations

import argparse
import json

from verification.checklist.registry import CHECKS, select
from verification.cli import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("names", nargs="*", metavar="ID|CATEGORY", help="only these")
    parser.add_argument("--json", action="store_true", help="as JSON, with the commands by hand")


def run(args: argparse.Namespace, console: Console) -> int:
    """Print one line a check."""
    chosen = select(args.names, CHECKS)
    if args.json:
        rows = [
            {
                "id": item.id,
                "promise": item.promise,
                "statement": item.statement,
                "severity": item.severity.value,
                "by_hand": list(item.by_hand),
                "expected": item.expected,
                "hint": item.hint,
            }
            for item in chosen
        ]
        console.out.write(json.dumps(rows, indent=2) + "\n")
        return 0
    for item in chosen:
        console.out.write(f"{item.id:<44} {item.statement}\n")
    console.out.write(f"{len(chosen)} checks\n")
    return 0
