"""The log's line on each decision, many of them written at once."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TextIO

import msgspec
import structlog

from common.logs import LogSettings, get_logger, json_line
from consumer.bidding.decision_record import Decided
from consumer.runtime import Clock

_EVENT = "bid decided"
_MOST = 64 * 1024  # characters that are held back


class _Members(msgspec.Struct, gc=False):
    """What the line says of a decision, in this order."""

    id: str
    topic: str
    partition: int
    offset: int
    decision: str
    strategy: str
    latency_ms: int | None
    trace_id: str | None


class _Line(_Members, gc=False):
    """What each line of the log has, after the former: see common/logs.py."""

    event: str
    level: str
    timestamp: datetime
    service: str


class DecisionLog:
    """Logs decisions by the line that common/logs.py would write, and for a quarter of its time.

    There is one for each record, and it always has the same members, none of them personal: so the
    way through structlog's processors is left out, and with it a system call a line. Lines are held
    back until `flush`, at most 64 KiB of them, and have the time at which they were noted; what
    else is logged meanwhile stands before them. In the console form, or where `info` is not logged
    at all, nothing is held back and nothing is left out.
    """

    def __init__(self, settings: LogSettings, service: str, stream: TextIO, clock: Clock) -> None:
        """Begin with no line; the arguments are those of `configure_logs`, which came before."""
        shown = logging.getLevelName(settings.level) <= logging.INFO
        self._collects = shown and settings.format == "json"
        self._service = service
        self._clock = clock
        self._log = get_logger()
        # structlog's own: it takes turns with what else structlog writes to this stream
        self._out = structlog.WriteLogger(stream)
        self._lines: list[str] = []
        self._size = 0

    def note(self, outcome: Decided, latency_ms: int | None) -> None:
        """Log a decision, now or with the next `flush`."""
        record = outcome.record
        members = (
            outcome.request.id,
            record.topic,
            record.partition,
            record.offset,
            outcome.outcome,
            outcome.strategy,
            latency_ms,
            outcome.carried.trace_id,
        )
        if self._collects:
            now = datetime.fromtimestamp(self._clock.wall(), UTC)
            self._hold(_Line(*members, _EVENT, "info", now, self._service))
        else:
            self._log.info(_EVENT, **msgspec.structs.asdict(_Members(*members)))

    def flush(self) -> None:
        """Write what is held back, all at once; what cannot be written is not tried again."""
        lines, self._lines, self._size = self._lines, [], 0
        if lines:
            self._out.msg("\n".join(lines))

    def _hold(self, line: _Line) -> None:
        text = json_line(line, default=msgspec.to_builtins)
        self._lines.append(text)
        self._size += len(text)
        if self._size > _MOST:
            self.flush()
