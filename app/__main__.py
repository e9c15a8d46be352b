"""`python -m app`: serve until SIGTERM."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import TextIO

from app.scratch import memory_dir
from app.settings import judge_of, load_settings
from common.logs import configure_logs
from common.settings import SettingsError
from common.tracing import tracer_maker


def main(environ: MutableMapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Serve and return the exit code: 0 after SIGTERM, 2 for a wrong setting."""
    try:
        settings = load_settings(environ)
        judge = judge_of(settings)
        make_tracer = tracer_maker("bid-request-handler", settings.tracing, stdout)
    except SettingsError as error:
        print(error, file=stderr)
        return error.exit_code
    configure_logs("bid-request-handler", settings.logs, stdout)
    metrics_dir = Path(tempfile.mkdtemp(prefix="ingest-metrics-", dir=memory_dir()))
    environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)
    # prometheus_client decides at its import whether it counts over several processes
    from app.gunicorn_worker.server import IngestServer  # noqa: PLC0415  see above

    IngestServer(settings, metrics_dir, judge, make_tracer).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.stdout, sys.stderr))
