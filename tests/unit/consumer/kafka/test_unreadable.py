"""What cannot be read holds its partition alone, or is skipped and named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kafka.errors import KafkaTimeoutError, OffsetOutOfRangeError
from structlog.testing import capture_logs

from consumer.kafka.batches import BatchFacts
from consumer.kafka.reading import UnreadableError
from consumer.kafka.unreadable import Unreadable
from consumer.runtime import Backoff
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_records import partition
from tests.support.fakes.consumer_transactions import FakeTransactions
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

REQUEST = b'{"id":"r-1"}'
CUT = EOFError("cut")
FACTS = BatchFacts(0, 2, timestamp_ms=1_700_000_000_007, leader_epoch=4, size=99, sha256="ab")


def wired(*, skip: bool, exactly_once: bool = False) -> Wiring:
    """Return a service on two partitions, of which nothing has been read so far."""
    source = FakeKafkaConsumer(partitions=2)
    broker = FakeTransactions(source) if exactly_once else None
    service = Wiring(source, skip=skip, broker=broker)
    service.go_round()
    return service


class TestHold:
    """A record that the client cannot decode holds its partition, and nothing else."""

    def test_its_partition_waits_and_the_others_go_on(self) -> None:
        """It is named, counted and shown; the watchdog does not take it for a client that hangs."""
        service = wired(skip=False)
        source = service.source
        source.add(REQUEST)
        source.add(REQUEST, 1)
        source.poll_errors = [UnreadableError(partition(), 0, CUT, FACTS)]
        with capture_logs() as logged:
            service.go_round(2)
        (line,) = [line for line in logged if line["event"] == "record cannot be read"]
        assert (line["topic"], line["partition"], line["offset"]) == ("bid_requests", 0, 0)
        assert (line["error"], line["last_offset"], line["batch_sha256"]) == (
            "EOFError: cut",
            2,
            "ab",
        )
        assert source.committed == {partition(1): 1}
        assert service.health.not_ready() == ["partition 0: at 0: EOFError: cut"]
        assert service.value("consumer_retries_total", unavailable="records") == 1
        assert service.value("consumer_unreadable_partitions") == 1

    def test_it_is_tried_again_after_pauses_that_double(self) -> None:
        """Once it can be read, all is as ever."""
        service = wired(skip=False)
        service.source.add(REQUEST)
        for pause_s in (0.1, 0.2, 0.4, 0.8):
            service.source.poll_errors = [UnreadableError(partition(), 0, CUT)]
            service.go_round()
            service.time.now_s += pause_s - 0.05
            service.go_round()
            assert service.source.paused == {partition()}
            service.time.now_s += 0.06
        service.go_round()
        assert service.source.committed == {partition(): 1}
        assert service.health.not_ready() == []
        assert service.value("consumer_unreadable_partitions") == 0

    def test_it_is_logged_when_it_changes_and_once_a_minute(self) -> None:
        """A partition that is held for days does not fill a disk."""
        service = wired(skip=False)
        with capture_logs() as logged:
            for _ in range(25):
                service.source.poll_errors = [UnreadableError(partition(), 0, CUT)]
                service.go_round()
                service.time.now_s += 5
        assert len([line for line in logged if line["event"] == "record cannot be read"]) == 3

    def test_a_partition_that_is_held_for_long_is_not_stuck(self) -> None:
        """A new process would do no better."""
        service = wired(skip=False)
        source, runtime = service.source, service.loop.runtime
        patient = Unreadable(source, lambda: Backoff(3_600, 3_600), runtime, skip=False)
        loop = replace(service.loop, unreadable=patient)
        source.add(REQUEST)
        source.poll_errors = [UnreadableError(partition(), 0, CUT)]
        for _ in range(5):
            loop.run_round()
            service.time.now_s += 61
        assert source.paused == {partition()}
        assert service.value("consumer_stuck_partitions") == 0

    def test_a_partition_that_goes_takes_its_trouble_along(self) -> None:
        """Another member has it, and this one does not ask for it any more."""
        service = wired(skip=False)
        service.source.poll_errors = [UnreadableError(partition(), 0, CUT)]
        service.go_round()
        service.source.rebalance([partition(1)])
        service.time.now_s += 5
        service.go_round(2)
        assert service.health.not_ready() == []
        assert service.source.committed == {}

    def test_what_retention_deletes_is_held_no_longer(self) -> None:
        """The partition goes on behind it, and its loss is the loss of what was deleted."""
        service = wired(skip=False)
        service.source.poll_errors = [UnreadableError(partition(), 0, CUT)]
        service.go_round()
        service.time.now_s += 5
        service.source.poll_errors = [OffsetOutOfRangeError({partition(): 0})]
        service.go_round(2)
        assert service.health.not_ready() == []


@pytest.mark.parametrize("exactly_once", [False, True], ids=["at least once", "exactly once"])
class TestSkip:
    """On request, one dead letter stands for a batch."""

    def test_one_dead_letter_names_the_batch_and_its_partition_goes_on(
        self, *, exactly_once: bool
    ) -> None:
        """Offsets, size and hash are in its headers; the batch is committed past as a whole."""
        service = wired(skip=True, exactly_once=exactly_once)
        for _ in range(4):
            service.source.add(REQUEST)
        service.source.poll_errors = [UnreadableError(partition(), 1, CUT, FACTS)]
        service.go_round()
        assert service.source.committed == {partition(): 3}
        (letter,) = service.producer.to(DEAD_LETTERS)
        said = {name: value.decode() for name, value in letter.headers}
        assert said == {
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
        service.go_round()
        assert service.source.committed == {partition(): 4}
        assert len(service.producer.to(DECISIONS)) == 1
        assert service.value("consumer_dead_letters_total", reason="unreadable") == 1

    def test_a_dead_letter_that_cannot_be_written_skips_nothing(
        self, *, exactly_once: bool
    ) -> None:
        """Nothing is committed past the batch before its letter is written."""
        service = wired(skip=True, exactly_once=exactly_once)
        for _ in range(4):
            service.source.add(REQUEST)
        service.producer.failing = lambda _sent: KafkaTimeoutError("away")
        service.source.poll_errors = [UnreadableError(partition(), 1, CUT, FACTS)]
        service.go_round()
        assert service.source.committed == {}
        service.go_round(3)  # with another producer
        assert service.source.committed == {partition(): 4}
        assert service.value("consumer_dead_letters_total", reason="unreadable") == 1

    def test_a_batch_whose_end_is_not_certain_is_held(self, *, exactly_once: bool) -> None:
        """And the log says why it is not skipped."""
        service = wired(skip=True, exactly_once=exactly_once)
        service.source.add(REQUEST)
        service.source.poll_errors = [UnreadableError(partition(), 0, CUT, BatchFacts(0))]
        with capture_logs() as logged:
            service.go_round(2)
        assert service.source.committed == {}
        (line,) = [line for line in logged if line["event"] == "record cannot be read"]
        assert "not skipped" in line["goes_on"]
