"""gunicorn's command line on the port that a peer is given."""

from __future__ import annotations

import os
import sys

from gunicorn.app.wsgiapp import run

if __name__ == "__main__":
    sys.argv[1:1] = ["--bind", f"127.0.0.1:{os.environ['INGEST_PORT']}"]
    run()
