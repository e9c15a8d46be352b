"""librdkafka's settings: how it reaches the cluster, and what the promises rest on."""

from __future__ import annotations

from typing import Any

from app.settings import IngestSettings
from common.kafka import KafkaSettings

_LEAST_LIMIT_BYTES = 1_000  # librdkafka knows no lower one
_STATISTICS_MS = 200  # how soon it is known that the brokers have given a producer its id


def connection_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Return what librdkafka needs to reach the cluster; what is not set is left out."""
    security = kafka.security
    given = {
        "bootstrap.servers": kafka.brokers,
        "security.protocol": security.protocol,
        "sasl.mechanism": security.mechanism,
        "sasl.username": security.username,
        "sasl.password": security.password,
        "ssl.ca.location": security.cafile,
        "ssl.certificate.location": security.certfile,
        "ssl.key.location": security.keyfile,
        "ssl.key.password": security.key_password,
        "ssl.endpoint.identification.algorithm": "https" if security.check_hostname else "none",
    }
    return {name: value for name, value in given.items() if value}


def producer_options(settings: IngestSettings, limit: int) -> dict[str, Any]:
    """Return librdkafka's settings that the promises of this service rest on.

    `limit` is the bytes of the largest record. Times are as app.kafka.kafka_publisher has them.
    """
    deadline_ms = settings.publish_timeout_ms
    return {
        **connection_options(settings.kafka),
        "client.id": "bid-request-handler",
        "acks": "all",
        "enable.idempotence": True,
        "delivery.timeout.ms": deadline_ms * 6 // 5,
        "request.timeout.ms": deadline_ms * 9 // 10,
        "retry.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "linger.ms": 1,
        "statistics.interval.ms": _STATISTICS_MS,
        "partitioner": "murmur2_random",  # a key's partition is the one that kafka-python takes
        "allow.auto.create.topics": False,
        "message.max.bytes": max(limit, _LEAST_LIMIT_BYTES),
    }
