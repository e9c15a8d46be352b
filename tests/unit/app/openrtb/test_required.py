"""What must be there."""

from __future__ import annotations

import pytest

from tests.unit.app.openrtb.full_request import declared, findings, full, with_value, without

REQUIRED = [
    "id",
    "imp",
    "imp[0].id",
    "imp[0].metric[0].type",
    "imp[0].metric[0].value",
    "imp[0].video.mimes",
    "imp[0].audio.mimes",
    "imp[0].native.request",
    "imp[0].pmp.deals[0].id",
    "imp[0].qty.multiplier",
    "device.sua.browsers[0].brand",
    "device.sua.platform.brand",
    "source.schain.complete",
    "source.schain.nodes",
    "source.schain.nodes[0].asi",
    "source.schain.nodes[0].sid",
    "source.schain.ver",
    "source.ext.schain.complete",
    "source.ext.schain.nodes",
    "source.ext.schain.nodes[0].asi",
    "source.ext.schain.nodes[0].sid",
    "source.ext.schain.ver",
]
NOT_EMPTY = [
    ("id", ""),
    ("imp", []),
    ("imp[0].id", ""),
    ("imp[0].video.mimes", []),
    ("imp[0].audio.mimes", []),
]
# The full request's sourcetype requires the vendor; see test_openrtb_relations.
OPTIONAL = [
    path for path, field in declared() if not field.required and path != "imp[0].qty.vendor"
]
BARE = ["banner", "banner.format[0]", "pmp"]
BARE_AT_ROOT = ["site", "app", "dooh", "device", "user", "regs", "source"]


class TestRequired:
    """Fields that the spec marks as required."""

    def test_full_request_is_valid(self) -> None:
        """A request with every object of the spec in it is accepted."""
        assert findings(full()) == []

    @pytest.mark.parametrize("path", REQUIRED)
    def test_missing(self, path: str) -> None:
        """A required field that is not there is the one thing reported."""
        assert findings(without(path)) == [(path, "required")]

    @pytest.mark.parametrize("path", REQUIRED)
    def test_null_is_missing(self, path: str) -> None:
        """A required field that is null is reported as missing."""
        assert findings(with_value(path, None)) == [(path, "required")]

    @pytest.mark.parametrize(("path", "empty"), NOT_EMPTY)
    def test_empty(self, path: str, empty: object) -> None:
        """Ids and MIME types must hold something, and a request an impression."""
        assert findings(with_value(path, empty)) == [(path, "not-empty")]

    def test_nothing_else_is_required(self) -> None:
        """No field is required beyond those that the spec requires."""
        contexts = ("app.", "dooh.")
        required = [path for path, field in declared() if field.required]
        assert sorted(path for path in required if not path.startswith(contexts)) == sorted(
            REQUIRED
        )


class TestOptional:
    """Fields and objects that may be left out."""

    @pytest.mark.parametrize("path", OPTIONAL)
    def test_null_is_absent(self, path: str) -> None:
        """An optional field that is null is accepted wherever it stands."""
        assert findings(with_value(path, None)) == []

    @pytest.mark.parametrize("name", BARE_AT_ROOT)
    def test_bare_object_of_the_request(self, name: str) -> None:
        """Site, App, DOOH, Device, User, Regs and Source require nothing."""
        assert findings(with_value(name, {})) == []

    @pytest.mark.parametrize("path", BARE)
    def test_bare_object_of_an_impression(self, path: str) -> None:
        """Banner, Format and Pmp require nothing."""
        assert findings(with_value(f"imp[0].{path}", {})) == []

    def test_request_without_context(self) -> None:
        """A request with none of site, app and dooh is legal."""
        assert findings(without("site")) == []
