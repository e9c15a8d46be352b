"""One request after the other, each with the answer that it must get."""

from __future__ import annotations

import json
from dataclasses import dataclass

from verification.traffic.breaches import BREACHES
from verification.traffic.draw import Draw, Members
from verification.traffic.http import Response
from verification.traffic.media import impressions
from verification.traffic.mix import Mix
from verification.traffic.people import device, rules, source, user
from verification.traffic.places import PLACES

_ACCEPTED = 202
_JSON = "application/json"
# What is wrong with the body or its type, rather than with the request in it.
CUT_SHORT, NOT_JSON = "a body cut short", "a body that is not called JSON"


@dataclass(frozen=True)
class Planned:
    """A request: its kind (`banner on site`), what is broken in it, and the status it must get.

    `rule` is the only rule in the answer's `errors`, or else the answer's `code`; empty where the
    request is valid.
    """

    kind: str
    broken: str
    body: bytes
    content_type: str
    status: int
    rule: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers to send."""
        return {"content-type": self.content_type}

    def disagreement(self, answer: Response) -> str | None:
        """Say in what an answer is not the expected one; None: it is."""
        found = answer.json
        rules = {error["rule"] for error in found.get("errors", ())} or {found.get("code", "")}
        wanted = {self.rule} if self.rule else rules
        if answer.status == self.status and rules == wanted:
            return None
        told = f"{answer.status} {'+'.join(sorted(rules))}".strip()
        return f"{self.broken or 'valid'}: {told} for {f'{self.status} {self.rule}'.strip()}"


def planned(seed: int, number: int, mix: Mix) -> Planned:
    """Return the request of that number: the same for the same seed and mix."""
    draw = Draw(seed, number)
    channel = draw.weighted(mix.channels)
    media = draw.weighted(mix.formats_on(channel))
    kind = f"{media} on {channel}"
    request = _request(draw, media, channel)
    if not draw.chance(mix.broken):
        return Planned(kind, "", _bytes(request), _JSON, _ACCEPTED, "")
    return _broken(draw, kind, request)


def _broken(draw: Draw, kind: str, request: Members) -> Planned:
    number = draw.number(0, len(BREACHES) + 1)
    if number == len(BREACHES):
        return Planned(kind, CUT_SHORT, _bytes(request)[:-9], _JSON, 400, "malformed-body")
    if number > len(BREACHES):
        return Planned(kind, NOT_JSON, _bytes(request), "text/plain", 415, "unsupported-media-type")
    breach = BREACHES[number]
    breach.apply(request)
    return Planned(kind, breach.name, _bytes(request), _JSON, 400, breach.rule)


def _request(draw: Draw, media: str, channel: str) -> Members:
    request: Members = {
        "id": draw.uuid(),
        "at": draw.one((1, 2)),
        "tmax": draw.one((100, 120, 150, 200, 300)),
        "cur": ["USD"],
        "imp": impressions(draw, media, channel),
        channel: PLACES[channel](draw),
        "device": device(draw, channel),
    }
    if channel != "dooh":
        request["user"] = user(draw)
        request["regs"] = rules(draw)
    if draw.chance(0.7):
        request["source"] = source(draw)
    if draw.chance(0.5):
        request["bcat"] = [f"IAB{draw.number(1, 26)}-{draw.number(1, 20)}" for _ in range(20)]
        request["badv"] = [f"{draw.token(10)}.example" for _ in range(draw.number(1, 40))]
    return request


def _bytes(request: Members) -> bytes:
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()
