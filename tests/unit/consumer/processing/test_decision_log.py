"""The log's line on each decision: held back, and written at once."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from common.logs import LogSettings, configure_logs, get_logger
from consumer.bidding.decision import NoBid
from consumer.bidding.decision_record import DecisionRecord, build_decision_record
from consumer.bidding.request import BidRequest
from consumer.processing.decision_log import DecisionLog
from consumer.runtime import Clock
from tests.support.fakes.consumer_records import make_record

pytestmark = pytest.mark.promise("counted")


class Writes(io.StringIO):
    """A stream that knows how often it was written to, and can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.full = False

    def write(self, text: str, /) -> int:
        """Write, or fail as a full disk does."""
        if self.full:
            raise OSError(28, "No space left on device")
        self.sizes.append(len(text))
        return super().write(text)

    def lines(self) -> list[dict[str, Any]]:
        """Return what was written; each line must be one JSON object."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def stream() -> Writes:
    """Write into memory."""
    return Writes()


def decision(offset: int = 7, bid_id: str = "r-1") -> DecisionRecord:
    """Return a decision."""
    record = make_record(offset=offset)
    return build_decision_record(record, BidRequest(bid_id, b"{}"), NoBid(), "s", 12_345)


def opened(stream: Writes, level: str = "INFO", form: str = "json") -> DecisionLog:
    """Configure the logs, and return one for decisions."""
    settings = LogSettings(level, form)
    configure_logs("demo", settings, stream)
    return DecisionLog(settings, "demo", stream, Clock())


# what a line says: tests/property/consumer/test_decision_log.py
@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_a_round_is_one_write_of_json(stream: Writes, level: str) -> None:
    """Nothing is written before `flush`, and then all of it at once, in order."""
    log = opened(stream, level)
    for offset in range(3):
        log.note(decision(offset), 12)
    assert stream.sizes == []
    log.flush()
    log.flush()
    assert len(stream.sizes) == 1
    assert [(line["offset"], line["level"]) for line in stream.lines()] == [
        (0, "info"),
        (1, "info"),
        (2, "info"),
    ]


@pytest.mark.promise("bounded")
def test_what_is_held_back_is_bounded(stream: Writes) -> None:
    """However many decisions a round has, and however long their ids are, memory is not."""
    log = opened(stream)
    for offset in range(1_000):
        log.note(decision(offset), 12)
    assert 80_000 > stream.sizes[0] > 64 * 1024
    log.note(decision(1_000, "x" * 100_000), 12)
    assert [line["offset"] for line in stream.lines()] == [*range(1_001)]


def test_what_cannot_be_written_is_not_kept(stream: Writes) -> None:
    """A disk that is full for a while raises as any line of the log does, and costs lines."""
    log = opened(stream)
    log.note(decision(1), 12)
    stream.full = True
    with pytest.raises(OSError, match="No space"):
        log.flush()
    stream.full = False
    log.note(decision(2), 12)
    log.flush()
    assert [line["offset"] for line in stream.lines()] == [2]


def test_the_console_shows_it_at_once(stream: Writes) -> None:
    """A person who looks on waits for no round's end; an id cannot command the terminal."""
    opened(stream, form="console").note(decision(bid_id="\x1b[2J"), 12)
    assert "bid decided" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()


@pytest.mark.parametrize("level", ["WARNING", "ERROR"])
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_level_above_info_hides_it(stream: Writes, level: str, form: str) -> None:
    """Nothing is written, nothing kept."""
    log = opened(stream, level, form)
    log.note(decision(), 12)
    log.flush()
    get_logger().info("nor this")
    assert stream.getvalue() == ""
