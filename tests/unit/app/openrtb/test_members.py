"""What each object has: what must be there, of which type, within which bounds, and what may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import fields

from app.openrtb import bid_request
from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Extension, Integer, Number, Object, Text
from tests.unit.app.openrtb.full_request import declared, findings, full, with_value, without

pytestmark = pytest.mark.promise("valid")


def paths(table: str) -> list[str]:
    """Return the paths of a table with a line for each object: its own path, and its members'."""
    lines = (line.partition(":") for line in table.split("\n") if line.strip())
    return [f"{at.strip()}.{name}".lstrip(".") for at, _, names in lines for name in names.split()]


OBJECTS = set(
    """
    BidRequest Source Regs Imp Metric Banner Format Video Audio Native Pmp Deal Qty Refresh
    RefSettings Site App DOOH Publisher Content Producer Network Channel Device Geo User EID UID
    Data Segment UserAgent BrandVersion SupplyChain SupplyChainNode DurFloors
""".split()  # noqa: SIM905  one name a line would fill a page
)
REQUIRED = paths("""
    : id imp
    imp[0]: id
    imp[0].metric[0]: type value
    imp[0].video: mimes
    imp[0].audio: mimes
    imp[0].native: request
    imp[0].pmp.deals[0]: id
    imp[0].qty: multiplier
    device.sua.browsers[0]: brand
    device.sua.platform: brand
    source.schain: complete nodes ver
    source.schain.nodes[0]: asi sid
    source.ext.schain: complete nodes ver
    source.ext.schain.nodes[0]: asi sid
""")
FLAGS = paths("""
    : test allimps
    imp[0]: instl clickbrowser secure rwdd
    imp[0].banner: topframe vcm
    imp[0].video: skip boxingallowed
    imp[0].audio: stitched
    imp[0].pmp: private_auction
    imp[0].pmp.deals[0]: guar
    site: mobile privacypolicy
    site.content: livestream sourcerelationship embeddable
    app: privacypolicy paid
    device: lmt js geofetch
    device.sua: mobile
    regs: coppa gdpr
    source: fd
    source.schain: complete
    source.schain.nodes[0]: hp
""")
NOT_NEGATIVE = paths("""
    : tmax
    imp[0]: bidfloor exp
    imp[0].banner: w h
    imp[0].banner.format[0]: w wratio
    imp[0].video: w h minduration maxduration poddur maxseq sequence
    imp[0].video: minbitrate maxbitrate mincpmpersec
    imp[0].video.durfloors[0]: bidfloor
    imp[0].audio: maxbitrate
    imp[0].pmp.deals[0]: bidfloor
    imp[0].refresh.refsettings[0]: minint
    device: w h ppi
    device.geo: accuracy
    site.content: len
""")
NEGATIVE_MEANS_SOMETHING = paths("""
    imp[0].video: startdelay podseq slotinpod maxextended
    device.geo: utcoffset
""")
WRONG: dict[type[fields.Field[Any]], list[object]] = {
    Text: [1, 1.5, True, [], {}],
    Integer: ["1", 1.5, True, False, [], {}, float("nan"), float("inf"), 1e-9],
    Number: ["1", "1.5", True, False, [], {}, float("nan"), float("-inf")],
    Object: ["{}", 1, True, [], [{}]],
    Array: ["[]", 1, True, {}, {"0": "a"}],
}
ANYTHING = [None, 0, "text", True, [], [[1]], {}, {"gdpr": "maybe", "consent": 5}]
TOLERATED: list[tuple[str, object]] = [
    # values that are on no list of the spec
    *(("at", 3), ("at", 500), ("imp[0].ssai", 9), ("imp[0].banner.btype", [99])),
    *(("imp[0].banner.pos", 77), ("imp[0].video.protocols", [2, 500]), ("imp[0].video.plcmt", 12)),
    *(("imp[0].pmp.deals[0].at", 3), ("device.devicetype", 99), ("device.connectiontype", 0)),
    *(("regs.gpp_sid", [-1, 4711]), ("user.eids[0].mm", 8), ("user.gender", "X")),
    ("device.dnt", 2),  # as it came from the browser: unspecified
    # where OpenRTB 2.5 had members that 2.6 moved
    ("regs.ext", {"gdpr": 1, "us_privacy": "1YNN"}),
    ("user.ext", {"consent": "C", "eids": [{"source": "id.example", "uids": [{"id": "1"}]}]}),
    ("source.ext", {"schain": {"complete": 0, "ver": "1.0", "nodes": []}}),
    ("imp[0].ext", {"is_rewarded_inventory": 1}),
    ("imp[0].video.ext", {"rewarded": 1}),
    # a number without a fraction is an integer, however it is written and however large
    *(("tmax", value) for value in (0, 1, 1.0, 1e3, 10**400)),
    ("imp[0].bidfloor", 1e-12),
    *((path, -1) for path in NEGATIVE_MEANS_SOMETHING),
]
REFUSED: list[tuple[str, object, str]] = [
    *((path, "", "not-empty") for path in ("id", "imp[0].id")),
    *((path, [], "not-empty") for path in ("imp", "imp[0].video.mimes", "imp[0].audio.mimes")),
    *((path, value, "one-of") for path in FLAGS for value in (2, -1, 500)),
    *((path, -1, "range") for path in NOT_NEGATIVE),
    ("imp[0].bidfloor", -1e-12, "range"),
]


