"""One impression and what goes with it: Imp, Metric, Pmp, Deal, Qty, Refresh, RefSettings."""

from __future__ import annotations

from app.openrtb.media import Audio, Banner, DurFloors, Native, Video
from app.schema.base import OpenRtbObject
from app.schema.constraints import NOT_EMPTY
from app.schema.fields import Array, Flag, Integer, Natural, Number, Object, Price, Text
from app.schema.recommendations import THREE_CAPITALS, Shape, SizedBanner
from app.schema.relations import AtLeastOne, RequiredWhen

_CURRENCY = Shape(
    "bidfloorcur", "currency", "should be an ISO 4217 alpha-3 code", THREE_CAPITALS, "EUR", "eur"
)


class Metric(OpenRtbObject):
    """A measurement about the impression (section 3.2.5)."""

    section = "3.2.5"

    type = Text(required=True)
    value = Number(required=True)
    vendor = Text()


class Deal(OpenRtbObject):
    """A deal struck beforehand between buyer and seller (section 3.2.12)."""

    section = "3.2.12"
    recommendations = (_CURRENCY,)

    id = Text(required=True)
    bidfloor = Price()
    bidfloorcur = Text()
    at = Integer()
    wseat = Array(Text())
    wadomain = Array(Text())
    guar = Flag()
    mincpmpersec = Price()
    durfloors = Array(Object(DurFloors))


class Pmp(OpenRtbObject):
    """The private marketplace: the deals that the impression is open to (section 3.2.11)."""

    section = "3.2.11"

    private_auction = Flag()
    deals = Array(Object(Deal))


class Qty(OpenRtbObject):
    """How many people an impression is expected to reach (section 3.2.31)."""

    section = "3.2.31"
    relations = (RequiredWhen("vendor", "sourcetype", 1),)

    multiplier = Number(required=True)
    sourcetype = Integer()
    vendor = Text()


class RefSettings(OpenRtbObject):
    """What makes an ad slot refresh itself, and how often (section 3.2.34)."""

    section = "3.2.34"

    reftype = Integer()
    minint = Natural()


class Refresh(OpenRtbObject):
    """An ad slot that refreshes itself (section 3.2.33)."""

    section = "3.2.33"

    refsettings = Array(Object(RefSettings))
    count = Natural()


class Imp(OpenRtbObject):
    """An impression on offer, of one media type or several (section 3.2.4)."""

    section = "3.2.4"
    relations = (AtLeastOne(("banner", "video", "audio", "native"), rule="media-type"),)
    recommendations = (SizedBanner(), _CURRENCY)

    id = Text(required=True, validate=NOT_EMPTY)
    metric = Array(Object(Metric))
    banner = Object(Banner)
    video = Object(Video)
    audio = Object(Audio)
    native = Object(Native)
    pmp = Object(Pmp)
    displaymanager = Text()
    displaymanagerver = Text()
    instl = Flag()
    tagid = Text()
    bidfloor = Price()
    bidfloorcur = Text()
    clickbrowser = Flag()
    secure = Flag()
    iframebuster = Array(Text())
    rwdd = Flag()
    ssai = Integer()
    exp = Natural()
    qty = Object(Qty)
    dt = Number()
    refresh = Object(Refresh)
