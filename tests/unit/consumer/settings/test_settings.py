"""What the environment may say to the consumer."""

from __future__ import annotations

import pytest
from marshmallow import fields

from common.settings import Setting, SettingsError, table
from consumer.settings.consumer import ConsumerSettings, load_settings


class TestLoadSettings:
    """Defaults serve; anything wrong is named."""

    def test_an_empty_environment_is_enough(self) -> None:
        """Every row has a default."""
        settings = load_settings({})
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
        ],
    )
    def test_a_wrong_value_is_named(self, name: str, value: str) -> None:
        """The message begins with the variable and shows the value."""
        with pytest.raises(SettingsError) as raised:
            load_settings({name: value})
        assert str(raised.value).startswith(f"{name}={value!r}")

    @pytest.mark.parametrize("name", ["CONSUMER_TYPO", "BIDDING_TYPO", "KAFKA_TYPO"])
    def test_an_unknown_name_with_a_prefix_of_ours_is_named(self, name: str) -> None:
        """A typing error does not pass for a default."""
        with pytest.raises(SettingsError, match=name):
            load_settings({name: "1"})

    def test_the_other_services_names_are_let_be(self) -> None:
        """One environment can hold the settings of both services."""
        assert load_settings({"INGEST_PORT": "1"}).health_port == 8081

    @pytest.mark.parametrize(
        "name", ["CONSUMER_MAX_POLL_INTERVAL_MS", "CONSUMER_LIVENESS_TIMEOUT_MS"]
    )
    def test_limits_shorter_than_a_round_of_the_loop_are_refused(self, name: str) -> None:
        """Waiting for Kafka as long as the settings allow must not count as being stuck."""
        longest = load_settings({}).longest_round_ms
        with pytest.raises(SettingsError, match=f"{name}={longest}: must be more than {longest}"):
            load_settings({name: str(longest)})
        assert load_settings({name: str(longest + 1)})

    def test_transactions_need_a_name_that_outlives_a_restart(self) -> None:
        """The defaults allow for the longer round, and at least once is the default."""
        assert not load_settings({}).exactly_once
        wanted = {"PROCESSING_GUARANTEE": "exactly_once"}
        with pytest.raises(SettingsError, match=r"^CONSUMER_GROUP_INSTANCE_ID: is required"):
            load_settings(wanted)
        settings = load_settings({**wanted, "CONSUMER_GROUP_INSTANCE_ID": "pod-1"})
        assert settings.exactly_once
        assert settings.longest_round_ms == load_settings({}).longest_round_ms + 5_000

    @pytest.mark.parametrize(
        "row", [row for row in table(ConsumerSettings) if isinstance(row.parse, fields.Number)]
    )
    def test_a_number_that_nothing_takes_is_refused(self, row: Setting) -> None:
        """What the system, Kafka or a clock cannot hold is a line at the start."""
        for number in ("9" * 12, "inf") if isinstance(row.parse, fields.Integer) else ("inf",):
            with pytest.raises(SettingsError, match=f"^{row.name}="):
                load_settings({row.name: number})

    def test_every_row_is_documented(self) -> None:
        """docs/configuration.md is generated from these rows."""
        assert all(row.doc.endswith(".") for row in table(ConsumerSettings))
