"""What a soak breaks, each for a few seconds at most."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import TextIO

from tests.soak.world import World
from tests.support.fault_proxy import PRODUCE, Fault, Times, Way

LASTS_S = 3.0
HEALED_WITHIN_S = 5.0


class Breaking:
    """Does one harm at a time, and undoes it before it returns."""

    def __init__(self, world: World, out: TextIO) -> None:
        self._world = world
        self._out = out
        self._begun = time.monotonic()

    def do(self, name: str) -> None:
        """Do the fault of this name and print that it was done."""
        self._out.write(f"{time.monotonic() - self._begun:6.1f} s  {name}\n")
        FAULTS[name](self._world)


def _network(fault: Fault) -> Callable[[World], None]:
    def harm(world: World) -> None:
        world.proxy.inject(fault)
        time.sleep(LASTS_S)
        world.proxy.heal()

    return harm


def _away(world: World) -> None:
    world.proxy.go_away()
    time.sleep(LASTS_S)
    world.proxy.come_back()


def _cut(way: Way) -> Callable[[World], None]:
    """Cut the connection at five records, counted anew each time."""

    def harm(world: World) -> None:
        _network(Fault(cut=Times(way, PRODUCE, 5)))(world)

    return harm


def _worker(number: int) -> Callable[[World], None]:
    def harm(world: World) -> None:
        for pid in world.ingest.worker_pids():
            os.kill(pid, number)

    return harm


def _stopped_worker(world: World) -> None:
    workers = world.ingest.worker_pids()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(LASTS_S)
    for pid in workers:
        os.kill(pid, signal.SIGCONT)


def _consumer(number: int) -> Callable[[World], None]:
    def harm(world: World) -> None:
        world.consumer.process.send_signal(number)
        world.consumer.process.wait(timeout=60)
        world.start_consumer()

    return harm


def _killed_broker(world: World) -> None:
    world.broker.kill()
    world.broker.start()


FAULTS: dict[str, Callable[[World], None]] = {
    "connections reset": lambda world: world.proxy.reset(),
    "Kafka away": _away,
    "a black hole": _network(Fault(black_hole=True)),
    "Kafka 400 ms slower": _network(Fault(delay_s=0.3, jitter_s=0.1)),
    "slices of 7 bytes": _network(Fault(piece_bytes=7)),
    "records cut off": _cut(Way.REQUEST),
    "acknowledgements cut off": _cut(Way.RESPONSE),
    "ingest worker killed": _worker(signal.SIGKILL),
    "ingest worker terminated": _worker(signal.SIGTERM),
    "ingest worker stopped": _stopped_worker,
    "ingest reloaded": lambda world: world.ingest.process.send_signal(signal.SIGHUP),
    "bidding logic killed": _consumer(signal.SIGKILL),
    "bidding logic terminated": _consumer(signal.SIGTERM),
    "broker restarted": lambda world: world.broker.restart(),
    "broker killed": _killed_broker,
}
