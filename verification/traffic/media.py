"""Impressions by format."""

from __future__ import annotations

import json
from collections.abc import Callable

from verification.traffic import words
from verification.traffic.draw import Draw, Members


def impressions(draw: Draw, kind: str, channel: str) -> list[Members]:
    """Return the impressions of one request, mostly one, all of the same format."""
    count = draw.number(2, 5) if channel == "site" and draw.chance(0.3) else 1
    return [_impression(draw, kind, channel, number) for number in range(1, count + 1)]


def _impression(draw: Draw, kind: str, channel: str, number: int) -> Members:
    imp: Members = {
        "id": str(number),
        "tagid": f"{kind}-{draw.number(1, 40)}",
        "secure": 1,
        "bidfloor": draw.price(12.0 if kind == "video" else 3.0),
        "bidfloorcur": "USD",
        kind: MAKERS[kind](draw),
    }
    if channel == "app":
        imp["displaymanager"], imp["displaymanagerver"] = "tessera-sdk", "8.0.2"
        imp["instl"] = int(draw.chance(0.2))
    if channel == "dooh":
        imp["qty"] = {"multiplier": draw.price(40), "sourcetype": 1, "vendor": "footfall.example"}
        imp["exp"] = 900
    elif draw.chance(0.35):
        imp["metric"] = [{"type": "viewability", "value": draw.number(0, 100) / 100}]
    if draw.chance(0.3):
        imp["pmp"] = _deals(draw)
    return imp


def _deals(draw: Draw) -> Members:
    deals = [
        {
            "id": f"deal-{draw.token(8)}",
            "bidfloor": draw.price(20),
            "bidfloorcur": "USD",
            "at": 1,
            "wseat": [f"seat-{draw.number(1, 99)}"],
        }
        for _ in range(draw.number(1, 6))
    ]
    return {"private_auction": int(draw.chance(0.2)), "deals": deals}


def _banner(draw: Draw) -> Members:
    sizes = draw.some(words.SIZES, 5)
    return {
        "w": sizes[0][0],
        "h": sizes[0][1],
        "format": [{"w": width, "h": height} for width, height in sizes],
        "pos": draw.one((0, 1, 3)),
        "battr": [1, 3, 8, 9, 14],
        "btype": [1, 4],
        "mimes": ["image/jpeg", "image/png", "text/html"],
        "api": [5, 6, 7],
    }


def _video(draw: Draw) -> Members:
    return {
        "mimes": draw.some(("video/mp4", "video/webm", "application/javascript"), 3),
        "minduration": 5,
        "maxduration": draw.one((15, 30, 60)),
        "startdelay": draw.one((0, -1, 300)),
        "protocols": [2, 3, 5, 6, 7, 8],
        "w": 1920,
        "h": 1080,
        "plcmt": draw.number(1, 4),
        "linearity": 1,
        "skip": int(draw.chance(0.5)),
        "playbackmethod": [draw.number(1, 6)],
        "delivery": [2],
        "api": [7],
        "minbitrate": 300,
        "maxbitrate": 5000,
        "companionad": [{"id": "c1", "w": 300, "h": 250, "vcm": 1}],
    }


def _audio(draw: Draw) -> Members:
    return {
        "mimes": ["audio/mp4", "audio/mpeg"],
        "minduration": 10,
        "maxduration": draw.one((15, 30)),
        "startdelay": draw.one((0, -1)),
        "protocols": [9, 10],
        "feed": draw.number(1, 3),
        "stitched": int(draw.chance(0.5)),
        "nvol": draw.number(0, 4),
        "delivery": [1],
        "companionad": [{"w": 320, "h": 50}],
        "durfloors": [{"mindur": 10, "maxdur": 30, "bidfloor": draw.price(6)}],
    }


def _native(draw: Draw) -> Members:
    assets = [
        {"id": 1, "required": 1, "title": {"len": draw.one((25, 90, 140))}},
        {"id": 2, "required": 1, "img": {"type": 3, "wmin": 600, "hmin": 314}},
        {"id": 3, "required": 0, "img": {"type": 1, "wmin": 80, "hmin": 80}},
        {"id": 4, "data": {"type": 1, "len": 25}},
        {"id": 5, "data": {"type": 2, "len": 90}},
    ]
    request = {"ver": "1.2", "context": 1, "plcmttype": draw.number(1, 4), "assets": assets}
    return {"request": json.dumps(request), "ver": "1.2", "api": [7], "battr": [3, 13]}


MAKERS: dict[str, Callable[[Draw], Members]] = {
    "banner": _banner,
    "video": _video,
    "audio": _audio,
    "native": _native,
}
