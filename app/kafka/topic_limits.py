"""How large a record the topic takes, asked before the first one is sent."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from common.kafka_clients import opened
from common.kafka_reasons import BrokerTroubles

_NAME = "max.message.bytes"
DEFAULT_BYTES = 1_048_576  # what kafka-python sends at most unless told otherwise


def record_limit(
    topic: str, options: dict[str, Any], troubles: BrokerTroubles | None = None
) -> int:
    """Return the bytes that a record may take on `topic`; raise KafkaError without a broker.

    Returns the default where Kafka does not tell, because the topic is missing or its configuration
    is not ours to see.
    """
    with closing(opened(KafkaAdminClient, options, troubles)) as admin:
        asked = ConfigResource("TOPIC", topic, {_NAME: None})
        told = admin.describe_configs([asked], config_filter="all")
    value = told.get("topic", {}).get(topic, {}).get(_NAME, {}).get("value")
    return DEFAULT_BYTES if value is None else min(int(value), DEFAULT_BYTES)
