"""Latency over offered load: the open loop at a share of the peak after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

from kafka import KafkaProducer

from bench import open_loop
from bench.body import bodies
from bench.open_loop import Paced
from bench.server import Server
from verification.traffic.quantiles import quantile

HALF = 0.5
SHARES = (0.25, HALF, 0.75, 0.9)


def over_load(
    servers: Mapping[str, Server],
    peak: float,
    shares: Sequence[float],
    seconds: float,
    say: Callable[[str], None],
) -> dict[str, list[Paced]]:
    """Offer every server the same loads, shares of `peak` requests a second, in turns."""
    found: dict[str, list[Paced]] = {name: [] for name in servers}
    for share in shares:
        for name, server in servers.items():
            paced = open_loop.run(server.port, round(peak * share), seconds)
            found[name].append(paced)
            void = f", void: {paced.void}" if paced.void else ""
            say(f"{paced.rate:.0f}/s offered: {name} p99 {paced.p99_ms:.1f} ms{void}")
    return found


def acknowledgement_p99_ms(brokers: str, topic: str, records: int = 1000) -> float:
    """Return the broker's own time: one client that sends one record after another."""
    took: list[float] = []
    with closing(KafkaProducer(bootstrap_servers=brokers, acks="all")) as producer:
        for body in bodies(records):
            began = time.perf_counter()
            producer.send(topic, body).get(10)
            took.append((time.perf_counter() - began) * 1000)
    return quantile(sorted(took), 0.99)
