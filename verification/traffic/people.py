"""Who is to see the ad, on which device, under which rules, and who sold it on."""

from __future__ import annotations

from verification.traffic import words
from verification.traffic.draw import Draw, Members


def device(draw: Draw, channel: str) -> Members:
    """Return a screen, a telephone or a computer, and where it is."""
    country, region, city, language, latitude, longitude = draw.one(words.CITIES)
    found: Members = {
        "ip": f"{draw.one(words.NETWORKS)}.{draw.number(1, 254)}",
        "language": language,
        "geo": {
            "country": country,
            "region": region,
            "city": city,
            "type": draw.number(1, 3),
            "lat": draw.near(latitude),
            "lon": draw.near(longitude),
        },
    }
    if channel == "dooh":
        return {**found, "ua": "StationPlayer/6.1", "devicetype": 8, "w": 1080, "h": 1920}
    if channel == "app" or draw.chance(0.6):
        return {**found, **_telephone(draw)}
    return {**found, "ua": draw.one(words.DESKTOP_AGENTS), "devicetype": 2, "w": 1920, "h": 1080}


def _telephone(draw: Draw) -> Members:
    make, model, system, version, width, height = draw.one(words.PHONES)
    return {
        "ua": words.MOBILE_AGENT.format(os=system, osv=version, model=model),
        "devicetype": 4,
        "make": make,
        "model": model,
        "os": system,
        "osv": version,
        "w": width,
        "h": height,
        "pxratio": 2.625,
        "js": 1,
        "lmt": int(draw.chance(0.3)),
        "ifa": draw.uuid(),
        "connectiontype": draw.number(2, 7),
    }


def user(draw: Draw) -> Members:
    """Return what is known of a person: often little, sometimes a lot."""
    found: Members = {"id": f"u-{draw.token(16)}"}
    if draw.chance(0.6):
        found["buyeruid"] = draw.token(22)
    if draw.chance(0.5):
        found["eids"] = [_identifier(draw, each) for each in draw.some(words.ID_SOURCES, 4)]
    if draw.chance(0.3):
        found["data"] = [_segments(draw) for _ in range(draw.number(1, 3))]
    return found


def _identifier(draw: Draw, source: str) -> Members:
    return {"source": source, "uids": [{"id": draw.token(draw.number(16, 64)), "atype": 1}]}


def _segments(draw: Draw) -> Members:
    segments = [
        {"id": draw.token(6), "name": "interest", "value": each}
        for each in draw.some(words.SEGMENTS, 7)
    ]
    return {"id": f"dp-{draw.number(1, 20)}", "name": "panel.example", "segment": segments}


def rules(draw: Draw) -> Members:
    """Return the laws that the request is under, with a consent string where one is due."""
    if draw.chance(0.5):
        return {"coppa": 0, "gdpr": 1, "gpp": f"DBACNY~{draw.token(draw.number(40, 300))}"}
    return {"coppa": 0, "gdpr": 0}


def source(draw: Draw) -> Members:
    """Return the companies that passed the request on."""
    nodes = [
        {"asi": each, "sid": f"{draw.number(1000, 99999)}", "hp": 1}
        for each in draw.some(words.COMPANIES, 4)
    ]
    return {
        "fd": 1,
        "tid": draw.uuid(),
        "schain": {"complete": 1, "ver": "1.0", "nodes": nodes},
    }
