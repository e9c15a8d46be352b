"""JSONTestSuite at our reader of JSON, and cases of our own for what its package cannot hold."""

from __future__ import annotations

import pytest

from app.problems import MalformedBody
from app.validation.strict_json import MAX_DEPTH, parse
from tests.support import strict_json
from tests.support.corpora import NotToBeHad, json_cases

_REPLACED = "\ufffd"  # where the suite's own file has bytes that are no UTF-8
# Valid, and refused all the same: two readers might read different things.
STRICTER = {
    "y_object_duplicated_key.json": "a name stands twice in one object",
    "y_object_duplicated_key_and_value.json": "as above",
}
NOT_UTF_8 = {
    "a continuation byte alone": b'["\x81"]',
    "the first half of a letter": b'["\xe0\xff"]',
    "a letter cut off": b'["\xe2\x82"]',
    "two bytes for one": b'["\xc0\xaf"]',
    "six bytes for one": b'["\xfc\x83\xbf\xbf\xbf\xbf"]',
    "half a surrogate pair": b'["\xed\xa0\x80"]',
    "beyond Unicode": b'["\xf4\xbf\xbf\xbf"]',
    "Latin 1": b'["\xe9"]',
    "in an array": b"[a\xe5]",
    "after an element": b"[\xff]",
    "in an integer": b"[0\xe5]",
    "in a large integer": b"[123\xe5]",
    "in an exponent": b"[1e1\xe5]",
    "after an e": b"[0e\xe5]",
    "after an escape": b'["\\\xe5"]',
    "in an escape": b'["\\u\xe5"]',
    "in a name": b'{"\xb9":"0",}',
    "by itself": b"\xe5",
    "half a byte-order mark": b"\xef\xbb{}",
    "UTF-16": '["é"]'.encode("utf-16"),
    "UTF-16 without a mark, large end first": '["é"]'.encode("utf-16-be"),
    "UTF-16 without a mark, small end first": '["é"]'.encode("utf-16-le"),
}


@pytest.fixture(scope="module")
def suite() -> dict[str, bytes]:
    """Return each case that is text, by the name of its file, or say why there is none."""
    try:
        cases = {name: text.encode() for name, text in json_cases() if _REPLACED not in text}
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    assert len(cases) > 250
    return cases


def accepts(raw: bytes) -> bool:
    """Return whether it is read; whatever else comes of it is an error."""
    try:
        parse(raw)
    except MalformedBody:
        return False
    return True


def within(raw: bytes) -> bytes:
    """Return an object that holds it: nothing else is a bid request."""
    return b'{"a":' + raw + b"}"


def test_what_every_parser_must_accept_is_read(suite: dict[str, bytes]) -> None:
    """Each valid document is read, as a member of an object."""
    refused = {n for n, raw in suite.items() if n.startswith("y_") and not accepts(within(raw))}
    assert refused == STRICTER.keys()


def test_what_every_parser_must_refuse_is_refused(suite: dict[str, bytes]) -> None:
    """Each document that is not valid is refused, by itself and as a member."""
    invalid = {name: raw for name, raw in suite.items() if name.startswith("n_")}
    assert not [name for name, raw in invalid.items() if accepts(raw) or accepts(within(raw))]


def test_what_parsers_may_decide_is_decided_as_a_strict_one_does(suite: dict[str, bytes]) -> None:
    """Where the specification leaves a choice, nothing is read that another reads otherwise."""
    free = {name: within(raw) for name, raw in suite.items() if name.startswith("i_")}
    assert {name for name, raw in free.items() if accepts(raw)} == {
        name for name, raw in free.items() if _read_strictly(raw)
    }


@pytest.mark.parametrize("raw", NOT_UTF_8.values(), ids=NOT_UTF_8)
def test_bytes_that_are_no_utf_8_are_refused(raw: bytes) -> None:
    """Wherever they stand."""
    assert not accepts(raw)
    assert not accepts(within(raw))


def _read_strictly(raw: bytes) -> bool:
    try:
        strict_json.read(raw, MAX_DEPTH)
    except ValueError:
        return False
    return True
