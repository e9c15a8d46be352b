"""The script that reads topics from inside the cluster, and what is made of its output."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka.errors import UnsupportedCodecError

from consumer.kafka.lag import Offsets
from tests.support.fakes.harness_objects import items, pod
from tests.support.fakes.harness_runner import FakeRunner
from verification.cluster.tools.kubectl import Kubectl
from verification.errors import ToolFailedError, ToolOutputError
from verification.traffic.topic_script import main
from verification.traffic.topics import PodPython, Topics

pytestmark = pytest.mark.promise("honest")


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
    """A topic whose partitions hold so many records; grows while it is being read.

    At the `gaps` lie ends of transactions; what is `unreadable` cannot be decoded.
    """

    ends: dict[Part, int]
    first: int = 0
    committed_at: int | None = 0
    gaps: frozenset[int] = frozenset()
    unreadable: bool = False
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

    def committed(self, part: object, timeout_ms: int) -> int | None:
        """Return what the group has committed."""
        assert part
        assert timeout_ms > 0
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
        if self.unreadable:
            raise UnsupportedCodecError
        found = {}
        for part, position in self.positions.items():
            self.ends[part] += 1
            offsets = sorted({*range(position, self.ends[part])} - self.gaps)
            found[part] = [FakeRecord(part.topic, part.partition, offset) for offset in offsets]
            self.positions[part] = self.ends[part]
        return found


def _printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def _lag(capsys: pytest.CaptureFixture[str], consumer: FakeConsumer) -> dict[str, Any]:
    main({"do": "lag", "topic": "t", "group": "g"}, consumer)
    row, end = _printed(capsys)
    assert end == {"complete": True}
    return row


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
        row = _lag(capsys, FakeConsumer({Part("t", 0): 5}, committed_at=3))
        assert (row["partition"], row["lag"]) == (0, 2)
        assert row["age_s"] > 1_000_000

    @pytest.mark.parametrize(
        ("committed", "first", "lag"),
        [(5, 0, 0), (None, 0, 5), (1, 4, 1), (None, 4, 1), (1, 5, 0), (7, 0, 0)],
    )
    def test_lag_at_the_ends(
        self, capsys: pytest.CaptureFixture[str], committed: int | None, first: int, lag: int
    ) -> None:
        """All that is left waits for a group that never committed; what is deleted never does."""
        consumer = FakeConsumer({Part("t", 0): 5}, first=first, committed_at=committed)
        assert _lag(capsys, consumer)["lag"] == lag

    def test_lag_is_what_the_gauge_shows(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The bidding logic and the harness reckon alike, wherever the offsets lie."""
        for first, end, committed in product(range(3), range(3), (0, 1, 2, 4)):
            consumer = FakeConsumer({Part("t", 0): end}, first=first, committed_at=committed)
            assert _lag(capsys, consumer)["lag"] == Offsets(first, end, committed).lag

    def test_age_behind_the_end_of_a_transaction(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The oldest record is the next one, and none is old where there are such ends alone."""
        gaps = frozenset({3})
        behind = FakeConsumer({Part("t", 0): 5}, committed_at=3, gaps=gaps)
        assert _lag(capsys, behind)["age_s"] > 1_000_000
        alone = FakeConsumer({Part("t", 0): 4}, committed_at=3, gaps=gaps)
        assert (row := _lag(capsys, alone))["lag"] == 1
        assert row["age_s"] == 0

    def test_age_of_what_cannot_be_decoded(self, capsys: pytest.CaptureFixture[str]) -> None:
        """It waits nevertheless, and the rest of the account is given."""
        row = _lag(capsys, FakeConsumer({Part("t", 0): 5}, committed_at=3, unreadable=True))
        assert (row["lag"], row["age_s"]) == (2, 0)


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
