"""What cannot be read holds its partition alone, or is skipped and named."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError, LogTruncationError, OffsetOutOfRangeError
from structlog.testing import capture_logs

from consumer.kafka.batches import BatchFacts
from consumer.kafka.reading import UnreadableError
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, REQUEST, Wiring

pytestmark = pytest.mark.promise("record-isolation")

FACTS = BatchFacts(0, 2, timestamp_ms=1_700_000_000_007, leader_epoch=4, size=99, sha256="ab")


def unreadable(offset: int = 0, *facts: BatchFacts) -> UnreadableError:
    """Return what a poll raises that cannot read on in the first partition."""
    return UnreadableError(partition(), offset, EOFError("cut"), *facts)


def complaints(logged: list[Any]) -> list[dict[str, Any]]:
    """Return the lines on what cannot be read."""
    return [line for line in logged if line["event"] == "record cannot be read"]


class TestHold:
    """A record that the client cannot decode holds its partition, and nothing else."""

    def setup_method(self) -> None:
        """Have two partitions assigned, of which nothing has been read so far."""
        self.service = Wiring.over([], [])
        self.service.go_round()
        self.consumer = self.service.consumer

    def test_its_partition_waits_and_the_others_go_on(self) -> None:
        """It is named, counted and shown."""
        self.consumer.add(REQUEST)
        self.consumer.add(REQUEST, 1)
        self.consumer.poll_errors = [unreadable(0, FACTS)]
        with capture_logs() as logged:
            self.service.go_round(2)
        (line,) = complaints(logged)
        assert (line["topic"], line["partition"], line["offset"]) == ("bid_requests", 0, 0)
        assert (line["error"], line["last_offset"]) == ("EOFError: cut", 2)
        assert line["batch_sha256"] == "ab"
        assert self.service.committed == {1: 1}
        assert self.service.health.not_ready() == ["partition 0: at 0: EOFError: cut"]
        assert self.service.value("consumer_retries_total", unavailable="records") == 1
        assert self.service.value("consumer_unreadable_partitions") == 1

    def test_it_is_tried_again_after_pauses_that_double(self) -> None:
        """Once it can be read, all is as ever."""
        self.consumer.add(REQUEST)
        for pause_s in (0.1, 0.2, 0.4, 0.8):
            self.consumer.poll_errors = [unreadable()]
            self.service.go_round()
            self.service.go_round(after_s=pause_s - 0.05)
            assert self.consumer.paused == {partition()}
            self.service.time.now_s += 0.06
        self.service.go_round()
        assert self.service.committed == {0: 1}
        assert self.service.health.not_ready() == []
        assert self.service.value("consumer_unreadable_partitions") == 0

    def test_it_is_logged_when_it_changes_and_once_a_minute(self) -> None:
        """A partition that is held for days does not fill a disk."""
        with capture_logs() as logged:
            for _ in range(25):
                self.consumer.poll_errors = [unreadable()]
                self.service.go_round()
                self.service.time.now_s += 5
        assert len(complaints(logged)) == 3

    def test_a_partition_that_is_held_for_long_is_not_stuck(self) -> None:
        """A new process would do no better."""
        long = {
            "CONSUMER_RETRY_BACKOFF_MS": "900000",
            "CONSUMER_RETRY_BACKOFF_MAX_MS": "900000",
            "CONSUMER_MAX_POLL_INTERVAL_MS": "1000000",
            "CONSUMER_LIVENESS_TIMEOUT_MS": "1000000",
        }
        service = Wiring.over([REQUEST], **long)
        service.loop.consumer.poll(timeout_ms=1)
        service.consumer.seek(partition(), 0)
        service.consumer.poll_errors = [unreadable()]
        service.go_round()
        service.go_round(5, after_s=61)
        assert service.consumer.paused == {partition()}
        assert service.value("consumer_stuck_partitions") == 0

    @pytest.mark.parametrize(
        "error",
        [None, OffsetOutOfRangeError({partition(): 0}), LogTruncationError({partition(): None})],
        ids=["to another member", "with what retention deletes", "with a log that is another one"],
    )
    def test_its_trouble_goes_with_it(self, error: KafkaError | None) -> None:
        """Who has it no more does not ask for it any more; behind what is gone it is read on."""
        self.consumer.poll_errors = [unreadable()]
        self.service.go_round()
        if error is None:
            self.consumer.rebalance(1)
        else:
            self.consumer.poll_errors = [error]
        self.service.go_round(1)
        assert self.service.health.not_ready() == []
        assert self.consumer.paused == set()
        self.consumer.add(REQUEST)
        self.service.go_round(2, after_s=5)
        assert self.service.committed == ({} if error is None else {0: 1})


@pytest.mark.parametrize("exactly_once", [False, True], ids=["at least once", "exactly once"])
class TestSkip:
    """On request, one dead letter stands for a batch."""

    @pytest.fixture(autouse=True)
    def _service(self, *, exactly_once: bool) -> None:
        """Have four requests that are about to be read."""
        self.service = Wiring.over([], exactly_once=exactly_once, CONSUMER_UNREADABLE="skip")
        self.service.go_round()
        self.consumer = self.service.consumer
        for _ in range(4):
            self.consumer.add(REQUEST)

    def test_one_dead_letter_names_the_batch_and_its_partition_goes_on(self) -> None:
        """Offsets, size and hash are in its headers; the batch is committed past as a whole."""
        self.consumer.poll_errors = [unreadable(1, FACTS)]
        self.service.go_round()
        assert self.service.committed == {0: 3}
        (letter,) = self.service.producer.to(DEAD_LETTERS)
        assert {name: value.decode() for name, value in letter.headers} == {
            "dlq-first-offset": "0",
            "dlq-last-offset": "2",
            "dlq-batch-bytes": "99",
            "dlq-batch-sha256": "ab",
            "dlq-reason": "unreadable",
            "dlq-stage": "read",
            "dlq-error": "EOFError: cut",
            "dlq-topic": "bid_requests",
            "dlq-partition": "0",
            "dlq-offset": "2",
            "dlq-timestamp": "1700000000007",
        }
        self.service.go_round()
        assert self.service.committed == {0: 4}
        assert len(self.service.producer.to(DECISIONS)) == 1
        assert self.service.value("consumer_dead_letters_total", reason="unreadable") == 1

    def test_a_dead_letter_that_cannot_be_written_skips_nothing(self) -> None:
        """Nothing is committed past the batch before its letter is written."""
        self.service.producer.failing = lambda _sent: KafkaTimeoutError("away")
        self.consumer.poll_errors = [unreadable(1, FACTS)]
        self.service.go_round()
        assert self.service.committed == {}
        self.service.go_round(3)  # with another producer
        assert self.service.committed == {0: 4}
        assert self.service.value("consumer_dead_letters_total", reason="unreadable") == 1

    def test_a_batch_whose_end_is_not_certain_is_held(self) -> None:
        """And the log says why it is not skipped."""
        self.consumer.poll_errors = [unreadable(0, BatchFacts(0))]
        with capture_logs() as logged:
            self.service.go_round(2)
        assert self.service.committed == {}
        (line,) = complaints(logged)
        assert "not skipped" in line["goes_on"]
