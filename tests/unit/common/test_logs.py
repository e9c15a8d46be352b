"""Logs: one JSON object a line on the stream, whoever logs."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
import structlog

from common.logs import LogSettings, configure_logs, get_logger

pytestmark = pytest.mark.promise("observable")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Configure JSON logs into memory and put the global state back afterwards."""
    root = logging.getLogger()
    before = (root.handlers, root.level)
    stream = io.StringIO()
    configure_logs("demo", LogSettings("INFO", "json"), stream)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = before
    logging.getLogger("kafka").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Parse what was logged; each line must be one JSON object."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_how_bad_who_and_what(stream: io.StringIO) -> None:
    """Each line has an RFC 3339 UTC time, a level, the service and the event."""
    get_logger(topic="t").info("hello", id="1")
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "service": "demo", "event": "hello", "topic": "t", "id": "1"}


def test_libraries_log_through_the_same_form(stream: io.StringIO) -> None:
    """A standard library logger ends up as JSON with its own name, a Python warning as well."""
    logging.getLogger("gunicorn.error").warning("worker %s", "left")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", UserWarning, stacklevel=1)
    first, second = lines(stream)
    assert (first["event"], first["logger"]) == ("worker left", "gunicorn.error")
    assert second["logger"] == "py.warnings"


@pytest.mark.parametrize("evil", ["a\nb", "a\r\nb", '","level":"x', "a\u2028b\x85c", "\x00\x1b[2J"])
def test_an_id_cannot_break_or_forge_a_line(stream: io.StringIO, evil: str) -> None:
    """Control characters in an id stay inside their JSON string; a terminal gets none of them."""
    get_logger().info("bid accepted", id=evil)
    (line,) = lines(stream)
    assert line["id"] == evil
    assert stream.getvalue().isascii()
    configure_logs("demo", LogSettings("INFO", "console"), stream)
    get_logger().info("bid accepted", id=evil)
    _, shown = stream.getvalue().splitlines()
    assert evil not in shown or evil.isprintable()


@pytest.mark.promise("secured")
def test_personal_values_are_never_logged(stream: io.StringIO) -> None:
    """ip, ipv6, ifa and buyeruid are dropped even where somebody passes them."""
    get_logger().info("x", ip="192.0.2.1", ipv6="2001:db8::1", ifa="i", buyeruid="b", id="1")
    assert set(lines(stream)[0]) == {"timestamp", "level", "service", "event", "id"}


def test_an_exception_is_one_line(stream: io.StringIO) -> None:
    """A traceback is structured data on the same line, without the values of variables."""
    secret = "192.0.2.1"
    try:
        _ = 1 / len(secret[:0])
    except ZeroDivisionError:
        logging.getLogger("x").exception("failed")
        get_logger().exception("failed")
    assert [line["exception"][0]["exc_type"] for line in lines(stream)] == ["ZeroDivisionError"] * 2
    assert secret not in stream.getvalue()


def test_what_only_the_slow_encoder_knows_is_written_as_well(stream: io.StringIO) -> None:
    """Halves of surrogate pairs and objects of any type end up as JSON in ASCII."""
    get_logger().info("odd", half="\ud800", thing=Fraction(1, 3))
    (line,) = lines(stream)
    assert (line["half"], line["thing"]) == ("\ud800", "Fraction(1, 3)")
    assert stream.getvalue().isascii()


def test_kafka_python_says_the_same_once(stream: io.StringIO) -> None:
    """Eleven lines a second while Kafka is away are one line, and the others' are all written."""
    for port in range(100):
        logging.getLogger("kafka.net.manager").error("Connection to %s failed: %d", "a", port)
        logging.getLogger("x").warning("other")
    written = [line["event"] for line in lines(stream)]
    assert written.count("other") == 100
    assert sum("failed" in event for event in written) == 1


def test_the_level_is_a_threshold(stream: io.StringIO) -> None:
    """Less is not written; kafka-python would log whole records at DEBUG, and stays at INFO."""
    configure_logs("demo", LogSettings("DEBUG", "json"), stream)
    logging.getLogger("kafka.producer.kafka").debug("Sending (value=%r)", b"secret")
    configure_logs("demo", LogSettings("ERROR", "json"), stream)
    get_logger().info("quiet")
    logging.getLogger("x").info("quiet")
    assert stream.getvalue() == ""
