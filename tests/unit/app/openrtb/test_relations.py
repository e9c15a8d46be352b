"""What may and must stand next to what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.app.openrtb.full_request import findings, full, with_value, without

# The object, its members that exclude each other, in the order in which they are declared.
EXCLUSIVE: list[tuple[str, dict[str, object]]] = [
    ("", {"wseat": ["a"], "bseat": ["b"]}),
    ("", {"wlang": ["en"], "wlangb": ["en-GB"]}),
    ("", {"acat": ["IAB1"], "bcat": ["IAB2"]}),
    ("device", {"language": "en", "langb": "en-GB"}),
    ("site", {"keywords": "a", "kwarray": ["a"]}),
    ("app", {"keywords": "a", "kwarray": ["a"]}),
    ("user", {"keywords": "a", "kwarray": ["a"]}),
    ("site.content", {"keywords": "a", "kwarray": ["a"]}),
    ("site.content", {"language": "en", "langb": "en-GB"}),
    ("imp[0].video", {"rqddurs": [15], "minduration": 5}),
    ("imp[0].video", {"rqddurs": [15], "maxduration": 5}),
    ("imp[0].audio", {"rqddurs": [15], "minduration": 0}),
    ("imp[0].audio", {"rqddurs": [15], "maxduration": 5}),
]


def _with_members(at: str, members: dict[str, object]) -> dict[str, Any]:
    if not at:
        return {**full(), **members}
    base: dict[str, Any] = {"mimes": ["x/y"]} if at.startswith("imp") else {}
    return with_value(at, {**base, **members})


class TestExclusions:
    """Members of which only one may be there."""

    @pytest.mark.parametrize(("at", "members"), EXCLUSIVE)
    def test_both(self, at: str, members: dict[str, object]) -> None:
        """Two members that exclude each other are refused, at the second one."""
        second = f"{at}.{list(members)[1]}".lstrip(".")
        assert findings(_with_members(at, members)) == [(second, "exclusive")]

    @pytest.mark.parametrize(("at", "members"), EXCLUSIVE)
    def test_one_at_a_time(self, at: str, members: dict[str, object]) -> None:
        """Each of the members is fine alone, or next to a null."""
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
    def test_contexts(self, names: list[str], refused: str) -> None:
        """An impression is on a site, in an app or on a screen out of home, empty ones included."""
        document = without("site") | {name: {} for name in names}
        assert findings(document) == [(refused, "exclusive")]

    def test_empty_array_is_absent(self) -> None:
        """An empty array says nothing, so that it excludes nothing."""
        assert findings({**full(), "wseat": ["a"], "bseat": []}) == []

    def test_exact_durations_exclude_both_bounds(self) -> None:
        """Each bound that stands next to exact durations is reported."""
        members: dict[str, object] = {"rqddurs": [15], "minduration": 5, "maxduration": 30}
        assert findings(_with_members("imp[0].video", members)) == [
            ("imp[0].video.minduration", "exclusive"),
            ("imp[0].video.maxduration", "exclusive"),
        ]


class TestMediaType:
    """What an impression is for."""

    @pytest.mark.parametrize("name", ["banner", "video", "audio", "native"])
    def test_any(self, name: str) -> None:
        """One of the four media types is enough."""
        imp = {"id": "1", name: full()["imp"][0][name]}
        assert findings(with_value("imp", [imp])) == []

    @pytest.mark.parametrize("imp", [{"id": "1"}, {"id": "1", "banner": None}])
    def test_none(self, imp: dict[str, object]) -> None:
        """An impression of no media type is refused as a whole."""
        assert findings(with_value("imp", [imp])) == [("imp[0]", "media-type")]


class TestUniqueIds:
    """The ids of the impressions."""

    def test_repeated(self) -> None:
        """Each repetition of an impression's id is reported, the first use is not."""
        imps: list[dict[str, object]] = [
            {"id": name, "banner": {}} for name in ("a", "b", "a", "a", "b")
        ]
        assert findings(with_value("imp", imps)) == [
            ("imp[2].id", "unique"),
            ("imp[3].id", "unique"),
            ("imp[4].id", "unique"),
        ]

    def test_ids_that_are_no_strings(self) -> None:
        """Ids of a wrong type are reported as that, and not as repetitions too."""
        imps: list[dict[str, object]] = [{"id": 1, "banner": {}}, {"id": 1, "banner": {}}]
        assert findings(with_value("imp", imps)) == [
            ("imp[0].id", "type"),
            ("imp[1].id", "type"),
        ]


class TestVendor:
    """Who measured the quantity of a screen out of home."""

    @pytest.mark.parametrize("sourcetype", [1, 1.0])
    def test_required(self, sourcetype: float) -> None:
        """A quantity measured by a vendor (sourcetype 1) names the vendor."""
        quantity = {"multiplier": 1, "sourcetype": sourcetype}
        assert findings(with_value("imp[0].qty", quantity)) == [("imp[0].qty.vendor", "required")]

    @pytest.mark.parametrize("sourcetype", [None, 0, 2, 501])
    def test_optional(self, sourcetype: int | None) -> None:
        """A quantity from elsewhere does not need a vendor."""
        quantity = {"multiplier": 1, "sourcetype": sourcetype}
        assert findings(with_value("imp[0].qty", quantity)) == []

    def test_true_is_not_one(self) -> None:
        """A sourcetype of true is a wrong type and nothing more."""
        quantity = {"multiplier": 1, "sourcetype": True}
        assert findings(with_value("imp[0].qty", quantity)) == [("imp[0].qty.sourcetype", "type")]
