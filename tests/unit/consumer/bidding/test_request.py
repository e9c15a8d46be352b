"""What is a bid request, and what strategies see of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumer.bidding.request import BidRequest, Impression, parse
from consumer.errors import InvalidMessage, Reason, Stage

pytestmark = pytest.mark.promise("decides")

NOT_JSON = (
    None,
    b"",
    b"{",
    b"\xff\xfe{\x00}\x00",
    b'\xef\xbb\xbf{"id":"bom"}',
    b'{"id":"r-1","x":NaN}',
    b'{"id":"r-1"} {"id":"r-2"}',
    b'{"id":"\xc3("}',
    b'{"id":"r-1","x":"\xc3("}',
    b'{"id":"r-1","\xed\xa0\x80":1}',
    b"[" * 200_000,
    b'{"id":"r-1","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
)
NOT_AN_OBJECT = (b"[]", b'"r-1"', b"1", b"null", b"true")
NO_NUMBERS: tuple[object, ...] = ("1", True, [], {}, 10**400)
NO_ID = (b"{}", b'{"id":""}', b'{"id":1}', b'{"id":null}', rb'{"id":"a\ud800"}')


class TestParse:
    """parse() reads what is a bid request and names what is not."""

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            *((value, Reason.NOT_JSON) for value in NOT_JSON),
            *((value, Reason.NOT_AN_OBJECT) for value in NOT_AN_OBJECT),
            *((value, Reason.NO_ID) for value in NO_ID),
        ],
        ids=lambda value: repr(value)[:24],
    )
    def test_what_is_no_bid_request_says_why(self, value: bytes | None, reason: Reason) -> None:
        """No other encoding, extension of JSON or root passes, and no id that no encoder takes."""
        with pytest.raises(InvalidMessage) as raised:
            parse(value)
        assert (raised.value.reason, raised.value.stage) == (reason, Stage.DECODE)

    @pytest.mark.parametrize("inner", [rb'"\ud800"', b"1e400", b"9" * 400, b"-0", rb'"\/"'])
    def test_what_is_json_is_read_as_the_json_module_reads_it(self, inner: bytes) -> None:
        """Where the fast reader refuses what is JSON, or has no number for it, the other reads."""
        value = b'{"x":0,"id":"r-1","x":%s}' % inner
        assert parse(value).body == json.loads(value)

    def test_what_is_json_and_cannot_be_read_is_found_out_where_it_is_read(self) -> None:
        """An integer of more digits than Python takes harms no strategy that does not look."""
        request = parse(b'{"id":"r-1","x":' + b"9" * 5_000 + b"}")
        with pytest.raises(InvalidMessage) as raised:
            dict(request.body)
        assert raised.value.reason is Reason.NOT_JSON

    @pytest.mark.parametrize(
        ("value", "bid_id"),
        [
            (b'{"id":1,"id":"r-2"}', "r-2"),
            (b'{"id":"r-1","id":"r-2"}', "r-2"),
            (rb'{"id":"\ud83d\ude00"}', "\U0001f600"),
        ],
    )
    def test_the_last_id_counts(self, value: bytes, bid_id: str) -> None:
        """As for every reader that keeps the last; both halves of a pair make one character."""
        assert parse(value).id == bid_id


def request(**fields: Any) -> BidRequest:  # noqa: ANN401  any JSON at all
    """Parse a request with these fields."""
    return parse(json.dumps({"id": "r-1", **fields}).encode())


class TestView:
    """The view of a request is typed, whatever its body holds."""

    @pytest.mark.parametrize(
        ("imp", "expected"),
        [
            ({}, (0.0, "USD", False)),  # the defaults are those of OpenRTB
            ({"bidfloor": 2, "bidfloorcur": "EUR"}, (2.0, "EUR", False)),
            ({"bidfloorcur": 9}, (0.0, "USD", False)),
            ({"pmp": {"private_auction": 1}}, (0.0, "USD", True)),
            ({"pmp": {"private_auction": 0}}, (0.0, "USD", False)),
            *(({"bidfloor": other}, (None, "USD", False)) for other in NO_NUMBERS),
        ],
    )
    def test_an_impression_has_a_floor_a_currency_and_may_be_for_deals_alone(
        self, imp: dict[str, Any], expected: tuple[float | None, str, bool]
    ) -> None:
        """What is of another type is the default; a floor that is no number is unknown."""
        floor, currency, deals_only = expected
        found = Impression("1", floor, currency, deals_only=deals_only)
        assert request(imp=[{"id": "1", **imp}]).impressions == (found,)

    @pytest.mark.parametrize("imp", [None, 1, "1", [], {}, {"id": 1}])
    def test_what_cannot_be_bid_on_is_left_out(self, imp: object) -> None:
        """An impression without an id has nothing that a bid could refer to."""
        assert request(imp=[imp, {"id": "2"}]).impressions[0].id == "2"
        assert imp == [] or request(imp=imp).impressions == ()

    @pytest.mark.parametrize(
        ("cur", "currencies"), [(None, ()), ("USD", ()), ([], ()), (["EUR", 1], ("EUR",))]
    )
    def test_currencies_are_those_listed(self, cur: object, currencies: tuple[str, ...]) -> None:
        """Strings of the list count; anything else says nothing."""
        assert request(cur=cur).currencies == currencies
