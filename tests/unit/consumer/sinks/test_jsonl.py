"""Decisions in files, and in the log."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumer.bidding.decision import NoBid
from consumer.bidding.decision_record import DecisionRecord, build_decision_record
from consumer.bidding.request import parse
from consumer.errors import SinkBackpressureError
from consumer.sinks.jsonl import JsonLines
from consumer.sinks.log import LogSink
from tests.support.fakes.consumer_records import make_record

pytestmark = pytest.mark.promise("decides")


def decision(offset: int) -> DecisionRecord:
    """Return a decision on the request at `offset`."""
    record = make_record(offset=offset)
    return build_decision_record(record, parse(record.value), NoBid(), "fake", 0)


def offsets(path: Path) -> list[int]:
    """Return the offsets of the requests whose decisions a file has."""
    return [json.loads(line)["request"]["offset"] for line in path.read_text().splitlines()]


class TestJsonLines:
    """Files that are bounded in size and number."""

    def test_what_is_acknowledged_is_in_the_file(self, tmp_path: Path) -> None:
        """A later process goes on at its end."""
        path = tmp_path / "decisions.jsonl"
        for run in range(2):
            sink = JsonLines(path, 1_000_000, 2)
            for number in range(3):
                sink.submit(decision(run * 3 + number)).wait(0)
            assert offsets(path) == [*range((run + 1) * 3)]
            sink.close()

    def test_files_are_bounded_in_size_and_number(self, tmp_path: Path) -> None:
        """The oldest goes, and no line is cut."""
        path = tmp_path / "decisions.jsonl"
        line = len(decision(10).value) + 1
        sink = JsonLines(path, line * 4, 3)
        for offset in range(10, 50):
            sink.submit(decision(offset)).wait(0)
        sink.close()
        files = [tmp_path / f"decisions.jsonl{end}" for end in (".2", ".1", "")]
        assert sorted(tmp_path.iterdir()) == sorted(files)
        assert all(file.stat().st_size <= line * 4 for file in files)
        kept = [offset for file in files for offset in offsets(file)]
        assert kept == [*range(50 - len(kept), 50)]

    def test_one_sync_serves_all_that_was_written_before(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A batch costs the disk one visit."""
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", synced.append)
        sink = JsonLines(tmp_path / "x", 1_000_000, 2)
        for line in [sink.submit(decision(offset)) for offset in range(5)]:
            line.wait(0)
        assert len(synced) == 1
        sink.close()

    def test_a_disk_that_takes_nothing_is_unavailability(self) -> None:
        """The device that is always full says so, and so does the sink."""
        sink = JsonLines(Path("/dev/full"), 1_000_000, 2)
        with pytest.raises(SinkBackpressureError, match="/dev/full: .*No space left"):
            sink.submit(decision(0))
        with pytest.raises(OSError, match="No space left"):
            sink.close()

    def test_a_sync_that_fails_is_unavailability(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is only in the system's memory is not acknowledged, and asked for again."""
        sink = JsonLines(tmp_path / "x", 1_000_000, 2)

        def fail(_descriptor: int) -> None:
            raise OSError("I/O error")

        line = sink.submit(decision(0))
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", fail)
            with pytest.raises(SinkBackpressureError, match="I/O error"):
                line.wait(0)
        line.wait(0)
        sink.close()


def test_the_log_has_the_whole_decision() -> None:
    """One line, with what the topic of decisions would get."""
    with capture_logs() as logged:
        sink = LogSink()
        sink.submit(decision(7)).wait(0)
        sink.close()
    (line,) = logged
    assert (line["event"], line["request"]["offset"]) == ("decision", 7)
    assert line["response"] == {"id": "r-1", "nbr": 0}
