"""Parsing: what two JSON readers might read differently is refused."""

from __future__ import annotations

import pytest

from app.problems import MalformedBody
from app.validation.strict_json import MAX_DEPTH, parse
from tests.support import strict_json
from tests.support.corpora import NotToBeHad, json_cases

pytestmark = pytest.mark.promise("valid")


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


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    """Return an object that holds arrays (or objects) down to `depth` levels in all."""
    return (
        b'{"a":' + opening * (depth - 1) + b"0" * (opening != b"[") + closing * (depth - 1) + b"}"
    )


@pytest.mark.parametrize(
    ("raw", "document"),
    [
        (b'{"id":"1"}', {"id": "1"}),
        (b' \r\n\t{"id" : "1"} ', {"id": "1"}),
        ('{"id":"é€😀"}'.encode(), {"id": "é€😀"}),
        (rb'{"id":"\ud83d\ude00\u0000"}', {"id": "😀\0"}),
        (b'{"n":[-0,1e308,0.1,9007199254740993]}', {"n": [0, 1e308, 0.1, 9007199254740993]}),
        (rb'{"a\u003ab":"\u003A:","c\\u003a":"\u003c\\"}', {"a:b": "::", "c\\u003a": "<\\"}),
        (b'{"n":18446744073709551616,"m":-1e-999}', {"n": 2**64, "m": 0.0}),
        (nested(MAX_DEPTH), None),
        (nested(MAX_DEPTH, b'["[","\\"[",', b"]"), None),
        (nested(MAX_DEPTH - 1, b'["\\\\",[],{},', b"]"), None),
        (b"{" + b",".join(b'"%d":[]' % i for i in range(100)) + b"}", None),
    ],
)
def test_json_objects_are_read(raw: bytes, document: object) -> None:
    """What RFC 8259 allows, up to the depth limit, is read as it stands."""
    assert parse(raw) == document if document else parse(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"{'id':1}", "is not JSON"),
        (b'{"id":"1"} x', "is not JSON"),
        (b'{"id":"1"}{"id":"2"}', "is not JSON"),
        (b'{"id":"a\nb"}', "is not JSON"),
        (b'{"n":01}', "is not JSON"),
        (b'{"n":1,}', "is not JSON"),
        (b'{"n":/**/1}', "is not JSON"),
        (b'{"n":1}\0', "is not JSON"),
        (b'{"n":NaN}', "out of range"),
        (b'{"n":Infinity}', "out of range"),
        (b'{"n":-Infinity}', "out of range"),
        (b'{"n":1e999}', "out of range"),
        (b'{"n":-1e999}', "out of range"),
        (b'{"n":' + b"9" * 100_000 + b"}", "out of range"),
        (b'\xef\xbb\xbf{"id":"1"}', "is not JSON"),
        ('{"id":"1"}'.encode("utf-16-le"), "is not JSON"),
        ('{"id":"1"}'.encode("utf-32"), "UTF-8"),
        (b'{"id":"\xff"}', "UTF-8"),
        (rb'{"id":"\ud800"}', "surrogate"),
        (rb'{"\udc00":"1"}', "surrogate"),
        (rb'{"ext":[{"x":"\ude00\ud83d"}]}', "surrogate"),
        (b'{"id":"1","id":"2"}', "twice"),
        (b'{"ext":{"a":1,"b":2,"a":1}}', "twice"),
        (b'{"ext":[[{"a":1},{"a" :1,"b":2,\n"a"\t: 1}]]}', "twice"),
        (rb'{"a":1,"\u0061":2}', "twice"),
        (rb'{"a":1,"a":"\u003a"}', "twice"),
        (rb'{"a":1,"b":"\u003a","a":"\u003A"}', "twice"),
        (rb'{"\u003a":1,":":2}', "twice"),
        (b'{"a":{"b":":"},"a":"::"}', "twice"),
        (b'{"":1,"":1}', "twice"),
        (b'[{"id":"1"}]', "not a JSON object"),
        (b'"id"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (nested(MAX_DEPTH + 1), "deeper"),
        (nested(MAX_DEPTH + 1, b'{"a":', b"}"), "deeper"),
        (nested(100_000), "deeper"),
        (nested(MAX_DEPTH + 1, b'["]","\\"]",', b"]"), "deeper"),
        (nested(MAX_DEPTH + 1, b'{"}":"\\\\","":', b"}"), "deeper"),
        (b"[" * 100_000, "deeper"),
    ],
)
def test_anything_else_is_refused_with_the_reason(raw: bytes, why: str) -> None:
    """Each trap is a 400 that names it."""
    with pytest.raises(MalformedBody, match=why):
        parse(raw)


def test_a_refusal_does_not_repeat_the_body() -> None:
    """What a client sent does not come back in the explanation."""
    with pytest.raises(MalformedBody) as refused:
        parse(b'{"id":"s3cret')
    assert "s3cret" not in refused.value.detail


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