def _schemas() -> Iterator[OpenRtbObject]:
    yield bid_request()
    for _, field in declared():
        inner: object = field.inner if isinstance(field, Array) else field
        if isinstance(inner, Object) and isinstance(inner.schema, OpenRtbObject):
            yield inner.schema


def _wrong_for(field: fields.Field[Any]) -> list[object]:
    return next(values for kind, values in WRONG.items() if isinstance(field, kind))


def test_every_object_of_the_spec() -> None:
    """Each that a request can hold has a schema, whose docstring names the messages' section."""
    schemas = {type(schema): schema for schema in _schemas()}
    assert {kind.__name__ for kind in schemas} == OBJECTS | {"SourceExt"}
    for kind, schema in schemas.items():
        assert re.fullmatch(r"3\.2\.\d+", schema.section), kind
        assert f"section {schema.section}" in (kind.__doc__ or ""), kind


def test_nothing_is_required_but_what_the_spec_requires() -> None:
    """A request with every object is accepted, and so is one with none of site, app and dooh."""
    required = {path for path, field in declared() if field.required}
    assert {path for path in required if not path.startswith(("app.", "dooh."))} == {*REQUIRED}
    assert findings(full()) == findings(without("site")) == []


@pytest.mark.parametrize("path", REQUIRED)
def test_missing(path: str) -> None:
    """A required field that is not there, or null, is the one thing reported."""
    assert findings(without(path)) == findings(with_value(path, None)) == [(path, "required")]


@pytest.mark.parametrize(
    ("path", "field"), [pytest.param(path, field, id=path) for path, field in declared()]
)
def test_every_field(path: str, field: fields.Field[Any]) -> None:
    """A value of another JSON type is refused, in an array as well: nothing is converted.

    Null is absent, but in an array; what is an object has room for members that nobody knows.
    """
    for value in () if isinstance(field, Extension) else _wrong_for(field):
        assert findings(with_value(path, value)) == [(path, "type")], value
    for value in [*_wrong_for(field.inner), None] if isinstance(field, Array) else ():
        assert findings(with_value(path, [value])) == [(f"{path}[0]", "type")], value
    # the full request's sourcetype requires the vendor
    if not field.required and path != "imp[0].qty.vendor":
        assert findings(with_value(path, None)) == []
    inner, at = (field.inner, f"{path}[0]") if isinstance(field, Array) else (field, path)
    if isinstance(inner, Object):
        assert findings(with_value(f"{at}.x_unheard_of", {"of": [1]})) == []
        assert [findings(with_value(f"{at}.ext", value)) for value in ANYTHING] == [[]] * 8


def test_the_request_itself_may_have_any_members() -> None:
    """The versioning rule: receivers put up with what they do not know (section 2)."""
    for value in ANYTHING:
        assert findings({**full(), "x_unheard_of": value, "ext": value}) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *TOLERATED,
        *((path, value) for path in FLAGS for value in (0, 1, 1.0)),
        *((path, 0) for path in NOT_NEGATIVE),
    ],
)
def test_tolerated(path: str, value: object) -> None:
    """What the spec allows, has elsewhere or leaves open is accepted."""
    assert findings(with_value(path, value)) == []


@pytest.mark.parametrize(("path", "value", "rule"), REFUSED)
def test_refused(path: str, value: object, rule: str) -> None:
    """What is empty, no flag or out of bounds is the one thing reported."""
    assert findings(with_value(path, value)) == [(path, rule)]


@pytest.mark.parametrize("parent", ["device", "user"])
@pytest.mark.parametrize(("name", "bound"), [("lat", 90), ("lon", 180)])
def test_geo(parent: str, name: str, bound: float) -> None:
    """Latitude ends at 90 degrees and longitude at 180, the bounds included."""
    path = f"{parent}.geo.{name}"
    for value in (bound, -bound, 0, 0.5):
        assert findings(with_value(path, value)) == []
    for value in (bound + 0.001, -bound - 0.001, 10**400):
        assert findings(with_value(path, value)) == [(path, "range")]


def test_a_supply_chain_in_its_old_place_must_be_one() -> None:
    """An extension may be anything; what is known in it has its type all the same."""
    chain = with_value("source.ext", {"schain": "1.0,1!x.example,1"})
    assert findings(chain) == [("source.ext.schain", "type")]
