"""How fast the bidding logic works off a backlog, next to a bare poll loop."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from bench.body import bodies, smallest
from bench.machine import pinned
from bench.server import ROOT
from tests.support.topics import make_topic
from verification.errors import CannotRunError
from verification.run.ports import free_port
from verification.run.processes import Command, spawn

COUNTING, PARSING = "poll loop, counting", "poll loop, json.loads"
DECIDING, SILENT = "ours, decisions on", "ours, decisions off"
_NO_SINKS = {"CONSUMER_SINKS": "", "CONSUMER_DURABLE_SINKS": ""}
_DONE = re.compile(rb"^consumer_decisions_total\{[^}]*\} ([\d.e+]+)$", re.MULTILINE)
_LONGEST_S = 400
_LOOK_S = 0.1


@dataclass(frozen=True)
class Pace:
    """Records a second, CPU microseconds a record, and the process's largest memory in MiB."""

    rate: float
    cpu_us: float
    memory_mib: float = 0.0


def fill(brokers: str, topic: str, records: int, whole: bytes | None = None) -> None:
    """Write so many bid requests, each with an id and a partition of its own."""
    from confluent_kafka import Producer  # noqa: PLC0415  tests and docs need the rest without it

    producer = Producer({"bootstrap.servers": brokers, "acks": "all", "linger.ms": 5})
    now = b"%d" % (time.time() * 1000)
    for number, body in enumerate(bodies(records, whole)):
        while True:
            with suppress(BufferError):
                headers: list[tuple[str, str | bytes | None]] = [("received-at", now)]
                producer.produce(topic, body, b"%d" % number, headers=headers)
                break
            producer.poll(0.1)
    if producer.flush(60):
        raise CannotRunError("the backlog was not acknowledged in time")


@dataclass(frozen=True)
class Backlog:
    """So many records on a topic, and the core on which they are worked off."""

    brokers: str
    topic: str
    records: int
    core: int

    @classmethod
    def made(cls, brokers: str, records: int, core: int, whole: bytes | None = None) -> Self:
        """Make a topic and fill it, with the body of all measurements or another one."""
        topic = make_topic(brokers, "backlog")
        fill(brokers, topic, records, whole)
        return cls(brokers, topic, records, core)


def poll_loop(how: str, backlog: Backlog) -> Pace:
    """Run a bare loop over the topic in a process of its own."""
    loop = (sys.executable, "-m", "bench.poll_loop", how, backlog.topic, str(backlog.records))
    command = pinned((backlog.core,), loop)
    environ = {**os.environ, "KAFKA_BROKERS": backlog.brokers}
    ended = subprocess.run(command, env=environ, capture_output=True, check=True, cwd=ROOT)  # noqa: S603  our own command
    return Pace(**json.loads(ended.stdout))


@dataclass(frozen=True)
class BiddingLogic:
    """A running consumer: its process id, and where its metrics are."""

    pid: int
    port: int

    def decided(self) -> float:
        """Return how many records are decided; 0 while nobody listens yet."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:
            return sum(map(float, _DONE.findall(page.read())))
        return 0.0


@contextmanager
def bidding_logic(
    backlog: Backlog, log: Path, settings: Mapping[str, str] | None = None
) -> Iterator[BiddingLogic]:
    """Run the consumer with a group of its own on the topic, and with further settings."""
    port = free_port()
    environ = {
        **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}},
        "KAFKA_BROKERS": backlog.brokers,
        "KAFKA_TOPIC_BID_REQUESTS": backlog.topic,
        "KAFKA_TOPIC_BID_DECISIONS": make_topic(backlog.brokers, "decisions"),
        "KAFKA_TOPIC_DEAD_LETTERS": make_topic(backlog.brokers, "dead-letters"),
        "KAFKA_CONSUMER_GROUP": f"bench-{uuid.uuid4().hex[:8]}",
        "CONSUMER_HEALTH_HOST": "127.0.0.1",
        "CONSUMER_HEALTH_PORT": str(port),
        **(settings or {}),
    }
    command = Command(pinned((backlog.core,), (sys.executable, "-m", "consumer")), environ, ROOT)
    with log.open("wb") as out:
        child = spawn(command, stdout=out, stderr=out)
    try:
        yield BiddingLogic(child.pid, port)
    finally:
        child.stop(15)


def ours(backlog: Backlog, log: Path, settings: Mapping[str, str] | None = None) -> Pace:
    """Let the consumer work the backlog off; the clock runs from its first decisions on."""
    deadline = time.monotonic() + _LONGEST_S
    with bidding_logic(backlog, log, settings) as logic:
        process, begun, memory = psutil.Process(logic.pid), (0.0, 0.0, 0.0), 0.0
        while (done := logic.decided()) < backlog.records:
            if done and not begun[0]:
                begun = (done, time.perf_counter(), sum(process.cpu_times()[:2]))
            memory = max(memory, process.memory_info().rss / 2**20)
            if time.monotonic() > deadline:
                raise CannotRunError(f"{done:.0f} of {backlog.records} after {_LONGEST_S} s")
            time.sleep(_LOOK_S)
        took_s = time.perf_counter() - begun[1]
        cpu_s = sum(process.cpu_times()[:2]) - begun[2]
    counted = backlog.records - begun[0]
    return Pace(counted / took_s, cpu_s * 1e6 / counted, memory)


def paces(
    backlog: Backlog, rounds: int, folder: Path, say: Callable[[str], None]
) -> dict[str, Pace]:
    """Return the medians of everybody's rounds over the same backlog, in turns."""
    runs: dict[str, Callable[[], Pace]] = {
        COUNTING: lambda: poll_loop("count", backlog),
        PARSING: lambda: poll_loop("parse", backlog),
        DECIDING: lambda: ours(backlog, folder / "consumer.log"),
        SILENT: lambda: ours(backlog, folder / "consumer.log", _NO_SINKS),
    }
    found: dict[str, list[Pace]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
            say(f"round {number + 1}: {name} {found[name][-1].rate:.0f} records/s")
    return {name: _median(each) for name, each in found.items()}


def drained(
    brokers: str, core: int, extents: Sequence[int], folder: Path, say: Callable[[str], None]
) -> dict[int, Pace]:
    """Let the consumer work off backlogs of so many records each, of the smallest body."""
    found = {}
    for records in extents:
        backlog = Backlog.made(brokers, records, core, smallest())
        found[records] = ours(backlog, folder / "consumer.log")
        say(f"backlog of {records:,}: {found[records].rate:.0f} records/s")
    return found


def _median(rounds: list[Pace]) -> Pace:
    return Pace(
        statistics.median(each.rate for each in rounds),
        statistics.median(each.cpu_us for each in rounds),
        max(each.memory_mib for each in rounds),
    )
