"""What the ad is shown on: Device, UserAgent, BrandVersion."""

from __future__ import annotations

from app.openrtb.geo import Geo
from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Flag, Integer, Natural, Number, Object, Text
from app.schema.recommendations import Shape, is_ipv4, is_ipv6
from app.schema.relations import AtMostOne


class BrandVersion(OpenRtbObject):
    """A browser or platform by name and version (section 3.2.30)."""

    section = "3.2.30"

    brand = Text(required=True)
    version = Array(Text())


class UserAgent(OpenRtbObject):
    """The user agent in parts, from client hints (section 3.2.29)."""

    section = "3.2.29"

    browsers = Array(Object(BrandVersion))
    platform = Object(BrandVersion)
    mobile = Flag()
    architecture = Text()
    bitness = Text()
    model = Text()
    source = Integer()


class Device(OpenRtbObject):
    """The device (section 3.2.18).

    Exchanges blank a bad address rather than refuse the call. `dnt` is passed on from the browser,
    and is seen with other values than the spec's 0 and 1.
    """

    section = "3.2.18"
    relations = (AtMostOne(("language", "langb")),)
    recommendations = (
        Shape("ip", "ip-address", "should be an IPv4 address", is_ipv4, "192.0.2.1", "::1"),
        Shape("ipv6", "ip-address", "should be an IPv6 address", is_ipv6, "::1", "192.0.2.1"),
    )

    geo = Object(Geo)
    dnt = Integer()
    lmt = Flag()
    ua = Text()
    sua = Object(UserAgent)
    ip = Text()
    ipv6 = Text()
    devicetype = Integer()
    make = Text()
    model = Text()
    os = Text()
    osv = Text()
    hwv = Text()
    h = Natural()
    w = Natural()
    ppi = Natural()
    pxratio = Number()
    js = Flag()
    geofetch = Flag()
    flashver = Text()
    language = Text()
    langb = Text()
    carrier = Text()
    mccmnc = Text()
    connectiontype = Integer()
    ifa = Text()
    didsha1 = Text()
    didmd5 = Text()
    dpidsha1 = Text()
    dpidmd5 = Text()
    macsha1 = Text()
    macmd5 = Text()
