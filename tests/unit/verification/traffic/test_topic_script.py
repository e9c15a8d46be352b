"""The script that reads topics from inside the cluster, and what is made of its output."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.fakes.harness_objects import items, pod
from tests.support.fakes.harness_runner import FakeRunner
from verification.cluster.tools.kubectl import Kubectl
from verification.errors import ToolFailedError, ToolOutputError
from verification.traffic.topic_script import main
from verification.traffic.topics import PodPython, Topics


class Part(NamedTuple):
    """A topic's partition, as kafka-python's TopicPartition."""

    topic: str
    partition: int


@dataclass
class FakeRecord:
    """A record as kafka-python returns it."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 1_000
    key: bytes | None = b"k"
    value: bytes | None = b"\x00\xff\n"
    headers: tuple[tuple[str, bytes], ...] = (("h", b"v"),)


@dataclass
class FakeConsumer:
    """A topic whose partitions hold so many records; grows while it is being read."""

    ends: dict[Part, int]
    first: int = 0
    committed_at: int | None = 0
    positions: dict[Part, int] = field(default_factory=dict)

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Return the partitions."""
        return {part.partition for part in self.ends if part.topic == topic}

    def end_offsets(self, parts: Iterable[Any]) -> dict[Any, int]:
        """Return the ends as they are now."""
        return {part: self.ends[Part(*part)] for part in parts}

    def beginning_offsets(self, parts: Iterable[Any]) -> dict[Any, int]:
        """Return where the records begin."""
        return dict.fromkeys(parts, self.first)

    def committed(self, part: object) -> int | None:
        """Return what the group has committed."""
        assert part
        return self.committed_at

    def assign(self, parts: Iterable[Any]) -> None:
        """Take the partitions."""
        self.positions = {Part(*part): 0 for part in parts}

    def seek(self, part: Any, offset: int) -> None:  # noqa: ANN401  kafka-python ships no types
        """Go to an offset."""
        self.positions[Part(*part)] = offset

    def position(self, part: Any) -> int:  # noqa: ANN401  kafka-python ships no types
        """Return the next offset."""
        return self.positions[Part(*part)]

    def poll(self, timeout_ms: int) -> dict[Any, list[FakeRecord]]:
        """Return all that is left of each partition, and let a record more arrive."""
        assert timeout_ms > 0
        found = {}
        for part, position in self.positions.items():
            self.ends[part] += 1
            offsets = range(position, self.ends[part])
            found[part] = [FakeRecord(part.topic, part.partition, offset) for offset in offsets]
            self.positions[part] = self.ends[part]
        return found


def _printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class TestScript:
    """The script."""

    def test_read_to_the_end(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Each record up to the end at the beginning is printed once, later ones are not."""
        consumer = FakeConsumer({Part("t", 0): 5, Part("t", 1): 2})
        main({"do": "read", "from": {"t": {"0": 3, "1": 0}}}, consumer)
        rows = _printed(capsys)
        found = [(row["partition"], row["offset"]) for row in rows[:-1]]
        assert sorted(found) == [(0, 3), (0, 4), (1, 0), (1, 1)]
        assert rows[-1] == {"complete": True}

    def test_read_what_retention_left(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Offsets that have been deleted meanwhile are passed over."""
        main({"do": "read", "from": {"t": {"0": 0}}}, FakeConsumer({Part("t", 0): 5}, first=4))
        assert [row["offset"] for row in _printed(capsys)[:-1]] == [4]

    def test_ends(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The ends are told by topic and partition."""
        main({"do": "ends", "topics": ["t"]}, FakeConsumer({Part("t", 0): 5, Part("t", 1): 2}))
        assert _printed(capsys)[0] == {"topic": "t", "ends": {"0": 5, "1": 2}}

    def test_lag(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The lag is what is not committed; its age is that of the first such record."""
        consumer = FakeConsumer({Part("t", 0): 5}, committed_at=3)
        main({"do": "lag", "topic": "t", "group": "g"}, consumer)
        row = _printed(capsys)[0]
        assert (row["partition"], row["lag"]) == (0, 2)
        assert row["age_s"] > 1_000_000

    @pytest.mark.parametrize(("committed", "lag"), [(5, 0), (None, 5)])
    def test_lag_at_the_ends(
        self, capsys: pytest.CaptureFixture[str], committed: int | None, lag: int
    ) -> None:
        """A group that has all is not behind; one that never committed is behind by all."""
        consumer = FakeConsumer({Part("t", 0): 5}, committed_at=committed)
        main({"do": "lag", "topic": "t", "group": "g"}, consumer)
        assert _printed(capsys)[0]["lag"] == lag


class TestTopics:
    """Topics."""

    @pytest.fixture
    def runner(self) -> FakeRunner:
        """Have one pod that can read."""
        runner = FakeRunner()
        runner.answer("pods", with_=items(pod("reader-1")))
        return runner

    @pytest.fixture
    def topics(self, runner: FakeRunner, tmp_path: Path) -> Topics:
        """Read through the runner."""
        return Topics(PodPython(Kubectl(runner, tmp_path, "kind-ours", "rtb")))

    def test_bytes_come_back(
        self, topics: Topics, runner: FakeRunner, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What the script prints is read back byte for byte."""
        main({"do": "read", "from": {"t": {"0": 0}}}, FakeConsumer({Part("t", 0): 1}))
        runner.answer("exec", with_=capsys.readouterr().out)
        (record,) = topics.read({"t": {"0": 0}})
        assert (record.key, record.value, record.headers) == (b"k", b"\x00\xff\n", {"h": b"v"})
        assert record.id == "k"

    def test_output_that_breaks_off(self, topics: Topics, runner: FakeRunner) -> None:
        """Without its last line the output is not believed: a loss must not be invented."""
        runner.answer("exec", with_='{"topic": "t", "ends": {"0": 1}}\n')
        with pytest.raises(ToolOutputError, match="ends in the middle, after 1 lines"):
            topics.ends("t")

    def test_garbage(self, topics: Topics, runner: FakeRunner) -> None:
        """Other output is quoted."""
        runner.answer("exec", with_="Traceback")
        with pytest.raises(ToolOutputError, match="'Traceback'"):
            topics.ends("t")

    def test_no_reader(self, topics: Topics, runner: FakeRunner) -> None:
        """Without a ready pod there is nothing to read with, and that is said."""
        runner.answer("pods", with_=items(pod("reader-1", ready=False)))
        with pytest.raises(ToolFailedError, match="is ready to read the topics from"):
            topics.ends("t")
