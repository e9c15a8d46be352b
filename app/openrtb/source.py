"""Who else handled the request: Source, SupplyChain, SupplyChainNode."""

from __future__ import annotations

from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Extension, Flag, Object, Text


class SupplyChainNode(OpenRtbObject):
    """One company on the way of the money (section 3.2.26)."""

    section = "3.2.26"

    asi = Text(required=True)
    sid = Text(required=True)
    rid = Text()
    name = Text()
    domain = Text()
    hp = Flag()


class SupplyChain(OpenRtbObject):
    """The companies from the publisher to the sender of the request (section 3.2.25)."""

    section = "3.2.25"

    complete = Flag(required=True)
    nodes = Array(Object(SupplyChainNode), required=True)
    ver = Text(required=True)


class SourceExt(OpenRtbObject):
    """Where OpenRTB 2.5 put the supply chain that 2.6 has in section 3.2.25."""

    section = "3.2.25"

    schain = Object(SupplyChain)


class Source(OpenRtbObject):
    """The upstream end of the request (section 3.2.2)."""

    section = "3.2.2"

    fd = Flag()
    tid = Text()
    pchain = Text()
    schain = Object(SupplyChain)
    ext = Extension(SourceExt)
