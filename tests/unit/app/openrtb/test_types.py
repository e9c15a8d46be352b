"""What type a value must have, and within which bounds it must lie."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import fields

from app.schema.fields import Array, Extension, Integer, Number, Object, Text
from tests.unit.app.openrtb.full_request import declared, findings, with_value

WRONG: dict[type[fields.Field[Any]], list[object]] = {
    Text: [1, 1.5, True, [], {}],
    Integer: ["1", 1.5, True, False, [], {}, float("nan"), float("inf"), 1e-9],
    Number: ["1", "1.5", True, False, [], {}, float("nan"), float("-inf")],
    Object: ["{}", 1, True, [], [{}]],
    Array: ["[]", 1, True, {}, {"0": "a"}],
}
FLAGS = [
    "test",
    "allimps",
    "imp[0].instl",
    "imp[0].clickbrowser",
    "imp[0].secure",
    "imp[0].rwdd",
    "imp[0].banner.topframe",
    "imp[0].banner.vcm",
    "imp[0].video.skip",
    "imp[0].video.boxingallowed",
    "imp[0].audio.stitched",
    "imp[0].pmp.private_auction",
    "imp[0].pmp.deals[0].guar",
    "site.mobile",
    "site.privacypolicy",
    "site.content.livestream",
    "site.content.sourcerelationship",
    "site.content.embeddable",
    "app.privacypolicy",
    "app.paid",
    "device.lmt",
    "device.js",
    "device.geofetch",
    "device.sua.mobile",
    "regs.coppa",
    "regs.gdpr",
    "source.fd",
    "source.schain.complete",
    "source.schain.nodes[0].hp",
]
NOT_NEGATIVE = [
    "tmax",
    "imp[0].bidfloor",
    "imp[0].exp",
    "imp[0].banner.w",
    "imp[0].banner.h",
    "imp[0].banner.format[0].w",
    "imp[0].banner.format[0].wratio",
    "imp[0].video.w",
    "imp[0].video.h",
    "imp[0].video.minduration",
    "imp[0].video.maxduration",
    "imp[0].video.poddur",
    "imp[0].video.maxseq",
    "imp[0].video.sequence",
    "imp[0].video.minbitrate",
    "imp[0].video.maxbitrate",
    "imp[0].video.mincpmpersec",
    "imp[0].video.durfloors[0].bidfloor",
    "imp[0].audio.maxbitrate",
    "imp[0].pmp.deals[0].bidfloor",
    "imp[0].refresh.refsettings[0].minint",
    "device.w",
    "device.h",
    "device.ppi",
    "device.geo.accuracy",
    "site.content.len",
]
NEGATIVE_MEANS_SOMETHING = [
    "imp[0].video.startdelay",
    "imp[0].video.podseq",
    "imp[0].video.slotinpod",
    "imp[0].video.maxextended",
    "device.geo.utcoffset",
]


def _wrong_for(field: fields.Field[Any]) -> list[object]:
    return next(values for kind, values in WRONG.items() if isinstance(field, kind))


@pytest.mark.parametrize(
    ("path", "field"),
    [
        pytest.param(path, field, id=path)
        for path, field in declared()
        if not isinstance(field, Extension)
    ],
)
class TestEveryField:
    """What holds of each field of each object."""

    def test_other_types(self, path: str, field: fields.Field[Any]) -> None:
        """A value of another JSON type is refused: nothing is converted or guessed."""
        for value in _wrong_for(field):
            assert findings(with_value(path, value)) == [(path, "type")], value

    def test_elements(self, path: str, field: fields.Field[Any]) -> None:
        """The elements of an array are typed as well, and none is null."""
        if isinstance(field, Array):
            for value in [*_wrong_for(field.inner), None]:
                assert findings(with_value(path, [value])) == [(f"{path}[0]", "type")], value


class TestIntegers:
    """What JSON counts as an integer."""

    @pytest.mark.parametrize("value", [0, 1, 1.0, 1e3, 10**400])
    def test_accepted(self, value: float) -> None:
        """A number without a fraction is an integer however it is written."""
        assert findings(with_value("tmax", value)) == []

    @pytest.mark.parametrize("path", FLAGS)
    def test_flags(self, path: str) -> None:
        """A flag is 0 or 1, nothing else and not a boolean."""
        for value in (0, 1, 1.0):
            assert findings(with_value(path, value)) == []
        for value in (2, -1, 500):
            assert findings(with_value(path, value)) == [(path, "one-of")]
        assert findings(with_value(path, True)) == [(path, "type")]  # noqa: FBT003  the trap itself

    def test_do_not_track(self) -> None:
        """The browser's dnt is passed on as it came, 2 for unspecified included."""
        assert findings(with_value("device.dnt", 2)) == []


class TestRanges:
    """The bounds on numbers."""

    @pytest.mark.parametrize("path", NOT_NEGATIVE)
    def test_not_negative(self, path: str) -> None:
        """Times, sizes, counts, rates and prices are not negative; zero is fine."""
        assert findings(with_value(path, 0)) == []
        assert findings(with_value(path, -1)) == [(path, "range")]

    @pytest.mark.parametrize("path", NEGATIVE_MEANS_SOMETHING)
    def test_negative(self, path: str) -> None:
        """Negative numbers are accepted where the spec gives them a meaning."""
        assert findings(with_value(path, -1)) == []

    @pytest.mark.parametrize("parent", ["device", "user"])
    @pytest.mark.parametrize(("name", "bound"), [("lat", 90), ("lon", 180)])
    def test_geo(self, parent: str, name: str, bound: float) -> None:
        """Latitude ends at 90 degrees and longitude at 180, the bounds included."""
        path = f"{parent}.geo.{name}"
        for value in (bound, -bound, 0, 0.5):
            assert findings(with_value(path, value)) == []
        for value in (bound + 0.001, -bound - 0.001, 10**400):
            assert findings(with_value(path, value)) == [(path, "range")]

    def test_small_fractions(self) -> None:
        """A price has a fraction as small as the seller likes, but none below zero."""
        assert findings(with_value("imp[0].bidfloor", 1e-12)) == []
        assert findings(with_value("imp[0].bidfloor", -1e-12)) == [("imp[0].bidfloor", "range")]
