"""How the connections to Kafka are set up."""

from __future__ import annotations

import gc
import logging
import threading

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from consumer.kafka.clients import (
    connect,
    consumer_options,
    producer_options,
    transaction_options,
)
from consumer.settings.consumer import load_settings
from tests.support.fakes.consumer_wiring import EXACTLY_ONCE
from tests.support.waiting import eventually
from verification.run.ports import free_port

pytestmark = [pytest.mark.timing, pytest.mark.promise("configured")]


class TestOptions:
    """What the promises rest on is set, and under names that the library knows."""

    def test_the_producer_waits_for_all_replicas_and_never_writes_twice(self) -> None:
        """Acks and idempotence are explicit, and retries end with the publish timeout."""
        options = producer_options(load_settings({"CONSUMER_PUBLISH_TIMEOUT_MS": "4000"}))
        assert (options["acks"], options["enable_idempotence"]) == ("all", True)
        assert options["delivery_timeout_ms"] == options["max_block_ms"] == 4_000
        assert options["request_timeout_ms"] < 4_000

    def test_the_consumer_commits_nothing_by_itself(self) -> None:
        """Offsets are the poll loop's, and where there is none, so is the choice."""
        options = consumer_options(load_settings({}))
        assert options["enable_auto_commit"] is False
        assert options["auto_offset_reset"] == "none"
        assert options["group_id"] == "bidding-logic"
        assert options["heartbeat_interval_ms"] * 3 <= options["session_timeout_ms"]

    def test_transactions_are_those_of_the_member(self) -> None:
        """A restart under the same name ends what was open; Kafka does when none comes."""
        settings = load_settings({**EXACTLY_ONCE, "KAFKA_CONSUMER_GROUP": "group"})
        options = transaction_options(settings)
        assert options["transactional_id"] == "group.pod-1"
        assert options["transaction_timeout_ms"] == settings.longest_round_ms
        assert consumer_options(settings)["group_instance_id"] == "pod-1"
        assert consumer_options(settings)["isolation_level"] == "read_committed"

    def test_the_library_knows_every_option(self) -> None:
        """One that is renamed would show at the first start; a typing error makes no topic."""
        settings = load_settings({})
        producer, consumer = producer_options(settings), consumer_options(settings)
        assert transaction_options(settings).keys() <= KafkaProducer.DEFAULT_CONFIG.keys()
        assert producer.keys() <= KafkaProducer.DEFAULT_CONFIG.keys()
        assert consumer.keys() <= KafkaConsumer.DEFAULT_CONFIG.keys()
        common = producer.keys() & consumer.keys()
        assert "bootstrap_timeout_ms" in common & KafkaAdminClient.DEFAULT_CONFIG.keys()
        assert producer["allow_auto_create_topics"] is False
        assert consumer["allow_auto_create_topics"] is False


# kafka-python leaves the sockets of refused connections to the garbage collector
@pytest.mark.promise("bounded")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_kafka_that_is_away_is_an_error_that_says_why_without_leftovers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Attempts are repeated for hours: a thread left by each would add up."""
    caplog.set_level(logging.CRITICAL, "kafka")  # records kept by pytest hold the sockets
    before = {*threading.enumerate()}
    nobody = f"127.0.0.1:{free_port()}"
    assert attempt(KAFKA_BROKERS=nobody, CONSUMER_CONNECT_TIMEOUT_MS="200") == (
        f"{nobody}: connection refused"
    )
    gc.collect()
    eventually(lambda: {*threading.enumerate()} <= before, "no thread of its own")


def attempt(**environ: str) -> str:
    """Connect and return the error, without what hangs on it."""
    try:
        connect(load_settings(environ))
    except KafkaError as error:
        return str(error)
    return "connected"
