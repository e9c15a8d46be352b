"""The strategy that BIDDING_STRATEGY names: one of ours, or one of somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.settings import SettingsError
from consumer.bidding.strategies.fixed_price import FixedPrice
from consumer.bidding.strategies.floor_plus import FloorPlus, PacedBudget
from consumer.bidding.strategies.no_bid import NoBidStrategy
from consumer.bidding.strategy import Strategy
from consumer.plugins import NoSuchPluginError, load_plugin
from consumer.runtime import Clock
from consumer.settings.bidding import BiddingSettings

ENTRY_POINTS = "rtb.strategies"
SHIPPED: Mapping[str, Callable[[BiddingSettings, Clock], Strategy]] = {
    "no_bid": lambda _settings, _clock: NoBidStrategy(),
    "fixed_price": lambda settings, _clock: FixedPrice(
        settings.fixed_price.price, settings.currency, settings.creative_id
    ),
    "floor_plus": lambda settings, clock: FloorPlus(
        settings.floor_plus.margin,
        settings.floor_plus.most,
        settings.currency,
        settings.creative_id,
        PacedBudget(settings.floor_plus.budget, settings.floor_plus.period_s, clock.wall),
    ),
}


def load_strategy(settings: BiddingSettings, environ: Mapping[str, str], clock: Clock) -> Strategy:
    """Make the strategy that the settings name; raise SettingsError where that cannot be done.

    `environ` is for the settings of a strategy that is not ours.
    """
    if settings.strategy in SHIPPED:
        return SHIPPED[settings.strategy](settings, clock)
    try:
        strategy: Strategy = load_plugin(
            ENTRY_POINTS, settings.strategy, ("name", "decide"), environ
        )
    except NoSuchPluginError as error:
        raise SettingsError(f"BIDDING_STRATEGY={settings.strategy!r}: {error}") from error
    return strategy
