"""What counts as a bid request, and what strategies see of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumer.bidding.request import Impression, parse
from consumer.errors import InvalidMessage, Reason, Stage


class TestParse:
    """parse() reads what is a bid request and names what is not."""

    def test_a_request_keeps_its_id_and_body(self) -> None:
        """The id and the whole body reach the strategy."""
        request = parse(b'{"id":"r-1","site":{"id":"s"}}')
        assert (request.id, request.body["site"]) == ("r-1", {"id": "s"})

    @pytest.mark.parametrize(
        "value",
        [
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
        ],
        ids=lambda value: repr(value)[:24],
    )
    def test_what_is_no_json_text_in_utf_8_is_not_json(self, value: bytes | None) -> None:
        """Neither an empty value, nor other encodings, nor Python's extensions of JSON pass."""
        with pytest.raises(InvalidMessage) as raised:
            parse(value)
        assert (raised.value.reason, raised.value.stage) == (Reason.NOT_JSON, Stage.DECODE)

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

    @pytest.mark.parametrize("value", [b"[]", b'"r-1"', b"1", b"null", b"true"])
    def test_json_that_is_no_object_says_so(self, value: bytes) -> None:
        """Any other root is refused with the reason not-an-object."""
        with pytest.raises(InvalidMessage) as raised:
            parse(value)
        assert raised.value.reason is Reason.NOT_AN_OBJECT

    @pytest.mark.parametrize(
        "value", [b"{}", b'{"id":""}', b'{"id":1}', b'{"id":null}', rb'{"id":"a\ud800"}']
    )
    def test_an_object_without_a_usable_id_says_so(self, value: bytes) -> None:
        """A missing, empty or non-string id is refused, as is one that no encoder takes."""
        with pytest.raises(InvalidMessage) as raised:
            parse(value)
        assert raised.value.reason is Reason.NO_ID

    def test_of_two_ids_the_last_one_counts(self) -> None:
        """Whatever the first one is, as for every reader that keeps the last."""
        assert parse(b'{"id":1,"id":"r-2"}').id == "r-2"
        assert parse(b'{"id":"r-1","id":"r-2"}').id == "r-2"

    def test_an_escaped_surrogate_pair_is_a_usable_id(self) -> None:
        """Both halves of a pair make one character."""
        assert parse(rb'{"id":"\ud83d\ude00"}').id == "\U0001f600"


def impressions(*imps: Any) -> tuple[Impression, ...]:  # noqa: ANN401  any JSON at all
    """Parse a request with these impressions."""
    return parse(json.dumps({"id": "r-1", "imp": list(imps)}).encode()).impressions


class TestView:
    """The view of a request is typed, whatever its body holds."""

    def test_defaults_are_those_of_openrtb(self) -> None:
        """Without a floor the floor is 0, in USD, and open to all."""
        assert impressions({"id": "1"}) == (Impression("1", 0.0, "USD", deals_only=False),)

    @pytest.mark.parametrize("imp", [None, 1, "1", [], {}, {"id": 1}])
    def test_what_cannot_be_bid_on_is_left_out(self, imp: object) -> None:
        """An impression without an id has nothing that a bid could refer to."""
        assert impressions(imp, {"id": "2"})[0].id == "2"

    @pytest.mark.parametrize("imp", [None, {}, "x", 5])
    def test_impressions_that_are_no_list_are_none(self, imp: object) -> None:
        """Any other type counts as no impression."""
        assert parse(json.dumps({"id": "r", "imp": imp}).encode()).impressions == ()

    @pytest.mark.parametrize("floor", ["1", True, [], {}, 10**400])
    def test_a_floor_that_is_no_number_is_unknown(self, floor: object) -> None:
        """Strings, booleans and numbers past all floats give no floor."""
        assert impressions({"id": "1", "bidfloor": floor})[0].floor is None

    def test_a_floor_has_a_currency(self) -> None:
        """Floor and currency are taken over; a currency of another type is the default."""
        euro, dollar = impressions(
            {"id": "1", "bidfloor": 2, "bidfloorcur": "EUR"}, {"id": "2", "bidfloorcur": 9}
        )
        assert (euro.floor, euro.floor_currency, dollar.floor_currency) == (2.0, "EUR", "USD")

    def test_a_private_auction_is_for_deals_alone(self) -> None:
        """pmp.private_auction 1 restricts the impression to deals, 0 does not."""
        private, public = impressions(
            {"id": "1", "pmp": {"private_auction": 1}}, {"id": "2", "pmp": {"private_auction": 0}}
        )
        assert (private.deals_only, public.deals_only) == (True, False)

    @pytest.mark.parametrize(
        ("cur", "currencies"), [(None, ()), ("USD", ()), ([], ()), (["EUR", 1], ("EUR",))]
    )
    def test_currencies_are_those_listed(self, cur: object, currencies: tuple[str, ...]) -> None:
        """Strings of the list count; anything else says nothing."""
        assert parse(json.dumps({"id": "r", "cur": cur}).encode()).currencies == currencies
