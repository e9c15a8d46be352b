"""A bid request as strategies see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import msgspec

from consumer.errors import InvalidMessage, Reason, Stage


@dataclass(frozen=True)
class Impression:
    """One thing to bid on (OpenRTB 2.6 section 3.2.4); `floor` is CPM, None when not a number."""

    id: str
    floor: float | None
    floor_currency: str
    deals_only: bool


@dataclass(frozen=True)
class BidRequest:
    """A request whose `id` is a non-empty string; nothing else in `body` has been checked."""

    id: str
    value: bytes

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The whole request, read when it is first asked for: not every strategy does.

        Raise InvalidMessage for the little that is valid JSON and cannot be read, an integer of
        thousands of digits for instance.
        """
        try:
            return _FAST.decode(self.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _object(self.value)

    @property
    def impressions(self) -> tuple[Impression, ...]:
        """The impressions that carry an id, in the order given."""
        given = self.body.get("imp")
        return tuple(
            _impression(imp)
            for imp in (given if isinstance(given, list) else ())
            if isinstance(imp, dict) and isinstance(imp.get("id"), str)
        )

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies that the exchange takes bids in; empty: it did not say."""
        given = self.body.get("cur")
        listed = given if isinstance(given, list) else ()
        return tuple(cur for cur in listed if isinstance(cur, str))


def parse(value: bytes | None) -> BidRequest:
    """Read a record's value; raise InvalidMessage for one that is no bid request at all."""
    value = value or b""
    try:
        value.decode("utf-8")  # msgspec does not look at the text of what it passes over
        return BidRequest(_usable(_ID_ALONE.decode(value).id), value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # what msgspec is stricter with than JSON is, and what is wrong in the json module's words
        return BidRequest(_id(_object(value)), value)


class _IdAlone(msgspec.Struct):
    id: str


# both check the syntax of all there is; the first makes no objects of it but the id
_ID_ALONE = msgspec.json.Decoder(_IdAlone)
_FAST = msgspec.json.Decoder(dict[str, Any])


def _object(value: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(value.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"{type(error).__name__}: {error}"
        raise InvalidMessage(Reason.NOT_JSON, Stage.DECODE, message) from error
    if not isinstance(body, dict):
        message = f"expected an object, found {type(body).__name__}"
        raise InvalidMessage(Reason.NOT_AN_OBJECT, Stage.DECODE, message)
    return body


def _id(body: Mapping[str, Any]) -> str:
    given = body.get("id")
    if not isinstance(given, str) or not _is_unicode(given):
        given = ""
    return _usable(given)


def _usable(given: str) -> str:
    if not given:
        message = "expected a non-empty string of Unicode characters at id"
        raise InvalidMessage(Reason.NO_ID, Stage.DECODE, message)
    return given


def _is_unicode(text: str) -> bool:
    # JSON can escape half a surrogate pair, which no encoder takes afterwards
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _impression(imp: Mapping[str, Any]) -> Impression:
    floor = imp.get("bidfloor")
    currency = imp.get("bidfloorcur")
    return Impression(
        id=imp["id"],
        floor=0.0 if floor is None else _number(floor),
        floor_currency=currency if isinstance(currency, str) else "USD",
        deals_only=_wants_deals_only(imp.get("pmp")),
    )


def _number(given: object) -> float | None:
    # bool is an int to Python; an integer may be too large for a float
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        return float(given)
    except OverflowError:
        return None


def _wants_deals_only(pmp: object) -> bool:
    # section 3.2.11: private_auction 1 restricts bids to the deals specified
    return isinstance(pmp, dict) and pmp.get("private_auction") == 1
