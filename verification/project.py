"""Where the project's own files are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
RUNS = ROOT / ".data" / "runs"  # what each `make run` that is up was started with
