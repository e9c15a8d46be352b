"""Soft rules: what breaks one is accepted, and said to."""

from __future__ import annotations

from typing import Any

import pytest

from app.openrtb import bid_request
from app.schema.recommendations import is_ipv4, is_ipv6
from app.validation.compiled_check import Compiled

pytestmark = pytest.mark.promise("valid")

COMPILED = Compiled(bid_request())
IMP: dict[str, Any] = {"id": "1", "native": {"request": "{}"}}
SIZED = {"w": 300, "h": 250}

# the rule, what is put into a request that breaks none, and whether the rule is then broken
CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("no-context", {"site": None}, True),
    ("no-context", {"site": {}}, False),
    ("no-context", {"site": None, "app": {}}, False),
    ("no-context", {"site": None, "dooh": {}}, False),
    ("auction-type", {"at": 3}, True),
    ("auction-type", {"at": 0}, True),
    ("auction-type", {"at": 1.0}, False),
    ("auction-type", {"at": 2}, False),
    ("auction-type", {"at": 500}, False),
    ("currency", {"cur": ["USD", "usd"]}, True),
    ("currency", {"cur": ["USD", "EUR"]}, False),
    ("currency", {"cur": []}, False),
    ("currency", {"imp": [{**IMP, "bidfloorcur": "Euro"}]}, True),
    ("currency", {"imp": [{**IMP, "bidfloorcur": "EUR"}]}, False),
    ("currency", {"imp": [{**IMP, "pmp": {"deals": [{"id": "1", "bidfloorcur": "€"}]}}]}, True),
    ("currency", {"imp": [{**IMP, "pmp": {"deals": [{"id": "1", "bidfloorcur": "EUR"}]}}]}, False),
    ("country", {"device": {"geo": {"country": "NL"}}}, True),
    ("country", {"device": {"geo": {"country": "NLD"}}}, False),
    ("country", {"user": {"geo": {"country": "Holland"}}}, True),
    ("ip-address", {"device": {"ip": "203.0.113.256"}}, True),
    ("ip-address", {"device": {"ip": "203.0.113.25"}}, False),
    ("ip-address", {"device": {"ipv6": "203.0.113.25"}}, True),
    ("ip-address", {"device": {"ipv6": "2001:db8::1"}}, False),
    ("banner-size", {"imp": [{"id": "1", "banner": {"w": 300}}]}, True),
    ("banner-size", {"imp": [{"id": "1", "banner": {}, "instl": 0}]}, True),
    ("banner-size", {"imp": [{"id": "1", "banner": {}, "instl": 1}]}, False),
    ("banner-size", {"imp": [{"id": "1", "banner": SIZED}]}, False),
    ("banner-size", {"imp": [{"id": "1", "banner": {"format": [SIZED]}}]}, False),
]


@pytest.mark.parametrize(("rule", "members", "broken"), CASES)
def test_rule(rule: str, members: dict[str, Any], broken: bool) -> None:  # noqa: FBT001  a table
    """Each soft rule is named for a request that breaks it, and for no other."""
    document = {"id": "1", "imp": [IMP], "site": {}, **members}
    assert set(COMPILED.check(document)) == ({rule} if broken else set())


def test_several() -> None:
    """Each rule is named once, however often it is broken."""
    imp = {**IMP, "bidfloorcur": ""}
    ignored = COMPILED.check({"id": "1", "imp": [imp, {**imp, "id": "2"}], "cur": [""]})
    assert sorted(ignored) == ["currency", "no-context"]


@pytest.mark.parametrize("text", ["", "1", "::", "\0", "\ud800", "1.2.3.4\0", "é", "9" * 10_000])
def test_any_text_as_address(text: str) -> None:
    """No text makes the tests of addresses raise."""
    assert not is_ipv4(text)
    assert is_ipv6(text) == (text == "::")
