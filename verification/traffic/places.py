"""Where the ad is to be shown: on a site, in an app, on a screen out of home."""

from __future__ import annotations

from collections.abc import Callable

from verification.traffic import words
from verification.traffic.draw import Draw, Members


def _publisher(draw: Draw) -> Members:
    domain = draw.one(words.COMPANIES)
    return {"id": f"p-{draw.number(1, 999)}", "name": domain.split(".")[0], "domain": domain}


def _content(draw: Draw) -> Members:
    content: Members = {
        "id": f"c-{draw.token(8)}",
        "title": f"{draw.one(words.SEGMENTS).capitalize()}, part {draw.number(1, 40)}",
        "language": draw.one(words.CITIES)[3],
        "context": draw.number(1, 7),
        "len": draw.number(30, 5400),
        "livestream": int(draw.chance(0.1)),
    }
    if draw.chance(0.4):
        segments = [{"id": draw.token(6), "value": each} for each in draw.some(words.SEGMENTS, 5)]
        content["data"] = [{"id": "ctx", "name": "contextual.example", "segment": segments}]
    return content


def _site(draw: Draw) -> Members:
    name, domain, category = draw.one(words.SITES)
    path = "/".join(draw.token(draw.number(4, 24)) for _ in range(draw.number(1, 4)))
    site: Members = {
        "id": f"s-{draw.number(1, 9999)}",
        "name": name,
        "domain": domain,
        "cat": [category],
        "page": f"https://{domain}/{path}",
        "mobile": int(draw.chance(0.6)),
        "privacypolicy": 1,
        "publisher": _publisher(draw),
    }
    if draw.chance(0.5):
        site["ref"] = "https://search.example/"
        site["keywords"] = ",".join(draw.some(words.SEGMENTS, 6))
    if draw.chance(0.5):
        site["content"] = _content(draw)
    return site


def _app(draw: Draw) -> Members:
    name, bundle, category = draw.one(words.APPS)
    app: Members = {
        "id": f"a-{draw.number(1, 9999)}",
        "name": name,
        "bundle": bundle,
        "storeurl": f"https://apps.example/{bundle}",
        "ver": f"{draw.number(1, 30)}.{draw.number(0, 9)}.{draw.number(0, 9)}",
        "cat": [category],
        "privacypolicy": 1,
        "paid": 0,
        "publisher": _publisher(draw),
    }
    if draw.chance(0.4):
        app["content"] = _content(draw)
    return app


def _screen(draw: Draw) -> Members:
    name, venue = draw.one(words.SCREENS)
    return {
        "id": f"scr-{draw.number(1, 9999)}",
        "name": name,
        "venuetype": [venue],
        "venuetypetax": 1,
        "publisher": _publisher(draw),
    }


PLACES: dict[str, Callable[[Draw], Members]] = {"site": _site, "app": _app, "dooh": _screen}
