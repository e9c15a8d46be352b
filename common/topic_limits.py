"""The largest record that each topic takes, as Kafka says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from common.kafka_clients import create_or_close
from common.kafka_reasons import BrokerTroubles

_NAME = "max.message.bytes"
DEFAULT_BYTES = 1_048_576  # a little less than Kafka's own default
_BATCH_BYTES = 16_384  # as kafka-python has it


def record_limits(
    topics: Collection[str], options: Mapping[str, Any], troubles: BrokerTroubles | None = None
) -> dict[str, int]:
    """Return the bytes that a record may take on each topic; raise KafkaError without a broker.

    It is the default where Kafka does not tell, because the topic is missing or its configuration
    is not ours to see.
    """
    with closing(create_or_close(KafkaAdminClient, dict(options), troubles)) as admin:
        asked = [ConfigResource("TOPIC", topic, {_NAME: None}) for topic in topics]
        found = admin.describe_configs(asked, config_filter="all").get("topic", {})
    return {topic: _limit(found.get(topic, {})) for topic in topics}


def producer_sizes(limits: Collection[int], batch_bytes: int = _BATCH_BYTES) -> dict[str, int]:
    """Return the keyword arguments of a kafka.KafkaProducer that writes to topics of these limits.

    It sends the largest record that any takes, and no batch that one does not take.
    """
    return {"max_request_size": max(limits), "batch_size": min(*limits, batch_bytes)}


def _limit(configuration: Mapping[str, Any]) -> int:
    value = configuration.get(_NAME, {}).get("value")
    return DEFAULT_BYTES if value is None else int(value)
