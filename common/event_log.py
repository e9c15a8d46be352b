"""The log's line on one kind of event that happens for each bid, at a quarter of the usual cost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from common.logs import LogSettings, get_logger, json_line

_NO_OFFSET = -len("+00:00")


class EventLog:
    """Logs one event by the line that common/logs.py would write.

    Such a line always has the same members, none of them personal: so the way through structlog's
    processors is left out. In the console form, or where `info` is not logged at all, it is not.
    """

    def __init__(
        self,
        event: str,
        settings: LogSettings,
        service: str,
        write: Callable[[str], object],
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take what writes a line without its end, and the clock (epoch seconds).

        `configure_logs` came before, with the same settings and service.
        """
        shown = logging.getLevelName(settings.level) <= logging.INFO
        self._is_quick = shown and settings.format == "json"
        self._event = event
        self._write = write
        self._now = now
        self._log = get_logger()
        self._before_time = f',"event":{json_line(event)},"level":"info","timestamp":"'
        self._after_time = f'Z","service":{json_line(service)}}}'

    def note(self, members: msgspec.Struct) -> None:
        """Log the event with these members, of which there must be some, in their order."""
        if not self._is_quick:
            self._log.info(self._event, **msgspec.structs.asdict(members))
            return
        given = json_line(members, default=msgspec.to_builtins)[:-1]
        utc = datetime.fromtimestamp(self._now(), UTC).isoformat()
        self._write(given + self._before_time + utc[:_NO_OFFSET] + self._after_time)
