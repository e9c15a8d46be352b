"""`logs`: what the containers of the deployment have logged."""

from __future__ import annotations

import argparse

from verification.cli import Console
from verification.cluster.waiting import SilentProgress
from verification.commands.cluster_context import context_of

_PART_OF = "app.kubernetes.io/part-of=rtb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument("app", nargs="?", help="only this one, e.g. bid-request-handler")
    parser.add_argument("--tail", type=int, default=20, metavar="N", help="lines a container")


def run(args: argparse.Namespace, console: Console) -> int:
    """Print the last lines of every container, each with its pod's name."""
    kubectl = context_of(console, SilentProgress()).kubectl
    selector = f"app.kubernetes.io/name={args.app}" if args.app else _PART_OF
    argv = ["logs", "--namespace", kubectl.namespace, "--selector", selector, "--prefix"]
    argv += ["--all-containers", f"--tail={args.tail}", "--max-log-requests=20"]
    console.out.write(kubectl.call(*argv).checked().stdout)
    return 0
