"""Parsing: what two JSON readers might read differently is refused."""

from __future__ import annotations

import pytest

from app.problems import MalformedBody
from app.validation.strict_json import MAX_DEPTH, parse


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
        (b'{"n":NaN}', "out of range"),
        (b'{"n":Infinity}', "out of range"),
        (b'{"n":-Infinity}', "out of range"),
        (b'{"n":1e999}', "out of range"),
        (b'{"n":-1e999}', "out of range"),
        (b'{"n":' + b"9" * 100_000 + b"}", "out of range"),
        (b'\xef\xbb\xbf{"id":"1"}', "is not JSON"),
        ('{"id":"1"}'.encode("utf-16"), "UTF-8"),
        ('{"id":"1"}'.encode("utf-16-le"), "is not JSON"),
        ('{"id":"1"}'.encode("utf-32"), "UTF-8"),
        (b'{"id":"\xff"}', "UTF-8"),
        (b'{"id":"\xc0\xaf"}', "UTF-8"),
        (b'{"id":"\xed\xa0\x80"}', "UTF-8"),
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
