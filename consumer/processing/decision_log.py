"""The log's line on each decision, many of them written at once."""

from __future__ import annotations

from typing import TextIO

import msgspec
import structlog

from common.event_log import EventLog
from common.logs import LogSettings
from consumer.bidding.decision_record import DecisionRecord
from consumer.runtime import Clock

_MOST = 64 * 1024  # characters that are held back


class _Members(msgspec.Struct, gc=False):
    """The members of the log's line on a decision, in order."""

    id: str
    topic: str
    partition: int
    offset: int
    decision: str
    strategy: str
    latency_ms: int | None
    trace_id: str | None


class DecisionLog:
    """Logs decisions, one line for each record: a system call for many lines, not for each.

    Lines are held back until `flush`, at most 64 KiB of them, and have the time at which they were
    noted; what else is logged meanwhile stands before them. In the console form nothing is held
    back.
    """

    def __init__(self, settings: LogSettings, service: str, stream: TextIO, clock: Clock) -> None:
        self._log = EventLog("bid decided", settings, service, self._hold, clock.wall)
        # structlog's own: it takes turns with what else structlog writes to this stream
        self._out = structlog.WriteLogger(stream)
        self._lines: list[str] = []
        self._size = 0

    def note(self, outcome: DecisionRecord, latency_ms: int | None) -> None:
        """Log a decision, now or with the next `flush`."""
        record = outcome.record
        self._log.note(
            _Members(
                outcome.request.id,
                record.topic,
                record.partition,
                record.offset,
                outcome.outcome,
                outcome.strategy,
                latency_ms,
                outcome.headers.trace_id,
            )
        )

    def flush(self) -> None:
        """Write what is held back, all at once; what cannot be written is not tried again."""
        lines, self._lines, self._size = self._lines, [], 0
        if lines:
            self._out.msg("\n".join(lines))

    def _hold(self, line: str) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size > _MOST:
            self.flush()
