"""The Kafka cluster and topics that both services talk to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from common.settings import setting

_HOST_PORT = r"[^\s:,]+:\d{1,5}"
_TOPIC = validate.Regexp(r"^[a-zA-Z0-9._-]{1,249}$", error="Not a Kafka topic name.")


@dataclass(frozen=True)
class KafkaSettings:
    """Where Kafka is, how to log in, and what the topics are called."""

    brokers: str = setting(
        "KAFKA_BROKERS",
        fields.String(
            validate=validate.Regexp(
                rf"^{_HOST_PORT}(,{_HOST_PORT})*$", error="Not a list of host:port,host:port."
            )
        ),
        doc="Bootstrap brokers, `host:port`, comma-separated.",
        default="localhost:9092",
    )
    topic_bid_requests: str = setting(
        "KAFKA_TOPIC_BID_REQUESTS",
        fields.String(validate=_TOPIC),
        doc="Topic that accepted bid requests are written to.",
        default="bid_requests",
    )
    topic_bid_decisions: str = setting(
        "KAFKA_TOPIC_BID_DECISIONS",
        fields.String(validate=_TOPIC),
        doc="Topic that decisions are written to.",
        default="bid_decisions",
    )
    topic_dead_letters: str = setting(
        "KAFKA_TOPIC_DEAD_LETTERS",
        fields.String(validate=_TOPIC),
        doc="Topic that unprocessable records go to, with their original bytes.",
        default="bid_requests.dlq",
    )
    consumer_group: str = setting(
        "KAFKA_CONSUMER_GROUP",
        fields.String(validate=validate.Length(min=1)),
        doc="Consumer group of the bidding logic.",
        default="bidding-logic",
    )
    security_protocol: str = setting(
        "KAFKA_SECURITY_PROTOCOL",
        fields.String(validate=validate.OneOf(["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])),
        doc="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.",
        default="PLAINTEXT",
    )
    sasl_mechanism: str = setting(
        "KAFKA_SASL_MECHANISM",
        fields.String(validate=validate.OneOf(["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])),
        doc="`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`, with a SASL protocol.",
        default="",
    )
    sasl_username: str = setting(
        "KAFKA_SASL_USERNAME", fields.String(), doc="User name for SASL.", default="", secret=True
    )
    sasl_password: str = setting(
        "KAFKA_SASL_PASSWORD", fields.String(), doc="Password for SASL.", default="", secret=True
    )
    ssl_cafile: str = setting(
        "KAFKA_SSL_CAFILE",
        fields.String(),
        doc="PEM file of the certificate authorities to trust; empty: the system's.",
        default="",
    )
    ssl_certfile: str = setting(
        "KAFKA_SSL_CERTFILE", fields.String(), doc="PEM file of the client certificate.", default=""
    )
    ssl_keyfile: str = setting(
        "KAFKA_SSL_KEYFILE", fields.String(), doc="PEM file of the client key.", default=""
    )
    ssl_password: str = setting(
        "KAFKA_SSL_PASSWORD",
        fields.String(),
        doc="Password of the client key.",
        default="",
        secret=True,
    )
    ssl_check_hostname: bool = setting(
        "KAFKA_SSL_CHECK_HOSTNAME",
        fields.Boolean(),
        doc="Whether the broker's certificate must carry its host name.",
        default="true",
    )

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments that every kafka-python client takes to reach this cluster."""
        return {
            "bootstrap_servers": self.brokers.split(","),
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism or None,
            "sasl_plain_username": self.sasl_username or None,
            "sasl_plain_password": self.sasl_password or None,
            "ssl_cafile": self.ssl_cafile or None,
            "ssl_certfile": self.ssl_certfile or None,
            "ssl_keyfile": self.ssl_keyfile or None,
            "ssl_password": self.ssl_password or None,
            "ssl_check_hostname": self.ssl_check_hostname,
        }
