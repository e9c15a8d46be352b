"""How violations are reported: where, in which order, how many, in which words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from app.schema.fields import VIOLATIONS_PER_ARRAY
from app.validation.explain import violations
from tests.unit.app.openrtb.full_request import findings, full, with_value

pytestmark = pytest.mark.promise("valid")

ANY_ORDER = {
    "tmax": "1",
    "device": {"w": "1", "ua": 1},
    "imp": [{"banner": {"h": "1", "w": "1"}, "id": 1}, {"id": "2", "video": {"mimes": 1}}],
    "at": "1",
    "id": 1,
}
NO_OBJECTS: list[Any] = [[], "text", 1, None, True]
REPORTS: list[tuple[Any, list[tuple[str, str]]]] = [
    # in the order in which their places stand in the document
    (
        ANY_ORDER,
        [
            *((path, "type") for path in ("tmax", "device.w", "device.ua")),
            *((path, "type") for path in ("imp[0].banner.h", "imp[0].banner.w", "imp[0].id")),
            *((path, "type") for path in ("imp[1].video.mimes", "at", "id")),
        ],
    ),
    # what is wrong with an object as a whole, or missing in it, precedes what is within
    (
        {"imp": [{"secure": 2}], "at": "1"},
        [
            ("id", "required"),
            ("imp[0]", "media-type"),
            ("imp[0].id", "required"),
            ("imp[0].secure", "one-of"),
            ("at", "type"),
        ],
    ),
    ({**full(), "app": {"name": 1}}, [("app", "exclusive"), ("app.name", "type")]),
    ({}, [("id", "required"), ("imp", "required")]),
    *((no_object, [("", "type")]) for no_object in NO_OBJECTS),
]
WORDS: list[tuple[str, object, str, str]] = [
    ("id", None, "is required", "3.2.1"),
    ("imp[0].video.mimes", [], "must not be empty", "3.2.7"),
    ("imp[0].video.mimes", [1], "must be a string", "3.2.7"),
    ("imp[0]", {"id": "1"}, "must have at least one of banner, video, audio and native", "3.2.4"),
    ("imp[0]", 1, "must be an object", "3.2.1"),
    ("imp[0].secure", 2, "must be 0 or 1", "3.2.4"),
    ("device.geo.lat", 91, "must be between -90 and 90", "3.2.19"),
    ("app", {}, "must not stand next to site: at most one of site, app and dooh", "3.2.1"),
    ("imp[0].qty.vendor", None, "is required where sourcetype is 1", "3.2.31"),
]


@pytest.mark.parametrize(("document", "found"), REPORTS)
def test_order(document: Any, found: list[tuple[str, str]]) -> None:  # noqa: ANN401  any JSON
    """The list has the order of the document, the outer before the inner; no object is a type."""
    assert findings(cast("dict[str, Any]", document)) == found


@pytest.mark.parametrize(("path", "value", "message", "section"), WORDS)
def test_message(path: str, value: object, message: str, section: str) -> None:
    """A message continues its path and names the section of the spec that has the rule."""
    document = full() | {path: value} if path == "app" else with_value(path, value)
    (found,) = violations(document)
    assert found.message == f"{message} (OpenRTB 2.6 section {section})"


class ReadCounter(list[object]):
    """A list that counts how many of its elements have been read."""

    read = 0

    def __iter__(self) -> Iterator[object]:
        """Yield the elements, counting."""
        for each in super().__iter__():
            self.read += 1
            yield each


@pytest.mark.promise("bounded")
@pytest.mark.parametrize("imp", [{}, None, {"id": "1", "banner": {"format": [1]}}])
def test_of_many_bad_impressions_the_first_few_are_read(imp: object) -> None:
    """At most 20 are reported, however many a hostile request has."""
    imps = ReadCounter([imp] * 20_000)
    found = violations(cast("Mapping[str, object]", {"id": "1", "imp": imps}))
    assert len([each for each in found if each.rule != "unique"]) == VIOLATIONS_PER_ARRAY
    # once for the types, up to the last reported problem; once for the repeated ids
    assert imps.read <= VIOLATIONS_PER_ARRAY + len(imps)


@pytest.mark.promise("bounded")
def test_of_many_bad_elements_the_first_few_are_reported() -> None:
    """The same holds of repeated ids and of plain arrays."""
    imps = [{"id": "1", "banner": {}}] * 5_000
    repeated = [(f"imp[{index}].id", "unique") for index in range(1, VIOLATIONS_PER_ARRAY + 1)]
    assert findings({"id": "1", "imp": imps}) == repeated
    nulls = [(f"bcat[{index}]", "type") for index in range(VIOLATIONS_PER_ARRAY)]
    assert findings(with_value("bcat", [None] * 100_000)) == nulls
