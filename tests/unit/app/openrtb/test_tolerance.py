"""What is accepted although the spec does not have it, or has it elsewhere."""

from __future__ import annotations

import pytest

from app.schema.fields import Array, Object
from tests.unit.app.openrtb.full_request import declared, findings, full, with_value

ANYTHING = [None, 0, "text", True, [], [[1]], {}, {"gdpr": "maybe", "consent": 5}]
OBJECTS = [path for path, field in declared() if isinstance(field, Object)] + [
    f"{path}[0]"
    for path, field in declared()
    if isinstance(field, Array) and isinstance(field.inner, Object)
]
UNKNOWN_LIST_VALUES: list[tuple[str, object]] = [
    ("at", 3),
    ("at", 500),
    ("imp[0].ssai", 9),
    ("imp[0].banner.btype", [99]),
    ("imp[0].banner.pos", 77),
    ("imp[0].video.protocols", [2, 500]),
    ("imp[0].video.plcmt", 12),
    ("imp[0].pmp.deals[0].at", 3),
    ("device.devicetype", 99),
    ("device.connectiontype", 0),
    ("regs.gpp_sid", [-1, 4711]),
    ("user.eids[0].mm", 8),
    ("user.gender", "X"),
]
SOFT: list[tuple[str, object]] = [
    ("imp[0].bidfloorcur", "Dollar"),
    ("cur", ["", "usd"]),
    ("device.ip", "not an address"),
    ("device.ipv6", "127.0.0.1"),
    ("device.geo.country", "Holland"),
    ("imp[0].banner", {"pos": 1}),
]
OLD_SPELLINGS: list[tuple[str, object]] = [
    ("regs.ext", {"gdpr": 1, "us_privacy": "1YNN"}),
    ("user.ext", {"consent": "C", "eids": [{"source": "id.example", "uids": [{"id": "1"}]}]}),
    ("source.ext", {"schain": {"complete": 0, "ver": "1.0", "nodes": []}}),
    ("imp[0].ext", {"is_rewarded_inventory": 1}),
    ("imp[0].video.ext", {"rewarded": 1}),
]


class TestTolerance:
    """The versioning rule: receivers put up with what they do not know (section 2)."""

    @pytest.mark.parametrize("path", OBJECTS)
    def test_unknown_members(self, path: str) -> None:
        """A member that the spec does not have is accepted in every object."""
        assert findings(with_value(f"{path}.x_unheard_of", {"of": [1]})) == []

    @pytest.mark.parametrize("path", OBJECTS)
    def test_ext(self, path: str) -> None:
        """Every object's ext may be and hold anything."""
        for value in ANYTHING:
            assert findings(with_value(f"{path}.ext", value)) == []

    def test_unknown_members_of_the_request(self) -> None:
        """The request itself may have unknown members and any ext, too."""
        for value in ANYTHING:
            assert findings({**full(), "x_unheard_of": value, "ext": value}) == []

    @pytest.mark.parametrize(("path", "value"), UNKNOWN_LIST_VALUES)
    def test_unknown_list_values(self, path: str, value: object) -> None:
        """A value that is not on the spec's list is accepted."""
        assert findings(with_value(path, value)) == []

    @pytest.mark.parametrize(("path", "value"), SOFT)
    def test_soft_rules(self, path: str, value: object) -> None:
        """What exchanges blank or frown upon does not refuse a request."""
        assert findings(with_value(path, value)) == []

    @pytest.mark.parametrize(("path", "value"), OLD_SPELLINGS)
    def test_old_spellings(self, path: str, value: object) -> None:
        """The places that OpenRTB 2.5 had for members that 2.6 moved are accepted."""
        assert findings(with_value(path, value)) == []

    def test_old_supply_chain(self) -> None:
        """A supply chain in its old place must be one all the same."""
        assert findings(with_value("source.ext", {"schain": "1.0,1!x.example,1"})) == [
            ("source.ext.schain", "type")
        ]
