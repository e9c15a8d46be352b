"""`python -m verification COMMAND`."""

from __future__ import annotations

import os
import sys

from verification.cli import Console, main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Console(os.environ, sys.stdout, sys.stderr, sys.stdout.buffer)))
