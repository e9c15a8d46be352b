"""`python -m tests.mutations [WORD]`: break promises in the code, and see that tests go red."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.mutations.front import KINDS
from tests.mutations.mutation import Mutation
from verification.project import ROOT

_COPIED = ("app", "common", "consumer", "samples", "tests", "verification", "pyproject.toml")
_UNIT = "tests/unit/app"
_CONSUMER_UNIT = "tests/unit/consumer"
_FAULTS = "tests/services/faults"


MUTATIONS = (
    Mutation(
        "acknowledged by the leader alone",
        "app/kafka/kafka_publisher.py",
        '"acks": "all",\n        "enable_idempotence": True,',
        '"acks": 1,\n        "enable_idempotence": False,',
        f"{_FAULTS}/test_broken_network.py::test_a_connection_that_breaks_is_made_up_for",
    ),
    Mutation(
        "committed before the effects",
        "consumer/processing/at_least_once.py",
        "        progress = self._processor.process(polled)\n",
        "        self._commits.add({tp: records[-1] for tp, records in polled.items()})\n"
        "        self._commits.flush()\n"
        "        progress = self._processor.process(polled)\n",
        f"{_FAULTS}/test_consumer_trouble.py::test_killed_at_a_step_of_a_batch",
    ),
    Mutation(
        "no end to a round",
        "consumer/processing/batch.py",
        "            if self.clock.monotonic() >= end or self.stop.requested:\n",
        "            if self.stop.requested:\n",
        f"{_CONSUMER_UNIT}/test_rounds.py",
    ),
    Mutation(
        "what cannot be read is kept",
        "consumer/kafka/reading.py",
        "            self.drain()\n",
        "",
        "tests/unit/consumer/kafka/test_reading.py",
    ),
    Mutation(
        "no bound on what waits",
        "app/kafka/in_flight.py",
        "        return len(self._waiting) < self._max_records and",
        "        return True or",
        f"{_UNIT}/kafka/test_in_flight.py",
    ),
    Mutation(
        "no drain",
        "app/kafka/kafka_publisher.py",
        "self.supervisor.close(max(deadline - self._monotonic(), 0))",
        "self.supervisor.close(0)",
        f"{_UNIT}/kafka/test_kafka_publisher.py::TestClose",
    ),
    Mutation(
        "liveness tied to Kafka",
        "app/http/probes.py",
        '"stuck", worker_state.not_alive()',
        '"stuck", worker_state.not_alive() + publisher.not_ready()',
        f"{_FAULTS}/test_broken_network.py::test_away_for_longer_is_503_and_then_over",
    ),
    *(kind.without for kind in KINDS),
)


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Try each mutation, or those whose test's path has a word, and print the table.

    Return 1 when a test missed one.
    """
    (word,) = arguments or ("",)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in _COPIED:
            _copy(ROOT / name, copy / name)
        out.write("| mutation | test | before | after |\n| --- | --- | --- | --- |\n")
        for mutation in (each for each in MUTATIONS if word in each.test):
            before, after = _passes(copy, mutation.test), _passes_mutated(copy, mutation)
            missed += not before or after
            out.write(
                f"| {mutation.name} | `{mutation.test}` | {_colour(passes=before)} "
                f"| {_colour(passes=after)} |\n"
            )
            out.flush()
    return 1 if missed else 0


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _passes_mutated(copy: Path, mutation: Mutation) -> bool:
    file = copy / mutation.file
    original = file.read_text(encoding="utf-8")
    if original.count(mutation.old) != 1:
        raise ValueError(f"{mutation.name}: the text to change is not once in {mutation.file}")
    file.write_text(original.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        return _passes(copy, mutation.test)
    finally:
        file.write_text(original, encoding="utf-8")


def _passes(copy: Path, test: str) -> bool:
    """Run the test in the copy; raise when it was not even collected."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    # the embedded broker needs no engine, and its tests are these tests
    command += ["--kafka=embedded"]
    run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if run.returncode not in {0, 1}:
        raise RuntimeError(f"pytest ended with {run.returncode}:\n{run.stdout}{run.stderr}")
    return run.returncode == 0


def _colour(*, passes: bool) -> str:
    return "green" if passes else "red"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
