"""How to reach Kafka, as kafka-python wants to hear it."""

from __future__ import annotations

import pytest
from kafka import KafkaProducer
from kafka.cluster import collect_hosts

from common.addresses import join_host_port, split_host_port
from common.kafka import KafkaSettings
from common.settings import SettingsError, load

pytestmark = pytest.mark.promise("configured")


def options(**environ: str) -> dict[str, object]:
    """Return the client options for an environment."""
    return load(KafkaSettings, environ, ("KAFKA_",)).client_options()


def test_brokers_are_a_list() -> None:
    """They are separated by commas; IPv6 addresses are in brackets, as kafka-python wants them."""
    listed = ["[::1]:9092", "[fe80::1%eth0]:9093", "kafka:9092"]
    assert options(KAFKA_BROKERS=",".join(listed))["bootstrap_servers"] == listed
    hosts = {("::1", 9092), ("fe80::1%eth0", 9093), ("kafka", 9092)}
    assert {broker[:2] for broker in collect_hosts(listed)} == hosts
    assert {split_host_port(address) for address in listed} == hosts
    assert {join_host_port(*each) for each in hosts} == {*listed}


@pytest.mark.parametrize("text", ["", "kafka", "kafka:", "[::1]"])
def test_a_host_alone_is_no_address(text: str) -> None:
    """Without a port nobody is found."""
    with pytest.raises(ValueError, match="invalid literal"):
        split_host_port(text)


@pytest.mark.parametrize("text", ["::1", "::1:9092", "[::1]", "[::1]:9092,::2", "a:1,fe80::1"])
def test_an_ipv6_address_without_brackets_is_refused(text: str) -> None:
    """Where its port would begin cannot be told; the message says how it is written."""
    with pytest.raises(SettingsError, match=r"^KAFKA_BROKERS=.*in brackets"):
        options(KAFKA_BROKERS=text)


NO_LISTS = ["", "a", "a:", ":1", "a:1,", "a:1 b:2", "a:0", "a:65536", "a:1\n", "[::1"]
NO_HOSTS = ["[]", "[a]", "[1.2.3.4]", "[:::1]", "[fe80::1%]", "a..b", "a" * 64]


@pytest.mark.parametrize("text", [*NO_LISTS, *(f"a:1,{host}:9092" for host in NO_HOSTS)])
def test_wrong_brokers_are_refused(text: str) -> None:
    """To look for what is no list, or for what no host can be, would be in vain for ever."""
    with pytest.raises(SettingsError, match="^KAFKA_BROKERS="):
        options(KAFKA_BROKERS=text)


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
    """What is not configured is None, which it reads as not given."""
    given = options()
    assert set(given) <= set(KafkaProducer.DEFAULT_CONFIG)
    assert [given[name] for name in ("sasl_mechanism", "ssl_cafile", "ssl_password")] == [None] * 3
