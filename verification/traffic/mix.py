"""How often each kind of request comes, and how many are broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from verification.errors import UsageError

FORMATS = {"banner": 50.0, "video": 25.0, "native": 15.0, "audio": 10.0}
CHANNELS = {"site": 45.0, "app": 45.0, "dooh": 10.0}
BROKEN_PERCENT = 8.0
# A screen out of home has neither sound nor a page to blend in with.
SCREEN_FORMATS = ("banner", "video")


@dataclass(frozen=True)
class Mix:
    """Weights of the formats and of the channels, and the share of broken requests, 0 to 1."""

    formats: Mapping[str, float]
    channels: Mapping[str, float]
    broken: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `video=3,app=2,dooh=0,broken=5`; what is not named keeps its usual weight.

        `broken` is a percentage of all requests. Raises UsageError.
        """
        given = {**FORMATS, **CHANNELS, "broken": BROKEN_PERCENT}
        for part in filter(None, text.split(",")):
            name, _, weight = part.partition("=")
            if name.strip() not in given:
                message = f"there is no {name.strip()!r} to mix, there are {', '.join(given)}"
                raise UsageError(message)
            given[name.strip()] = _weight(part, weight)
        formats, channels = ({name: given[name] for name in each} for each in (FORMATS, CHANNELS))
        _check(formats, channels, given["broken"])
        return cls(formats, channels, given["broken"] / 100)

    def formats_on(self, channel: str) -> Mapping[str, float]:
        """Return the weights of the formats that such a channel has."""
        if channel != "dooh":
            return self.formats
        return {name: self.formats[name] for name in SCREEN_FORMATS}


def _weight(part: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1_000_000:  # noqa: PLR2004  a weight, neither infinite nor a typing error
        message = f"{part!r}: a weight is a number from 0 on, as in video=3"
        raise UsageError(message)
    return weight


def _check(formats: Mapping[str, float], channels: Mapping[str, float], broken: float) -> None:
    if not any(formats.values()) or not any(channels.values()):
        raise UsageError("the mix leaves no format or no channel")
    if channels["dooh"] and not any(formats[name] for name in SCREEN_FORMATS):
        raise UsageError("dooh needs banner or video in the mix: add dooh=0")
    if broken > 100:  # noqa: PLR2004  per cent
        raise UsageError("broken is a percentage, from 0 to 100")
