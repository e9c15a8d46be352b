"""The strategies that come with the service, by the name that BIDDING_STRATEGY takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consumer.settings import BiddingSettings
from consumer.strategies.fixed_price import FixedPrice
from consumer.strategies.no_bid import NoBidStrategy
from consumer.strategy import Strategy

STRATEGIES: Mapping[str, Callable[[BiddingSettings], Strategy]] = {
    "no_bid": lambda _settings: NoBidStrategy(),
    "fixed_price": lambda settings: FixedPrice(
        settings.price, settings.currency, settings.creative_id
    ),
}


def chosen(settings: BiddingSettings) -> Strategy:
    """Build the strategy that the settings name."""
    return STRATEGIES[settings.strategy](settings)
