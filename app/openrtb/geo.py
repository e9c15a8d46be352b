"""A place on Earth: Geo."""

from __future__ import annotations

from app.schema.base import OpenRtbObject
from app.schema.constraints import LATITUDE, LONGITUDE
from app.schema.fields import Integer, Natural, Number, Text
from app.schema.recommendations import THREE_CAPITALS, Shape


class Geo(OpenRtbObject):
    """Where the device is, or where the user is at home (section 3.2.19)."""

    section = "3.2.19"
    recommendations = (
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
