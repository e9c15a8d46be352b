"""Soft rules, as data: what breaks one is accepted, counted and marked on its record."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.schema.relations import join_names

Test = Callable[[Any], object]


@dataclass(frozen=True)
class Recommended:
    """One of the members should be there."""

    names: tuple[str, ...]
    rule: str

    @property
    def message(self) -> str:
        """The sentence that continues the path."""
        return f"should have one of {join_names(self.names)}"


@dataclass(frozen=True)
class Shape:
    """The member, if present, should pass the test; of an array, each element should.

    `test` takes a value of the member's type and never raises; what it returns is true or false.
    `good` and `bad` are examples of values that pass and that do not.
    """

    name: str
    rule: str
    message: str
    test: Test
    good: str | int
    bad: str | int


@dataclass(frozen=True)
class SizedBanner:
    """A banner that is not an interstitial should say its size: formats, or width and height."""

    rule: str = "banner-size"
    message: str = "should have format, or w and h, in a banner that is not an interstitial"


Recommendation = Recommended | Shape | SizedBanner


def is_ipv4(text: str) -> bool:
    """Say whether `text` is an IPv4 address in dotted decimals."""
    try:
        socket.inet_pton(socket.AF_INET, text)
    except _NO_ADDRESS:
        return False
    return True


def is_ipv6(text: str) -> bool:
    """Say whether `text` is an IPv6 address (RFC 4291)."""
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except _NO_ADDRESS:
        return False
    return True


def is_auction_type(number: float) -> bool:
    """Say whether a request's `at` is first price, second price plus, or the exchange's own."""
    return number in {1, 2} or number >= _OWN_AUCTION_TYPES


# inet_pton raises ValueError for a null character and for half of a surrogate pair
_NO_ADDRESS = (OSError, ValueError)
_OWN_AUCTION_TYPES = 500
THREE_CAPITALS = re.compile("[A-Z]{3}").fullmatch
