"""`python -m tests.mutations [WORD]`: break promises in the code, and see that tests go red."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.mutations.mutations import MUTATIONS, Mutation
from verification.project import ROOT

_COPIED = ("app", "common", "consumer", "samples", "tests", "verification")


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Try each mutation, or those whose test's path has a word, and print the table.

    Return 1 when a test missed one.
    """
    (word,) = arguments or ("",)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in _COPIED:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", copy)
        out.write("| mutation | test | before | after |\n| --- | --- | --- | --- |\n")
        for mutation in (each for each in MUTATIONS if word in each.test):
            before, after = _passes(copy, mutation.test), _passes_mutated(copy, mutation)
            missed += not before or after
            colours = " | ".join("green" if passes else "red" for passes in (before, after))
            out.write(f"| {mutation.name} | `{mutation.test}` | {colours} |\n")
            out.flush()
    return 1 if missed else 0


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
