"""kafka-python's own fetcher on answers that a test makes: no broker is asked."""

from __future__ import annotations

from types import SimpleNamespace

from kafka.consumer.fetcher import CompletedFetch
from kafka.consumer.subscription_state import SubscriptionState
from kafka.structs import TopicPartition

from consumer.kafka.reading import ReadingFetcher
from tests.support.fakes.consumer_records import partition

NO_LEADER_EPOCH = SimpleNamespace(epoch=-1, end_offset=-1)


def answer(records: bytes | None, error_code: int = 0) -> SimpleNamespace:
    """Return what a broker says of one partition."""
    return SimpleNamespace(
        records=records,
        error_code=error_code,
        high_watermark=100,
        aborted_transactions=None,
        diverging_epoch=NO_LEADER_EPOCH,
        preferred_read_replica=-1,
    )


class FetchedAnswers:
    """What a poll makes of what brokers said."""

    def __init__(self, most_bytes: int = 1 << 20) -> None:
        self.subscription = SubscriptionState("none")
        self.subscription.assign_from_user([partition(0), partition(1)])
        for number in (0, 1):
            self.subscription.seek(partition(number), 5)
        cluster = SimpleNamespace(request_update=lambda: None)
        manager = SimpleNamespace(_net=None, cluster=cluster)
        client = SimpleNamespace(_manager=manager)
        self.fetcher = ReadingFetcher(client, self.subscription, most_bytes=most_bytes)

    def hear(self, number: int, said: SimpleNamespace) -> None:
        fetched = CompletedFetch(partition(number), self.position(number), 12, said, None)
        self.fetcher._completed_fetches.append(fetched)  # noqa: SLF001  as an answer that came

    def records(self) -> dict[TopicPartition, list[int]]:
        polled, _ = self.fetcher.fetched_records()
        return {tp: [record.offset for record in records] for tp, records in polled.items()}

    def position(self, number: int) -> int:
        offset: int = self.subscription.assignment[partition(number)].position.offset
        return offset

    def to_fetch(self) -> list[TopicPartition]:
        partitions: list[TopicPartition] = self.fetcher._fetchable_partitions()  # noqa: SLF001
        return partitions
