"""How violations are reported: where, in which order, how many, in which words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from app.schema.fields import VIOLATIONS_PER_ARRAY
from app.validation.explain import violations
from tests.unit.app.openrtb.full_request import findings, full, with_value


class ReadCounter(list[object]):
    """A list that counts how many of its elements have been read."""

    read = 0

    def __iter__(self) -> Iterator[object]:
        """Yield the elements, counting."""
        for each in super().__iter__():
            self.read += 1
            yield each


class TestOrder:
    """The order of the list."""

    def test_order_of_the_document(self) -> None:
        """Violations come in the order in which their places stand in the document."""
        document = {
            "tmax": "1",
            "device": {"w": "1", "ua": 1},
            "imp": [{"banner": {"h": "1", "w": "1"}, "id": 1}, {"id": "2", "video": {"mimes": 1}}],
            "at": "1",
            "id": 1,
        }
        assert [path for path, _ in findings(document)] == [
            "tmax",
            "device.w",
            "device.ua",
            "imp[0].banner.h",
            "imp[0].banner.w",
            "imp[0].id",
            "imp[1].video.mimes",
            "at",
            "id",
        ]

    def test_missing_comes_first(self) -> None:
        """What is wrong with an object as a whole, or missing in it, precedes what is within."""
        document = {"imp": [{"secure": 2}], "at": "1"}
        assert findings(document) == [
            ("id", "required"),
            ("imp[0]", "media-type"),
            ("imp[0].id", "required"),
            ("imp[0].secure", "one-of"),
            ("at", "type"),
        ]

    def test_two_on_one_place(self) -> None:
        """A relation that is broken at an object that is wrong inside is reported before that."""
        document = {**full(), "app": {"name": 1}}
        assert findings(document) == [("app", "exclusive"), ("app.name", "type")]


class TestWords:
    """The sentences."""

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            ("id", None, "is required (OpenRTB 2.6 section 3.2.1)"),
            ("imp[0].video.mimes", [], "must not be empty (OpenRTB 2.6 section 3.2.7)"),
            ("imp[0].video.mimes", [1], "must be a string (OpenRTB 2.6 section 3.2.7)"),
            (
                "imp[0]",
                {"id": "1"},
                (
                    "must have at least one of banner, video, audio and native"
                    " (OpenRTB 2.6 section 3.2.4)"
                ),
            ),
            ("imp[0]", 1, "must be an object (OpenRTB 2.6 section 3.2.1)"),
            ("imp[0].secure", 2, "must be 0 or 1 (OpenRTB 2.6 section 3.2.4)"),
            ("device.geo.lat", 91, "must be between -90 and 90 (OpenRTB 2.6 section 3.2.19)"),
            (
                "app",
                {},
                (
                    "must not stand next to site: at most one of site, app and dooh"
                    " (OpenRTB 2.6 section 3.2.1)"
                ),
            ),
            (
                "imp[0].qty.vendor",
                None,
                "is required where sourcetype is 1 (OpenRTB 2.6 section 3.2.31)",
            ),
        ],
    )
    def test_message(self, path: str, value: object, message: str) -> None:
        """A message continues its path and names the section of the spec that has the rule."""
        document = full() | {path: value} if path == "app" else with_value(path, value)
        assert [found.message for found in violations(document)] == [message]


class TestBounds:
    """How much work a hostile request can make."""

    @pytest.mark.parametrize("imp", [{}, None, {"id": "1", "banner": {"format": [1]}}])
    def test_bad_impressions(self, imp: object) -> None:
        """Of 20,000 bad impressions only the first few are read, and at most 20 reported."""
        imps = ReadCounter([imp] * 20_000)
        found = violations({"id": "1", "imp": imps})
        assert len([each for each in found if each.rule != "unique"]) == VIOLATIONS_PER_ARRAY
        # once for the types, up to the last reported problem; once for the repeated ids
        assert imps.read <= VIOLATIONS_PER_ARRAY + len(imps)

    def test_repeated_ids(self) -> None:
        """Of 20,000 repeated ids at most 20 are reported."""
        imps = [{"id": "1", "banner": {}}] * 20_000
        assert findings({"id": "1", "imp": imps}) == [
            (f"imp[{index}].id", "unique") for index in range(1, VIOLATIONS_PER_ARRAY + 1)
        ]

    def test_elements(self) -> None:
        """Of 100,000 bad elements of a plain array at most 20 are reported, the first ones."""
        assert findings(with_value("bcat", [None] * 100_000)) == [
            (f"bcat[{index}]", "type") for index in range(VIOLATIONS_PER_ARRAY)
        ]


class TestAnyDocument:
    """What is not a bid request at all."""

    @pytest.mark.parametrize("document", [[], "text", 1, None, True])
    def test_no_object(self, document: object) -> None:
        """A root that is not an object is refused like any other value of a wrong type."""
        assert [
            (found.path, found.rule) for found in violations(cast("Mapping[str, Any]", document))
        ] == [("", "type")]

    def test_empty_object(self) -> None:
        """An empty object misses an id and an impression."""
        assert findings({}) == [("id", "required"), ("imp", "required")]

    def test_threads(self) -> None:
        """Threads that validate at the same time get each its own answer."""
        documents = [with_value("tmax", value) for value in (1, "1", -1, None)] * 25
        alone = [findings(document) for document in documents]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(findings, documents)) == alone
