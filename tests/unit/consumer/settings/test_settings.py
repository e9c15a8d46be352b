"""What the environment may say to the consumer."""

from __future__ import annotations

import pytest
from marshmallow import fields

from common.settings import SettingsError, table
from consumer.settings.consumer import ConsumerSettings, load_settings

pytestmark = pytest.mark.promise("configured")

DEFAULTS = load_settings({})
NUMBERS = [row for row in table(ConsumerSettings) if isinstance(row.parse, fields.Number)]


def test_an_empty_environment_is_enough() -> None:
    """Every row has a default; the other service's names are let be."""
    settings = load_settings({"INGEST_PORT": "1"})
    assert settings == DEFAULTS
    assert (settings.health_port, settings.bidding.strategy) == (8081, "no_bid")
    assert (settings.start_from, settings.kafka.consumer_group) == ("earliest", "bidding-logic")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BIDDING_STRATEGY", ""),
        ("BIDDING_BUDGET", "-1"),
        ("BIDDING_PRICE", "0"),
        ("BIDDING_PRICE", "nan"),
        ("BIDDING_CURRENCY", "usd"),
        ("BIDDING_CURRENCY", "USD\n"),
        ("BIDDING_CREATIVE_ID", ""),
        ("CONSUMER_HEALTH_PORT", "65536"),
        ("CONSUMER_START_FROM", "yesterday"),
        ("CONSUMER_MAX_POLL_RECORDS", "0"),
        ("CONSUMER_POLL_TIMEOUT_MS", "soon"),
        ("CONSUMER_PUBLISH_TIMEOUT_MS", "-1"),
        # what the system, Kafka or a clock cannot hold
        *((row.name, "inf") for row in NUMBERS),
        *((row.name, "9" * 12) for row in NUMBERS if isinstance(row.parse, fields.Integer)),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    """The message begins with the variable and shows the value."""
    with pytest.raises(SettingsError) as raised:
        load_settings({name: value})
    assert str(raised.value).startswith(f"{name}={value!r}")


@pytest.mark.parametrize("name", ["CONSUMER_TYPO", "BIDDING_TYPO", "KAFKA_TYPO"])
def test_an_unknown_name_with_a_prefix_of_ours_is_named(name: str) -> None:
    """A typing error does not pass for a default."""
    with pytest.raises(SettingsError, match=name):
        load_settings({name: "1"})


@pytest.mark.parametrize("name", ["CONSUMER_MAX_POLL_INTERVAL_MS", "CONSUMER_LIVENESS_TIMEOUT_MS"])
def test_limits_shorter_than_a_round_of_the_loop_are_refused(name: str) -> None:
    """Waiting for Kafka as long as the settings allow must not count as being stuck."""
    longest = DEFAULTS.longest_round_ms
    with pytest.raises(SettingsError, match=f"{name}={longest}: must be more than {longest}"):
        load_settings({name: str(longest)})
    assert load_settings({name: str(longest + 1)})


def test_transactions_need_a_name_that_outlives_a_restart() -> None:
    """The defaults allow for the longer round, and at least once is the default."""
    assert not DEFAULTS.exactly_once
    wanted = {"PROCESSING_GUARANTEE": "exactly_once"}
    with pytest.raises(SettingsError, match=r"^CONSUMER_GROUP_INSTANCE_ID: is required"):
        load_settings(wanted)
    settings = load_settings({**wanted, "CONSUMER_GROUP_INSTANCE_ID": "pod-1"})
    assert settings.exactly_once
    assert settings.longest_round_ms == DEFAULTS.longest_round_ms + 5_000
