"""Taking records back from kafka-python: what was never sent, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.structs import TopicPartition

from common.kafka_clients import AbortableProducer, NeverSentError

pytestmark = [pytest.mark.timing, pytest.mark.promise("explicit")]

PARTITION = TopicPartition("bid_requests", 0)


class Unconnected(AbortableProducer):
    """The producer without its network: kafka-python's own queue of batches, and no sender."""

    def __init__(self) -> None:
        self._closed = True
        self.config = {"client_id": "test", "transactional_id": None}
        self._accumulator = RecordAccumulator()
        self._sender = SimpleNamespace(is_alive=lambda: False)

    def queue(self, value: bytes = b"{}") -> Any:  # noqa: ANN401  kafka-python ships no types
        """Queue a record and return its future."""
        return self._accumulator.append(PARTITION, 0, b"k", value, [])[0]

    def put_into_request(self) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Do to the oldest batch what the sender does before it sends."""
        batch = self._accumulator._batches[PARTITION].popleft()  # noqa: SLF001  kafka-python's own
        batch.drained = 1.0
        return batch


def test_what_is_queued_is_taken_back_and_what_is_in_a_request_is_not() -> None:
    """All of the others fail at once; what became of that one the broker alone can say."""
    producer = Unconnected()
    sent = producer.queue(b"x" * 20_000)
    batch = producer.put_into_request()
    queued = [producer.queue(b"y" * 20_000) for _ in range(3)]
    producer.abort_unsent()
    assert [type(future.exception) for future in queued] == [NeverSentError] * 3
    assert not producer._accumulator.has_undrained()  # noqa: SLF001  nobody can send them any more
    assert not sent.is_done
    batch.complete(base_offset=7, log_append_time=-1)
    assert sent.value.offset == 7


def test_a_record_that_is_to_be_sent_again_is_left_alone() -> None:
    """A first attempt that brought no answer may have been appended."""
    producer = Unconnected()
    future = producer.queue()
    producer._accumulator.reenqueue(producer.put_into_request())  # noqa: SLF001  kafka-python's own
    producer.abort_unsent()
    assert not future.is_done


def test_one_that_expires_at_the_same_moment_is_no_error() -> None:
    """The sender takes it out of the queue before it fails it; the others are taken back."""
    producer = Unconnected()
    accumulator = producer._accumulator  # noqa: SLF001  kafka-python's own
    abort, expiring = accumulator.abort_undrained_batches, producer.queue(b"x" * 20_000)
    batch = accumulator._batches[PARTITION].popleft()  # noqa: SLF001  the same
    queued = producer.queue(b"y" * 20_000)

    def race(error: Exception) -> None:
        try:
            abort(error)
        except ValueError:
            batch.abort(TimeoutError())
            accumulator.deallocate(batch)
            raise

    accumulator.abort_undrained_batches = race
    producer.abort_unsent()
    assert isinstance(queued.exception, NeverSentError)
    assert isinstance(expiring.exception, TimeoutError)


def test_a_dead_sender_thread_shows() -> None:
    """Without its thread a producer neither sends nor fails anything."""
    assert not Unconnected().is_alive
