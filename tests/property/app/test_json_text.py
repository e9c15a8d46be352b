"""Reading JSON text: the fast reader and a slow, plain one say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.problems import MalformedBody
from app.validation.strict_json import MAX_DEPTH, parse
from tests.property.openrtb.documents import ANY_JSON
from tests.support import strict_json

pytestmark = pytest.mark.promise("valid")

SPACES = st.sampled_from(["", "", "", " ", "\n", "\t\r "])
# few names, so that some come twice; written plainly or in escapes
NAMES = st.sampled_from(["a", "b", ":", '"', "\\", "\\u003a", "é", "😀", ""])
NUMBERS = st.sampled_from(
    ["0", "-0", "1.0", "1e3", "1e999", "-1E400", "9" * 400, "1.5e-999", "NaN", "-Infinity", "01"]
)
CHARACTERS = st.text(st.sampled_from('a:"\\{}[],\u003c\u00e9\U0001f600\ud83d\ude00\0'), max_size=4)


@st.composite
def strings(draw: st.DrawFn, texts: st.SearchStrategy[str] = CHARACTERS) -> str:
    """Write a string with any of its characters as escapes."""
    text = draw(texts)
    escaped = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    return '"{}"'.format("".join(_written(*each) for each in zip(text, escaped, strict=True)))


def _written(character: str, escape: bool) -> str:  # noqa: FBT001  one of a pair that is drawn
    if escape and character <= "\uffff":
        return f"\\u{ord(character):04x}"
    return json.dumps(character, ensure_ascii=character >= "\ud800")[1:-1]


def _joined(parts: list[str], around: str) -> Iterator[str]:
    yield around[0]
    yield ",".join(parts)
    yield around[1]


TEXTS: st.SearchStrategy[str] = st.recursive(
    strings() | NUMBERS | st.sampled_from(["null", "true", "nul", "1,"]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda each: "".join(_joined(each, "[]")))
        | st.lists(
            st.tuples(SPACES, strings(NAMES), SPACES, inner).map(
                lambda each: f"{each[0]}{each[1]}{each[2]}:{each[3]}"
            ),
            max_size=4,
        ).map(lambda each: "".join(_joined(each, "{}")))
    ),
    max_leaves=12,
)
DOCUMENTS: st.SearchStrategy[Any] = st.dictionaries(
    st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text() | ANY_JSON
)


def read(raw: bytes) -> Any:  # noqa: ANN401  whatever JSON holds
    """Return what the slow reader reads, or None where it refuses."""
    try:
        return strict_json.read(raw, MAX_DEPTH)
    except ValueError:
        return None


def assert_same(raw: bytes) -> None:
    """Compare both readers."""
    try:
        fast: object = parse(raw)
    except MalformedBody:
        fast = None
    assert repr(fast) == repr(read(raw))


@given(TEXTS | DOCUMENTS.map(json.dumps))
def test_text(text: str) -> None:
    """Whatever is twice, escaped, out of range or malformed, or none of it: both readers agree."""
    assert_same(text.encode("utf-8", "surrogatepass"))


@given(st.lists(TEXTS, max_size=3), NAMES)
def test_members(values: list[str], name: str) -> None:
    """The same holds of objects of such members, with one name for all of them or several."""
    members = [f"{json.dumps(name * (n % 2))}:{value}" for n, value in enumerate(values)]
    assert_same(("{{{}}}".format(",".join(members))).encode("utf-8", "surrogatepass"))


@given(st.integers(0, 70), st.sampled_from(["[]", "{}"]), TEXTS)
def test_depth(depth: int, kind: str, text: str) -> None:
    """Both readers count levels alike."""
    opening = "[" if kind == "[]" else '{"a":'
    raw = '{"a":' + opening * depth + text + kind[1] * depth + "}"
    assert_same(raw.encode("utf-8", "surrogatepass"))
