"""The settings of strategies: which one decides, and those of the shipped ones."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import fields, validate

from common.settings import setting

_POSITIVE = validate.Range(min=0, min_inclusive=False)


@dataclass(frozen=True)
class FixedPriceSettings:
    """The settings of `fixed_price`."""

    price: float = setting(
        "BIDDING_PRICE",
        fields.Float(validate=_POSITIVE),
        doc="CPM that `fixed_price` offers.",
        default="1.0",
    )


@dataclass(frozen=True)
class FloorPlusSettings:
    """The settings of `floor_plus`."""

    margin: float = setting(
        "BIDDING_MARGIN",
        fields.Float(validate=_POSITIVE),
        doc="CPM that `floor_plus` offers over the floor.",
        default="0.1",
    )
    most: float = setting(
        "BIDDING_MOST",
        fields.Float(validate=_POSITIVE),
        doc="Most CPM that `floor_plus` offers; dearer impressions are left out.",
        default="20.0",
    )
    budget: float = setting(
        "BIDDING_BUDGET",
        fields.Float(validate=_POSITIVE),
        doc="What the bids of `floor_plus` may cost in one period, as if all of them won, in each "
        "process.",
        default="100.0",
    )
    period_s: int = setting(
        "BIDDING_BUDGET_PERIOD_S",
        fields.Integer(validate=validate.Range(1, 31_536_000)),
        doc="Seconds that `BIDDING_BUDGET` is spread over; 86400 is a day from midnight UTC on.",
        default="86400",
    )


@dataclass(frozen=True)
class BiddingSettings:
    """The choice, what several strategies share, and the rest by strategy."""

    fixed_price: FixedPriceSettings
    floor_plus: FloorPlusSettings
    strategy: str = setting(
        "BIDDING_STRATEGY",
        fields.String(validate=validate.Length(min=1)),
        doc="`no_bid` declines everything; `fixed_price` offers `BIDDING_PRICE` wherever the "
        "floor allows it; `floor_plus` offers `BIDDING_MARGIN` over each floor, within a budget "
        "that it spreads over time; or one of your own: an entry point of `rtb.strategies` or "
        "`package.module:Class` (docs/strategies.md).",
        default="no_bid",
    )
    currency: str = setting(
        "BIDDING_CURRENCY",
        fields.String(validate=validate.Regexp(r"^[A-Z]{3}\Z", error="Not an ISO-4217 code.")),
        doc="Currency of prices, margins and budgets, ISO-4217.",
        default="USD",
    )
    creative_id: str = setting(
        "BIDDING_CREATIVE_ID",
        fields.String(validate=validate.Length(min=1, max=255)),
        doc="Creative that bids refer to (`crid`).",
        default="house-ad",
    )
