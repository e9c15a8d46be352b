"""What may and must stand next to what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.app.openrtb.full_request import findings, full, with_value, without

pytestmark = pytest.mark.promise("valid")

KEYWORDS: dict[str, object] = {"keywords": "a", "kwarray": ["a"]}
LANGUAGES: dict[str, object] = {"language": "en", "langb": "en-GB"}
# The object, its members that exclude each other, in the order in which they are declared.
EXCLUSIVE: list[tuple[str, dict[str, object]]] = [
    ("", {"wseat": ["a"], "bseat": ["b"]}),
    ("", {"wlang": ["en"], "wlangb": ["en-GB"]}),
    ("", {"acat": ["IAB1"], "bcat": ["IAB2"]}),
    *((at, LANGUAGES) for at in ("device", "site.content")),
    *((at, KEYWORDS) for at in ("site", "app", "user", "site.content")),
    ("imp[0].video", {"rqddurs": [15], "minduration": 5}),
    ("imp[0].video", {"rqddurs": [15], "maxduration": 5}),
    ("imp[0].audio", {"rqddurs": [15], "minduration": 0}),
    ("imp[0].audio", {"rqddurs": [15], "maxduration": 5}),
]
MEDIA = ("banner", "video", "audio", "native")
IMPS: list[Any] = [{"id": name, "banner": {}} for name in ("a", "b", "a", "a", "b")]
MEASURED = {"multiplier": 1, "sourcetype": 1}
# What is put where, and where which rule is broken then.
OTHERS: list[tuple[str, object, list[tuple[str, str]]]] = [
    *(("imp", [{"id": "1", name: full()["imp"][0][name]}], []) for name in MEDIA),
    ("imp", [{"id": "1"}], [("imp[0]", "media-type")]),
    ("imp", [{"id": "1", "banner": None}], [("imp[0]", "media-type")]),
    ("imp", IMPS, [(f"imp[{index}].id", "unique") for index in (2, 3, 4)]),
    # a wrong type is that, and no repetition too
    ("imp", [{"id": 1, "banner": {}}] * 2, [("imp[0].id", "type"), ("imp[1].id", "type")]),
    ("imp[0].qty", MEASURED, [("imp[0].qty.vendor", "required")]),
    ("imp[0].qty", {**MEASURED, "sourcetype": 1.0}, [("imp[0].qty.vendor", "required")]),
    *(("imp[0].qty", {**MEASURED, "sourcetype": other}, []) for other in (None, 0, 2, 501)),
    ("imp[0].qty", {**MEASURED, "sourcetype": True}, [("imp[0].qty.sourcetype", "type")]),
]


def _with_members(at: str, members: dict[str, object]) -> dict[str, Any]:
    if not at:
        return {**full(), **members}
    base: dict[str, Any] = {"mimes": ["x/y"]} if at.startswith("imp") else {}
    return with_value(at, {**base, **members})


@pytest.mark.parametrize(("at", "members"), EXCLUSIVE)
def test_what_excludes_each_other(at: str, members: dict[str, object]) -> None:
    """Both are refused, at the second one; each is fine alone, or next to a null."""
    second = f"{at}.{list(members)[1]}".lstrip(".")
    assert findings(_with_members(at, members)) == [(second, "exclusive")]
    for name, value in members.items():
        nulls = dict.fromkeys(members)
        assert findings(_with_members(at, {name: value})) == []
        assert findings(_with_members(at, {**nulls, name: value})) == []


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (["site", "app"], "app"),
        (["app", "dooh"], "dooh"),
        (["site", "dooh"], "dooh"),
        (["site", "app", "dooh"], "app"),
    ],
)
def test_contexts(names: list[str], refused: str) -> None:
    """An impression is on a site, in an app or on a screen out of home, empty ones included."""
    document = without("site") | {name: {} for name in names}
    assert findings(document) == [(refused, "exclusive")]


def test_an_empty_array_is_absent() -> None:
    """It says nothing, so that it excludes nothing."""
    assert findings({**full(), "wseat": ["a"], "bseat": []}) == []


def test_exact_durations_exclude_both_bounds() -> None:
    """Each bound that stands next to exact durations is reported."""
    members: dict[str, object] = {"rqddurs": [15], "minduration": 5, "maxduration": 30}
    bounds = [f"imp[0].video.{name}" for name in ("minduration", "maxduration")]
    found = findings(_with_members("imp[0].video", members))
    assert found == [(path, "exclusive") for path in bounds]


@pytest.mark.parametrize(("path", "value", "found"), OTHERS)
def test_other_relations(path: str, value: object, found: list[tuple[str, str]]) -> None:
    """An impression has a media type and an id of its own; what a vendor measured names it."""
    assert findings(with_value(path, value)) == found
