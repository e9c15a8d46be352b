"""A place on Earth: Geo."""

from __future__ import annotations

from app.openrtb.advice import THREE_CAPITALS, Shape
from app.openrtb.constraints import LATITUDE, LONGITUDE
from app.openrtb.fields import Integer, Natural, Number, Text
from app.openrtb.schema import OpenRtbObject


class Geo(OpenRtbObject):
    """Where the device is, or where the user is at home (section 3.2.19)."""

    section = "3.2.19"
    advice = (
        Shape(
            "country",
            "country",
            "should be an ISO 3166-1 alpha-3 code",
            THREE_CAPITALS,
            "NLD",
            "NL",
        ),
    )

    lat = Number(validate=LATITUDE)
    lon = Number(validate=LONGITUDE)
    type = Integer()
    accuracy = Natural()
    lastfix = Natural()
    ipservice = Integer()
    country = Text()
    region = Text()
    regionfips104 = Text()
    metro = Text()
    city = Text()
    zip = Text()
    utcoffset = Integer()
