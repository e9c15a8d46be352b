"""Draw docs/architecture.dot with Graphviz; the picture says which source it was drawn from."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("architecture.dot")
PICTURE = SOURCE.with_suffix(".svg")


def mark(source: bytes) -> str:
    """Return the comment that stands in a picture of this source."""
    return f"<!-- drawn from sha256:{hashlib.sha256(source).hexdigest()} -->"


def main() -> None:
    """Draw it; raise FileNotFoundError without `dot` (Debian: graphviz)."""
    source = SOURCE.read_bytes()
    drawn = subprocess.run(["dot", "-Tsvg"], input=source, capture_output=True, check=True)  # noqa: S607  from the PATH
    PICTURE.write_text(f"{drawn.stdout.decode()}{mark(source)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
