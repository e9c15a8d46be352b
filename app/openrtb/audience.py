"""Who is to see the ad: User, EID, UID, and the data segments on users and content."""

from __future__ import annotations

from app.openrtb.geo import Geo
from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Integer, Object, Text
from app.schema.relations import AtMostOne


class Segment(OpenRtbObject):
    """One datum on a user or on content (section 3.2.22)."""

    section = "3.2.22"

    id = Text()
    name = Text()
    value = Text()


class Data(OpenRtbObject):
    """What one provider says about a user or about content (section 3.2.21)."""

    section = "3.2.21"

    id = Text()
    name = Text()
    cids = Array(Text())
    segment = Array(Object(Segment))


class UID(OpenRtbObject):
    """One identifier of the user (section 3.2.28)."""

    section = "3.2.28"

    id = Text()
    atype = Integer()


class EID(OpenRtbObject):
    """The identifiers of the user that one source gives out (section 3.2.27)."""

    section = "3.2.27"

    inserter = Text()
    source = Text()
    matcher = Text()
    mm = Integer()
    uids = Array(Object(UID))


class User(OpenRtbObject):
    """The person at the device (section 3.2.20)."""

    section = "3.2.20"
    relations = (AtMostOne(("keywords", "kwarray")),)

    id = Text()
    buyeruid = Text()
    yob = Integer()
    gender = Text()
    keywords = Text()
    kwarray = Array(Text())
    customdata = Text()
    geo = Object(Geo)
    data = Array(Object(Data))
    consent = Text()
    eids = Array(Object(EID))
