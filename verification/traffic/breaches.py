"""Ways to break a valid request, each of which breaks one rule alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verification.traffic.draw import Members

_MEDIA = ("banner", "video", "audio", "native")


@dataclass(frozen=True)
class Breach:
    """What is done to a request, and the rule of OpenRTB 2.6 that it breaks by it."""

    name: str
    rule: str
    apply: Callable[[Members], object]


def _without_media(request: Members) -> None:
    for kind in _MEDIA:
        request["imp"][0].pop(kind, None)


def _second_place(request: Members) -> None:
    name = "app" if "site" in request else "site"
    request[name] = {"id": "one-too-many"}


def _set_first(name: str, value: object) -> Callable[[Members], object]:
    """Return what sets a member of the first impression."""

    def apply(request: Members) -> None:
        request["imp"][0][name] = value

    return apply


BREACHES = (
    Breach("no id", "required", lambda request: request.pop("id")),
    Breach("no impressions", "required", lambda request: request.pop("imp")),
    Breach("no name for an impression", "required", lambda request: request["imp"][0].pop("id")),
    Breach("an empty id", "not-empty", lambda request: request.update(id="")),
    Breach("an empty list of impressions", "not-empty", lambda request: request.update(imp=[])),
    Breach("an impression of nothing", "media-type", _without_media),
    Breach(
        "an impression twice", "unique", lambda request: request["imp"].append(request["imp"][0])
    ),
    Breach("in two places", "exclusive", _second_place),
    Breach("a price in quotes", "type", _set_first("bidfloor", "1.20")),
    Breach("a flag as a boolean", "type", _set_first("secure", True)),  # noqa: FBT003  the breach itself
    Breach("a flag of 2", "one-of", _set_first("secure", 2)),
    Breach("a negative price", "range", _set_first("bidfloor", -0.5)),
    Breach("off the globe", "range", lambda request: request["device"]["geo"].update(lat=91)),
)
