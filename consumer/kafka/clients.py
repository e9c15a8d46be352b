"""Connections to Kafka, set up for the guarantee that was chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kafka import KafkaAdminClient
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import (
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from common.kafka_clients import create_or_close
from common.kafka_reasons import BrokerTroubles
from common.topic_limits import producer_sizes, record_limits
from consumer.kafka.consumer import Consumer
from consumer.kafka.lag import GroupOffsets, KafkaGroupOffsets
from consumer.kafka.limits import TopicLimits
from consumer.kafka.offset_reset import begin_at_end
from consumer.kafka.producer import BatchingProducer, Producer, TransactionalProducer
from consumer.kafka.publisher import Publisher
from consumer.kafka.reading import ReadingConsumer
from consumer.settings.consumer import ConsumerSettings

CLIENT_ID = "bidding-logic-service"
_TOPIC_PROBLEMS = {
    UnknownTopicOrPartitionError: "it does not exist",
    TopicAuthorizationFailedError: "no right to describe it",
}
_HEARTBEATS_PER_SESSION = 3
_LINGER_MS = 20  # for the decisions of a poll to share batches; none waits once all are handed over
_BATCH_BYTES = 65_536
_ONE_BATCH_BYTES = 1  # Kafka gives a whole batch all the same
_MS = 1000


class TopicsUnavailableError(Exception):
    """A topic is missing or closed to this service; the message names it and the reason."""


@dataclass(frozen=True)
class KafkaClients:
    """The connected clients: the member of the group (not yet subscribed) and the producer.

    `group_offsets` connects a client of its own to tell the lag by; it raises KafkaError.
    """

    consumer: Any  # a Source that can subscribe as well
    publisher: Publisher
    group_offsets: Callable[[], GroupOffsets]
    troubles: BrokerTroubles = field(default_factory=BrokerTroubles)


def connect(settings: ConsumerSettings) -> KafkaClients:
    """Connect once; raise KafkaError or TopicsUnavailableError that says why, nothing left open.

    The topics are looked at first: kafka-python waits in silence for those that are not there.
    """
    troubles = BrokerTroubles()
    limits = TopicLimits(lambda: _limits(settings, troubles))
    with troubles.explain_errors(), ExitStack() as undo:
        check_topics(settings, troubles)
        publisher = Publisher(lambda: _producer(settings, limits, troubles))
        undo.callback(publisher.close, seconds=0)
        consumer = open_reader(settings, consumer_options(settings), troubles)
        undo.callback(consumer.close, autocommit=False, timeout_ms=0)
        if settings.start_from == "latest":
            begin_at_end(consumer, settings.kafka.topic_bid_requests, settings.commit_timeout_ms)
        undo.pop_all()
    return KafkaClients(consumer, publisher, lambda: connect_group_offsets(settings), troubles)


def connect_group_offsets(settings: ConsumerSettings) -> GroupOffsets:
    """Connect a client that takes no part in the group; raise KafkaError."""
    options = {
        **consumer_options(settings),
        "group_instance_id": None,
        "max_partition_fetch_bytes": _ONE_BATCH_BYTES,
    }
    return KafkaGroupOffsets(open_reader(settings, options), settings.kafka.topic_bid_requests)


def open_reader(
    settings: ConsumerSettings, options: dict[str, Any], troubles: BrokerTroubles | None = None
) -> Any:  # noqa: ANN401  kafka-python ships no types
    """Connect a ReadingConsumer, which no batch can hurt; raise KafkaError."""
    return create_or_close(partial(ReadingConsumer, settings.max_batch_bytes), options, troubles)


def subscribe(clients: KafkaClients, topic: str, listener: object) -> Consumer:
    """Join the group, which the first poll does; the listener hears of assignments."""
    clients.consumer.subscribe([topic], listener=listener)
    source: Consumer = clients.consumer
    return source


def check_topics(settings: ConsumerSettings, troubles: BrokerTroubles) -> None:
    """Raise TopicsUnavailableError when Kafka does not let this service see all its topics."""
    kafka = settings.kafka
    names = [kafka.topic_bid_requests, kafka.topic_bid_decisions, kafka.topic_dead_letters]
    admin = create_or_close(KafkaAdminClient, _common_options(settings), troubles)
    try:
        described = admin.describe_topics(names)
    finally:
        admin.close()
    if problems := [*_problems(described)]:
        raise TopicsUnavailableError("; ".join(problems))


def producer_options(settings: ConsumerSettings) -> dict[str, Any]:
    """Keyword arguments of kafka.KafkaProducer.

    What is not acknowledged within the publish timeout is dropped by the producer too, or the
    batches tried again would pile up in it: it has no bound of its own.
    """
    return {
        **_common_options(settings),
        "acks": "all",
        "enable_idempotence": True,
        "max_block_ms": settings.publish_timeout_ms,
        "delivery_timeout_ms": settings.publish_timeout_ms,
        "request_timeout_ms": settings.publish_timeout_ms * 9 // 10,
        "retry_backoff_ms": 50,
        "linger_ms": min(_LINGER_MS, settings.publish_timeout_ms // 10),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def size_options(limits: TopicLimits) -> dict[str, int]:
    """Keyword arguments that keep requests and batches within what the topics take."""
    return producer_sizes(limits.all_bytes, _BATCH_BYTES)


def transaction_options(settings: ConsumerSettings) -> dict[str, Any]:
    """Keyword arguments that make a producer's records transactions of this member.

    What a member leaves open that never comes back, Kafka aborts after the longest time that a
    round may take; until then the offsets of its partitions wait, and so do readers.
    """
    return {
        "transactional_id": f"{settings.kafka.consumer_group}.{settings.group_instance_id}",
        "transaction_timeout_ms": settings.longest_round_ms,
    }


def consumer_options(settings: ConsumerSettings) -> dict[str, Any]:
    """Keyword arguments of kafka.KafkaConsumer; offsets are committed by the poll loop alone."""
    return {
        **_common_options(settings),
        "group_id": settings.kafka.consumer_group,
        "enable_auto_commit": False,
        "isolation_level": "read_committed",  # a replay of dead letters that failed is not there
        "auto_offset_reset": "none",  # consumer.kafka.offset_reset decides, and says so
        "partition_assignment_strategy": [CooperativeStickyAssignor],
        "group_instance_id": settings.group_instance_id or None,
        "max_poll_records": settings.max_poll_records,
        "session_timeout_ms": settings.session_timeout_ms,
        "heartbeat_interval_ms": settings.session_timeout_ms // _HEARTBEATS_PER_SESSION,
        "max_poll_interval_ms": settings.max_poll_interval_ms,
        "allow_auto_create_topics": False,
        "metadata_max_age_ms": 60_000,
        "metrics_enabled": False,
    }


def _producer(
    settings: ConsumerSettings, limits: TopicLimits, troubles: BrokerTroubles
) -> Producer:
    limits.refresh()
    options = {**producer_options(settings), **size_options(limits)}
    topics, seconds = _topics_known(settings), settings.connect_timeout_ms / _MS
    if settings.exactly_once:
        make = partial(TransactionalProducer, limits)
        options |= transaction_options(settings)
        transactional: TransactionalProducer = create_or_close(make, options, troubles)
        return _begin_transactions(transactional, topics, seconds, settings.commit_timeout_ms / _MS)
    producer: BatchingProducer = create_or_close(
        partial(BatchingProducer, limits), options, troubles
    )
    producer.learn(topics, seconds)
    return producer


def _limits(settings: ConsumerSettings, troubles: BrokerTroubles) -> dict[str, int]:
    timeout = {"request_timeout_ms": settings.connect_timeout_ms}  # asked for in the poll loop
    options = {**_common_options(settings), **timeout}
    return record_limits(_topics_written(settings), options, troubles)


def _topics_written(settings: ConsumerSettings) -> list[str]:
    return [settings.kafka.topic_bid_decisions, settings.kafka.topic_dead_letters]


def _topics_known(settings: ConsumerSettings) -> list[str]:
    return [
        *_topics_written(settings),
        settings.kafka.topic_bid_requests,
    ]  # decisions go beside these


def _begin_transactions(
    producer: TransactionalProducer, topics: list[str], learn_s: float, start_s: float
) -> Producer:
    try:
        producer.learn(topics, learn_s)
        producer.start(start_s)
    except BaseException:
        producer.force_close()
        raise
    return producer


def _common_options(settings: ConsumerSettings) -> dict[str, Any]:
    return {
        **settings.kafka.client_options(),
        "client_id": CLIENT_ID,
        "bootstrap_timeout_ms": settings.connect_timeout_ms,
        "reconnect_backoff_max_ms": 1_000,
    }


def _problems(described: Iterable[dict[str, Any]]) -> Iterable[str]:
    for topic in described:
        error = for_code(topic["error_code"])
        if issubclass(error, KafkaError) and topic["error_code"] != 0:
            yield f"topic {topic['name']}: {_TOPIC_PROBLEMS.get(error, error.__name__)}"
