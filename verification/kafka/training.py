"""Recording the start-up cache: one start, one record, one orderly end."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import closing
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from verification.errors import CannotRunError
from verification.kafka.node import Node
from verification.kafka.runtime import Runtime
from verification.run.topics import create_topics

_TOPIC = "training"
_WRITE_S = 180.0  # the cache is written when the JVM ends
_ANSWER_S = 60.0

_log = logging.getLogger(__name__)


def train(runtime: Runtime, cache: Path) -> None:
    """Write the ahead-of-time cache of a broker's start to `cache`, or leave nothing there.

    Kafka starts without it as well, only slower, so a failure is logged and no more.
    """
    with tempfile.TemporaryDirectory(dir=cache.parent, prefix="training-") as folder:
        written = Path(folder) / cache.name
        try:
            _use_once(Node(Path(folder) / "kafka", runtime.recording(written), environ=os.environ))
        except (CannotRunError, KafkaError) as error:
            _log.warning("no start-up cache for Kafka: %s", error)
            return
        if written.exists():
            written.replace(cache)
        else:
            _log.warning("no start-up cache for Kafka: Java wrote none")


def _use_once(kafka: Node) -> None:
    try:
        kafka.start()
        create_topics({"bootstrap_servers": kafka.bootstrap_servers}, {_TOPIC: 1})
        _round_trip(kafka.bootstrap_servers)
    finally:
        kafka.stop(_WRITE_S)


def _round_trip(brokers: str) -> None:
    options = {"bootstrap_servers": brokers}
    with closing(KafkaProducer(**options, acks="all", enable_idempotence=True)) as producer:
        producer.send(_TOPIC, b"record").get(_ANSWER_S)
    consumer = KafkaConsumer(
        _TOPIC,
        **options,
        group_id=_TOPIC,
        auto_offset_reset="earliest",
        consumer_timeout_ms=int(_ANSWER_S * 1000),
    )
    with closing(consumer):
        next(iter(consumer), None)
        consumer.commit()
