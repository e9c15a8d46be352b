"""The Kafka cluster and topics that both services talk to."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address
from itertools import combinations
from typing import Any

from marshmallow import fields, validate

from common.addresses import split_host_port
from common.kafka_security import KafkaSecurity
from common.settings import SettingsError, setting

_HOST_PORT = r"(\[[^\s,\[\]]+\]|[^\s:,\[\]]+):[0-9]{1,5}"
_LAST_PORT = 65_535
_TOPIC = validate.Regexp(r"^(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,249}\Z", error="Not a Kafka topic name.")


@dataclass(frozen=True)
class KafkaSettings:
    """The brokers, the login, and the names of the topics."""

    security: KafkaSecurity
    brokers: str = setting(
        "KAFKA_BROKERS",
        fields.String(
            validate=validate.Regexp(
                rf"^{_HOST_PORT}(,{_HOST_PORT})*\Z",
                error="Not a list of host:port,host:port, IPv6 addresses in brackets.",
            )
        ),
        doc="Bootstrap brokers, `host:port` or `[IPv6]:port`, comma-separated.",
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

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments that every kafka-python client takes to reach this cluster."""
        return {"bootstrap_servers": self.brokers.split(","), **self.security.client_options()}

    def check(self) -> None:
        """Raise SettingsError where the settings do not go together."""
        for broker in self.brokers.split(","):
            if why := _impossible(broker):
                raise SettingsError(f"KAFKA_BROKERS={self.brokers!r}: {broker}: {why}")
        names = {
            "KAFKA_TOPIC_BID_REQUESTS": self.topic_bid_requests,
            "KAFKA_TOPIC_BID_DECISIONS": self.topic_bid_decisions,
            "KAFKA_TOPIC_DEAD_LETTERS": self.topic_dead_letters,
        }
        for (one, topic), (other, same) in combinations(names.items(), 2):
            if topic == same:  # the bidding logic would read what it writes
                raise SettingsError(f"{other}={same!r}: is the topic of {one} as well")


def _impossible(broker: str) -> str | None:
    """Return why no broker can have this address; None: one may."""
    host, port = split_host_port(broker)
    if not 0 < port <= _LAST_PORT:
        return "no such port"
    try:
        IPv6Address(host) if broker.startswith("[") else host.encode("idna")
    except ValueError:
        return "no such address can be"
    return None
