"""The request as a whole: BidRequest and Regs."""

from __future__ import annotations

from functools import cache

from app.openrtb.audience import User
from app.openrtb.context import DOOH, App, Site
from app.openrtb.device import Device
from app.openrtb.imp import Imp
from app.openrtb.source import Source
from app.schema.base import OpenRtbObject, build_nested
from app.schema.constraints import NOT_EMPTY
from app.schema.fields import Array, Flag, Integer, Natural, Object, Text
from app.schema.recommendations import THREE_CAPITALS, Recommended, Shape, is_auction_type
from app.schema.relations import AtMostOne, Unique


class Regs(OpenRtbObject):
    """The laws and rules that the request is under (section 3.2.3)."""

    section = "3.2.3"

    coppa = Flag()
    gdpr = Flag()
    us_privacy = Text()
    gpp = Text()
    gpp_sid = Array(Integer())


class BidRequest(OpenRtbObject):
    """The root of the document (section 3.2.1).

    Auction types that the spec does not define are tolerated, as all unknown list values are.
    """

    section = "3.2.1"
    relations = (
        AtMostOne(("site", "app", "dooh")),
        AtMostOne(("wseat", "bseat")),
        AtMostOne(("wlang", "wlangb")),
        AtMostOne(("acat", "bcat")),
        Unique("imp", key="id"),
    )
    recommendations = (
        Recommended(("site", "app", "dooh"), rule="no-context"),
        Shape("at", "auction-type", "should be 1, 2, or 500 and more", is_auction_type, 2, 3),
        Shape("cur", "currency", "should be ISO 4217 alpha-3 codes", THREE_CAPITALS, "EUR", "eur"),
    )

    id = Text(required=True, validate=NOT_EMPTY)
    imp = Array(Object(Imp), required=True, validate=NOT_EMPTY)
    site = Object(Site)
    app = Object(App)
    dooh = Object(DOOH)
    device = Object(Device)
    user = Object(User)
    test = Flag()
    at = Integer()
    tmax = Natural()
    wseat = Array(Text())
    bseat = Array(Text())
    allimps = Flag()
    cur = Array(Text())
    wlang = Array(Text())
    wlangb = Array(Text())
    acat = Array(Text())
    bcat = Array(Text())
    cattax = Integer()
    badv = Array(Text())
    bapp = Array(Text())
    source = Object(Source)
    regs = Object(Regs)


@cache
def bid_request() -> BidRequest:
    """Return the schema of the whole request, with the schemas in it all made.

    Called once before the first request, it takes the work of making them out of its time.
    """
    return build_nested(BidRequest())
