"""What an impression can be filled with: Banner, Format, Video, Audio, Native."""

from __future__ import annotations

from app.schema.base import OpenRtbObject
from app.schema.constraints import NOT_EMPTY
from app.schema.fields import Array, Flag, Integer, Natural, Object, Price, Text
from app.schema.relations import Excludes

_EXACT_DURATIONS = Excludes("rqddurs", ("minduration", "maxduration"))


class Format(OpenRtbObject):
    """A size, or a ratio with a smallest width, that a banner may have (section 3.2.10)."""

    section = "3.2.10"

    w = Natural()
    h = Natural()
    wratio = Natural()
    hratio = Natural()
    wmin = Natural()


class Banner(OpenRtbObject):
    """A banner, or the companion of a video or audio ad (section 3.2.6)."""

    section = "3.2.6"

    format = Array(Object(Format))
    w = Natural()
    h = Natural()
    btype = Array(Integer())
    battr = Array(Integer())
    pos = Integer()
    mimes = Array(Text())
    topframe = Flag()
    expdir = Array(Integer())
    api = Array(Integer())
    id = Text()
    vcm = Flag()


class DurFloors(OpenRtbObject):
    """The floor price of creatives of some duration (section 3.2.35).

    The section asks for mindur or maxdur "but not both" and then gives an example with both:
    neither is demanded or refused.
    """

    section = "3.2.35"

    mindur = Natural()
    maxdur = Natural()
    bidfloor = Price()


class Video(OpenRtbObject):
    """A video impression, alone or in an ad pod (section 3.2.7).

    startdelay, podseq, slotinpod and maxextended give a meaning to negative numbers.
    """

    section = "3.2.7"
    relations = (_EXACT_DURATIONS,)

    mimes = Array(Text(), required=True, validate=NOT_EMPTY)
    minduration = Natural()
    maxduration = Natural()
    startdelay = Integer()
    maxseq = Natural()
    poddur = Natural()
    protocols = Array(Integer())
    w = Natural()
    h = Natural()
    podid = Text()
    podseq = Integer()
    rqddurs = Array(Natural())
    placement = Integer()
    plcmt = Integer()
    linearity = Integer()
    skip = Flag()
    skipmin = Natural()
    skipafter = Natural()
    sequence = Natural()
    slotinpod = Integer()
    mincpmpersec = Price()
    battr = Array(Integer())
    maxextended = Integer()
    minbitrate = Natural()
    maxbitrate = Natural()
    boxingallowed = Flag()
    playbackmethod = Array(Integer())
    playbackend = Integer()
    delivery = Array(Integer())
    pos = Integer()
    companionad = Array(Object(Banner))
    api = Array(Integer())
    companiontype = Array(Integer())
    poddedupe = Array(Integer())
    durfloors = Array(Object(DurFloors))


class Audio(OpenRtbObject):
    """An audio impression, alone or in an ad pod (section 3.2.8)."""

    section = "3.2.8"
    relations = (_EXACT_DURATIONS,)

    mimes = Array(Text(), required=True, validate=NOT_EMPTY)
    minduration = Natural()
    maxduration = Natural()
    poddur = Natural()
    protocols = Array(Integer())
    startdelay = Integer()
    rqddurs = Array(Natural())
    podid = Text()
    podseq = Integer()
    sequence = Natural()
    slotinpod = Integer()
    mincpmpersec = Price()
    battr = Array(Integer())
    maxextended = Integer()
    minbitrate = Natural()
    maxbitrate = Natural()
    delivery = Array(Integer())
    companionad = Array(Object(Banner))
    api = Array(Integer())
    companiontype = Array(Integer())
    maxseq = Natural()
    feed = Integer()
    stitched = Flag()
    nvol = Integer()
    durfloors = Array(Object(DurFloors))


class Native(OpenRtbObject):
    """A native impression; `request` is a document of its own, not read here (section 3.2.9)."""

    section = "3.2.9"

    request = Text(required=True)
    ver = Text()
    api = Array(Integer())
    battr = Array(Integer())
