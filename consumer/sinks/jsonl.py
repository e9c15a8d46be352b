"""The sink that writes decisions to a file, a JSON object a line, and begins new ones in time."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import SinkBackpressureError
from consumer.sinks.sink import Acknowledgement


class _RotatedFile(RotatingFileHandler):
    """logging's own rotation, but what goes wrong is the caller's to know, and files are synced."""

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802  logging's own name
        """Raise instead of printing."""
        error = sys.exception()
        if error is not None:
            raise error

    def doRollover(self) -> None:  # noqa: N802  logging's own name
        """Let no line wait in the system's memory of a file that is put aside."""
        self.sync()
        super().doRollover()

    def sync(self) -> None:
        """Return once the disk has every line."""
        if self.stream:
            os.fsync(self.stream.fileno())


class JsonLines:
    """Writes to `path`; older files are `path.1`, `path.2`, and so on: `files` in all.

    No file is larger than `most_bytes`, except by one line that is larger itself. A decision is
    acknowledged once it is on the disk.
    """

    name = "jsonl"

    def __init__(self, path: Path, most_bytes: int, files: int) -> None:
        """Open the file, or raise OSError."""
        self._file = _RotatedFile(
            path, maxBytes=most_bytes, backupCount=files - 1, encoding="utf-8"
        )
        self._written = 0
        self._synced = 0

    def submit(self, decided: DecisionRecord) -> Acknowledgement:
        """Write the line; raise SinkBackpressureError when the disk does not take it."""
        line = logging.makeLogRecord({"msg": decided.value.decode()})
        try:
            self._file.emit(line)
        except (OSError, ValueError) as error:
            raise SinkBackpressureError(f"{self._file.baseFilename}: {error}") from error
        self._written += 1
        return _Line(self, self._written)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def sync(self, number: int) -> None:
        """Return once the disk has that many lines; raise SinkBackpressureError."""
        if number <= self._synced:
            return
        try:
            self._file.sync()
        except (OSError, ValueError) as error:
            raise SinkBackpressureError(f"{self._file.baseFilename}: {error}") from error
        self._synced = self._written


class _Line:
    def __init__(self, sink: JsonLines, number: int) -> None:
        self._sink = sink
        self._number = number

    def wait(self, _seconds: float) -> None:
        self._sink.sync(self._number)
