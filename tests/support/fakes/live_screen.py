"""A look at a pipeline under load, as the live view shows it."""

from __future__ import annotations

from math import inf, sin

from verification.run.live.figures import Consumer, Ingest, Latency
from verification.run.live.screen import Screen

BUSY = Ingest(
    rate=212.5,
    accepted_rate=200.25,
    accepted=12345,
    latency=Latency(0.004, 0.021),
    in_flight=3,
    oldest_s=0.1,
    refused={"invalid-bid-request": 42, "too-large": 2},
    rules={f"rule-{number}": 10 - number for number in range(6)},
)
DECIDING = Consumer(
    rate=199.5,
    latency=Latency(0.03, inf),
    lag_messages=17,
    lag_s=0.4,
    retries=0,
    dead_letters=1,
    decisions={"no_bid: no_bid": 12000},
)


def screen(notable: int = 20, looks: int = 3) -> Screen:
    """Return a screen with so many notable lines, after so many looks."""
    rates = [100 * (1 + sin(number / 9)) for number in range(looks)]
    lines = [
        f"10:15:{number:02} ingest warning: not connected why=away" for number in range(notable)
    ]
    return Screen(BUSY, DECIDING, rates, lines, 1234)
