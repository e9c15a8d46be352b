"""`python -m tests.soak SECONDS`: half of what the pipeline can do, with a fault every 15 s.

Exits with 0 when nothing was lost and nothing grew, with 1 otherwise.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TextIO

from tests.soak.breaking import FAULTS, HEALED_WITHIN_S, Breaking
from tests.soak.sampling import Sampler
from tests.soak.verdict import judge, print_table
from tests.soak.world import World
from tests.support.load import Load

EVERY_S = 15.0
SHARE = 0.5
MEASURED_S = 5.0
WARM_UP_S = 5.0
CLIENTS = 8


def main(arguments: list[str], out: TextIO) -> int:
    """Run and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=600)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    out.write(f"seed {args.seed}: a fault every {EVERY_S:.0f} s for {args.seconds:.0f} s\n")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, World(Path(folder)) as world:
        rate = capacity(world) * SHARE
        out.write(f"{rate:.0f} requests a second, half of what {CLIENTS} clients get\n")
        sampler = Sampler(world.processes)
        dice = random.Random(args.seed)  # noqa: S311  no secret
        with sampler, Load(world.ingest.port, world.ledger, CLIENTS, "soak", rate):
            soak(Breaking(world, out), args.seconds, dice)
        findings = judge(world, sampler.growth())
    print_table(findings, out)
    return 0 if all(finding.kept for finding in findings) else 1


def capacity(world: World) -> float:
    """Return the requests a second that are accepted when the clients do not wait."""
    begun, before = time.monotonic(), len(world.ledger.accepted)
    with Load(world.ingest.port, world.ledger, CLIENTS, "capacity"):
        time.sleep(MEASURED_S)
    return (len(world.ledger.accepted) - before) / (time.monotonic() - begun)


def soak(breaking: Breaking, seconds: float, dice: random.Random) -> None:
    """Break something every 15 s, and leave the last of them undisturbed."""
    end = time.monotonic() + seconds
    time.sleep(WARM_UP_S)
    names: list[str] = []
    while time.monotonic() + EVERY_S + HEALED_WITHIN_S < end or not names:
        due = time.monotonic() + EVERY_S
        names = names or dice.sample(
            sorted(FAULTS), len(FAULTS)
        )  # each once before one comes twice
        breaking.do(names.pop())
        time.sleep(max(due - time.monotonic(), 0))
    time.sleep(max(end - time.monotonic(), 0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
