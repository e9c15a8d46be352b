"""Where the ad is shown: Site, App, DOOH, and the content and companies behind them."""

from __future__ import annotations

from app.openrtb.audience import Data
from app.schema.base import OpenRtbObject
from app.schema.fields import Array, Flag, Integer, Natural, Object, Text
from app.schema.relations import AtMostOne

_ONE_KEYWORD_LIST = AtMostOne(("keywords", "kwarray"))


class Publisher(OpenRtbObject):
    """The seller who is paid for the inventory (section 3.2.15)."""

    section = "3.2.15"

    id = Text()
    name = Text()
    cattax = Integer()
    cat = Array(Text())
    domain = Text()


class Producer(OpenRtbObject):
    """Who made the content (section 3.2.17)."""

    section = "3.2.17"

    id = Text()
    name = Text()
    cattax = Integer()
    cat = Array(Text())
    domain = Text()


class Network(OpenRtbObject):
    """The network that the channel belongs to (section 3.2.23)."""

    section = "3.2.23"

    id = Text()
    name = Text()
    domain = Text()


class Channel(OpenRtbObject):
    """The channel that the content is on (section 3.2.24)."""

    section = "3.2.24"

    id = Text()
    name = Text()
    domain = Text()


class Content(OpenRtbObject):
    """The content that the ad is shown in (section 3.2.16)."""

    section = "3.2.16"
    relations = (_ONE_KEYWORD_LIST, AtMostOne(("language", "langb")))

    id = Text()
    episode = Integer()
    title = Text()
    series = Text()
    season = Text()
    artist = Text()
    genre = Text()
    gtax = Integer()
    genres = Array(Text())
    album = Text()
    isrc = Text()
    producer = Object(Producer)
    url = Text()
    cattax = Integer()
    cat = Array(Text())
    prodq = Integer()
    context = Integer()
    contentrating = Text()
    userrating = Text()
    qagmediarating = Integer()
    keywords = Text()
    kwarray = Array(Text())
    livestream = Flag()
    sourcerelationship = Flag()
    len = Natural()
    language = Text()
    langb = Text()
    embeddable = Flag()
    data = Array(Object(Data))
    network = Object(Network)
    channel = Object(Channel)
    realtime = Flag()
    firstbroadcast = Flag()


class Site(OpenRtbObject):
    """A website (section 3.2.13)."""

    section = "3.2.13"
    relations = (_ONE_KEYWORD_LIST,)

    id = Text()
    name = Text()
    domain = Text()
    cattax = Integer()
    cat = Array(Text())
    sectioncat = Array(Text())
    pagecat = Array(Text())
    page = Text()
    ref = Text()
    search = Text()
    mobile = Flag()
    privacypolicy = Flag()
    publisher = Object(Publisher)
    content = Object(Content)
    keywords = Text()
    kwarray = Array(Text())
    inventorypartnerdomain = Text()


class App(OpenRtbObject):
    """An application that is not a browser (section 3.2.14)."""

    section = "3.2.14"
    relations = (_ONE_KEYWORD_LIST,)

    id = Text()
    name = Text()
    bundle = Text()
    domain = Text()
    storeurl = Text()
    cattax = Integer()
    cat = Array(Text())
    sectioncat = Array(Text())
    pagecat = Array(Text())
    ver = Text()
    privacypolicy = Flag()
    paid = Flag()
    publisher = Object(Publisher)
    content = Object(Content)
    keywords = Text()
    kwarray = Array(Text())
    inventorypartnerdomain = Text()


class DOOH(OpenRtbObject):
    """A screen out of home (section 3.2.32)."""

    section = "3.2.32"

    id = Text()
    name = Text()
    venuetype = Array(Text())
    venuetypetax = Integer()
    publisher = Object(Publisher)
    domain = Text()
    keywords = Text()
    content = Object(Content)
