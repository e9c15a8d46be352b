"""`python -m verification COMMAND`."""

from __future__ import annotations

import os
import sys

from verification.cli import Console, main


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # nobody reads any more; without this the interpreter tries once more and exits with 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    code = main(sys.argv[1:], Console(os.environ, sys.stdout, sys.stderr, sys.stdout.buffer))
    _flush()
    sys.exit(code)
