"""One JSON object a line on standard output, whoever logs."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any, TextIO

import msgspec
import structlog
from marshmallow import fields, validate
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from common.log_stream import LogStream
from common.seldom import Seldom, SeldomFilter
from common.settings import setting

# Values that identify a person or a device: never logged, under whatever event they turn up.
PERSONAL = ("ip", "ipv6", "ifa", "buyeruid")
_JSON = msgspec.json.Encoder()  # made once: the function makes one for each call
# Without the values of local variables, which may be a person's.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


@dataclass(frozen=True)
class LogSettings:
    """The level and the form of the log."""

    level: str = setting(
        "LOG_LEVEL",
        fields.String(validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
        doc="Least severe level that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
        default="INFO",
    )
    format: str = setting(
        "LOG_FORMAT",
        fields.String(validate=validate.OneOf(["json", "console"])),
        doc="`json`: one object a line; `console`: coloured lines for a person.",
        default="json",
    )


def drop_personal(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Remove values that identify a person or a device."""
    for name in PERSONAL:
        event.pop(name, None)
    return event


def escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Spell out what a terminal would obey; JSON does so by itself."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)
    return event


def configure_logs(service: str, settings: LogSettings, stream: TextIO | LogStream) -> None:
    """Send structlog's and the standard library's records to `stream`, one line each.

    `service` is put on every line. kafka-python is one level quieter than we are: at INFO it tells
    of each connection, at DEBUG it logs whole records. What it tries again and again is one line a
    minute of each kind.
    """

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
        drop_personal,
    ]
    rendering = _renderers(settings.format)
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.level)),
        logger_factory=structlog.WriteLoggerFactory(
            file=stream  # type: ignore[arg-type]  # it writes and flushes, no more
        ),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
    _route_standard_library(formatter, settings.level, stream)


def json_line(event: EventDict | msgspec.Struct | str, **options: Any) -> str:  # noqa: ANN401  those of json.dumps
    """Return `event` as JSON in ASCII, by the quick encoder where it can."""
    try:
        quick = _JSON.encode(event)
    except (TypeError, ValueError):  # values of other types, halves of surrogate pairs
        quick = b"\xff"
    # what is not ASCII might mean something to a terminal: the slow encoder spells it out
    return (
        quick.decode() if quick.isascii() else json.dumps(event, separators=(",", ":"), **options)
    )


def _renderers(form: str) -> list[Processor]:
    if form == "console":
        return [escape_controls, structlog.dev.ConsoleRenderer()]
    return [_TRACEBACKS, structlog.processors.JSONRenderer(json_line)]


def _route_standard_library(
    formatter: logging.Formatter, level: str, stream: TextIO | LogStream
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(SeldomFilter("kafka", Seldom()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("kafka").setLevel(root.level + 10)
    logging.captureWarnings(capture=True)


def get_logger(**bound: Any) -> FilteringBoundLogger:  # noqa: ANN401
    """Return a logger that puts `bound` on each of its lines.

    To be called once the logs are configured: what it returns is configured, not with each line.
    """
    logger: FilteringBoundLogger = structlog.get_logger().bind(**bound)
    return logger
