"""Decisions, dead letters and offsets in one Kafka transaction per batch: all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kafka.errors import FencedInstanceIdError, KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from consumer.kafka.consumer import Consumer
from consumer.kafka.publisher import Publisher
from consumer.kafka.record import Polled
from consumer.metrics import ConsumerMetrics
from consumer.processing.batch import BatchProcessor, Progress
from consumer.processing.processor import InFlight


@dataclass(frozen=True)
class ExactlyOnce:
    """For a read_committed reader, each record has its effect once, whatever happens.

    A batch that does not come to its end is given up as a whole: its producer is replaced, which
    makes Kafka abort the transaction, and the batch is polled again. The commit names the
    generation of the group that the batch was polled in, so that Kafka refuses it from a member
    whose partitions have gone to another.

    A commit that gets no answer may have been one. Its records are kept as `doubtful`: the new
    producer's first act has ended the old one's transaction one way or the other, so when they are
    polled again the group's committed offset says which. Until then they are neither counted nor
    logged, and whoever owns their partition next finds out in the same way.
    """

    consumer: Consumer
    committed: Callable[[TopicPartition], int | None]  # asks Kafka; raises KafkaError
    publisher: Publisher
    processor: BatchProcessor
    metrics: ConsumerMetrics
    timeout_s: float  # for a commit and what belongs to it
    # what a commit without an answer was about
    doubtful: dict[TopicPartition, list[InFlight]] = field(default_factory=dict)

    def process(self, polled: Polled) -> Progress:
        """Commit what could be begun, or give it up."""
        try:
            producer, member = self.publisher.current_producer(), self._member()
            settled = self._settle_doubtful(polled)
        except KafkaError as error:
            return _pause_all(polled, str(error))
        left = {tp: records for tp, records in polled.items() if tp not in settled}
        progress = self._attempt(producer, member, left)
        progress.finished |= settled
        return progress

    def pass_over(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Commit in a transaction of their own.

        A commit beside them could come to Kafka late, and take the group back behind a later one.
        """
        try:
            producer: Any = self.publisher.current_producer()
            member = self._member()
            offsets = {tp: OffsetAndMetadata(at, "", -1) for tp, at in positions.items()}
            producer.add_offsets(offsets, member, self.timeout_s / 2)
            producer.commit(self.timeout_s / 2)
        except FencedInstanceIdError:
            raise
        except KafkaError:
            self.publisher.replace()  # undone, or found out about in the next second
            return False
        return True

    def on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Leave it to the next owner to find out what a commit without an answer has done."""
        self._forget(partitions)

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self.doubtful.pop(partition, None)

    def _member(self) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Return who this member is; raise KafkaError while it is not in the group."""
        member = self.consumer.group_metadata()
        if member.generation_id < 0:
            # Kafka takes offsets without a generation from anybody
            raise KafkaError("this member has lost its place in the group")
        return member

    def _attempt(self, producer: Any, member: Any, polled: Polled) -> Progress:  # noqa: ANN401  a TransactionalProducer
        progress = self.processor.process(polled)
        if progress.broken or not self.publisher.uses(producer):
            return self._give_up(progress, "a record was not taken with the others")
        if not progress.finished:
            return progress
        try:
            self._commit(producer, progress, member)
        except FencedInstanceIdError:
            raise
        except KafkaError as error:
            self.metrics.commits.labels("failed").inc()
            return self._give_up(progress, str(error))
        self.metrics.commits.labels("committed").inc()
        self.processor.record(progress)
        return progress

    def _commit(self, producer: Any, progress: Progress, member: Any) -> None:  # noqa: ANN401  as above
        offsets = {
            partition: OffsetAndMetadata(record.offset + 1, "", record.leader_epoch)
            for partition, record in progress.durable.items()
        }
        producer.add_offsets(offsets, member, self.timeout_s / 2)
        self.doubtful.update(progress.finished)
        producer.commit(self.timeout_s / 2)
        self._forget(offsets)

    def _give_up(self, progress: Progress, why: str) -> Progress:
        """Undo all of it; those that are not to blame are tried again at once, without the rest."""
        self.publisher.replace()
        return Progress(
            progress.submitted, paused=progress.paused or dict.fromkeys(progress.submitted, why)
        )

    def _settle_doubtful(self, polled: Polled) -> dict[TopicPartition, list[InFlight]]:
        """Return those whose last commit had no answer and was one all the same.

        The producer that asked for it has been replaced, so nothing can change any more.
        """
        asked = {tp: self.committed(tp) for tp in self.doubtful.keys() & polled.keys()}
        settled = {}
        for partition, offset in asked.items():
            finished = self.doubtful.pop(partition)
            if offset is not None and offset > polled[partition][0].offset:
                settled[partition] = finished
        self.processor.record(Progress(finished=settled))
        return settled


def _pause_all(polled: Polled, why: str) -> Progress:
    return Progress(polled.keys(), paused=dict.fromkeys(polled, why))
