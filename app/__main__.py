"""`python -m app`: serve until SIGTERM."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import TextIO

from app.settings import SERVICE, build_validation, load_settings
from common.log_stream import LogStream
from common.logs import configure_logs
from common.settings import SettingsError
from common.tracing import tracer_maker

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  the kernel's tmpfs; names in it are made unique


def main(environ: MutableMapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Serve and return the exit code: 0 after SIGTERM, 2 for a wrong setting."""
    try:
        settings = load_settings(environ)
        validate = build_validation(settings)
        make_tracer = tracer_maker(SERVICE, settings.tracing, stdout)
    except SettingsError as error:
        print(error, file=stderr)
        return error.exit_code
    lines = LogStream(stdout)
    configure_logs(SERVICE, settings.logs, lines)
    metrics_dir = Path(tempfile.mkdtemp(prefix="ingest-metrics-", dir=worker_tmp_dir()))
    environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_dir)
    # prometheus_client decides at its import whether it counts over several processes
    from app.bootstrap import build_server  # noqa: PLC0415  see above

    build_server(settings, metrics_dir, validate, lines, make_tracer).run()
    return 0


def worker_tmp_dir() -> str | None:
    """Return a writable directory in memory, or None for the system's temporary directory."""
    return str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.stdout, sys.stderr))
