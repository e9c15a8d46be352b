"""How to reach Kafka, as kafka-python wants to hear it."""

from __future__ import annotations

import pytest
from kafka import KafkaProducer
from kafka.cluster import collect_hosts

from common.kafka import KafkaSettings
from common.settings import SettingsError, load


def options(**environ: str) -> dict[str, object]:
    """Return the client options for an environment."""
    return load(KafkaSettings, environ, ("KAFKA_",)).client_options()


def test_brokers_are_a_list() -> None:
    """Several bootstrap brokers are separated by commas."""
    assert options(KAFKA_BROKERS="a:1,b:2")["bootstrap_servers"] == ["a:1", "b:2"]


def test_brokers_may_have_ipv6_addresses() -> None:
    """They are given in brackets, as kafka-python wants them, beside names."""
    listed = ["[::1]:9092", "[fe80::1%eth0]:9093", "kafka:9092"]
    given = options(KAFKA_BROKERS=",".join(listed))["bootstrap_servers"]
    assert given == listed
    reached = {broker[:2] for broker in collect_hosts(listed)}
    assert reached == {("::1", 9092), ("fe80::1%eth0", 9093), ("kafka", 9092)}


@pytest.mark.parametrize("text", ["::1", "::1:9092", "[::1]", "[::1]:9092,::2", "a:1,fe80::1"])
def test_an_ipv6_address_without_brackets_is_refused(text: str) -> None:
    """Where its port would begin cannot be told; the message says how it is written."""
    with pytest.raises(SettingsError, match=r"^KAFKA_BROKERS=.*in brackets"):
        options(KAFKA_BROKERS=text)


@pytest.mark.parametrize(
    "text", ["", "a", "a:", ":1", "a:1,", "a:1 b:2", "a:0", "a:65536", "a:1\n", "[::1"]
)
def test_wrong_brokers_are_refused(text: str) -> None:
    """What is not host:port,host:port does not start."""
    with pytest.raises(SettingsError, match="^KAFKA_BROKERS="):
        options(KAFKA_BROKERS=text)


@pytest.mark.parametrize(
    "host", ["[]", "[a]", "[1.2.3.4]", "[:::1]", "[fe80::1%]", "a..b", "a" * 64]
)
def test_a_broker_that_no_host_can_be_is_refused(host: str) -> None:
    """To look for it would be in vain for ever."""
    with pytest.raises(SettingsError, match="^KAFKA_BROKERS="):
        options(KAFKA_BROKERS=f"a:1,{host}:9092")


@pytest.mark.parametrize("text", ["", "a b", "a/b", ".", "..", "x" * 250, "x\n"])
def test_wrong_topics_are_refused(text: str) -> None:
    """A topic name that Kafka would refuse does not start."""
    with pytest.raises(SettingsError, match="^KAFKA_TOPIC_BID_REQUESTS="):
        options(KAFKA_TOPIC_BID_REQUESTS=text)


@pytest.mark.parametrize("other", ["BID_DECISIONS", "DEAD_LETTERS"])
def test_a_topic_for_two_purposes_is_refused(other: str) -> None:
    """The bidding logic would decide on its own decisions, or on its dead letters, for ever."""
    with pytest.raises(SettingsError, match=f"^KAFKA_TOPIC_{other}=.* is the topic of"):
        options(**{f"KAFKA_TOPIC_{other}": "bid_requests"})


def test_every_option_is_known_to_kafka_python() -> None:
    """No option is a name that kafka-python would reject."""
    assert set(options()) <= set(KafkaProducer.DEFAULT_CONFIG)


def test_empty_settings_stay_the_librarys_default() -> None:
    """What is not configured is None, which kafka-python reads as not given."""
    given = options()
    assert [given[name] for name in ("sasl_mechanism", "ssl_cafile", "ssl_password")] == [None] * 3
