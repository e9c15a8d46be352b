"""`python -m tests.services.faults.altered CHANGE SERVICE`: a service that one thing befalls."""

from __future__ import annotations

import os
import pkgutil
import runpy
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

CLOCK, PATIENT, UNANSWERED = "clock", "patient", "unanswered"
BEFORE_EFFECTS, BEFORE_COMMIT, AFTER_COMMIT = "before-effects", "before-commit", "after-commit"
# within a transaction: effects, then offsets, then the commit
BEFORE_OFFSETS, BEFORE_END, AFTER_END = "before-offsets", "before-end", "after-end"
FORGETS, NO_CODECS = "forgets", "no-codecs"
STOPPED = "stopped"  # behind the service: it does not die, but is stopped
DOOMED = b"doomed"  # the key of the record that is acknowledged and not answered

_OFFSETS_S = (0, -7200, 7200)
_PATIENCE_S = 20.0  # longer than a machine stands still
_PUBLISHER, _READER = "consumer.kafka.publisher:Publisher", "consumer.kafka.reading:ReadingConsumer"
_TRANSACTIONS = "consumer.kafka.producer:TransactionalProducer"


def altered(change: str, service: str = "consumer", *more: str) -> tuple[str, ...]:
    """Return the program, as Python's arguments."""
    return ("-m", "tests.services.faults.altered", change, service, *more)


def step_clock() -> None:
    """Set the wall clock hours back and forth every second."""
    true_time = time.time
    time.time = lambda: true_time() + _OFFSETS_S[int(time.monotonic()) % len(_OFFSETS_S)]


def die() -> None:
    """Lose power, or only fall asleep."""
    os.kill(os.getpid(), signal.SIGSTOP if STOPPED in sys.argv else signal.SIGKILL)


def die_at(owner: str, method: str, *, after: bool = False) -> None:
    """Die before or after the first call of a method; whoever wakes up goes on."""
    kind = pkgutil.resolve_name(owner)
    passed_on = getattr(kind, method)

    def deadly(*args: object, **kwargs: object) -> Any:  # noqa: ANN401  the method's own
        setattr(kind, method, passed_on)
        if not after:
            die()
        try:
            return passed_on(*args, **kwargs)
        finally:
            if after:
                die()

    setattr(kind, method, deadly)


def die_unanswered() -> None:
    """Die between Kafka's acknowledgement of a certain record and the answer to its client."""
    kind = pkgutil.resolve_name("app.kafka.kafka_publisher:KafkaPublisher")
    publish = kind.publish

    def deadly(self: object, record: Any) -> Any:  # noqa: ANN401  the method's own
        acknowledged = publish(self, record)
        if record.key == DOOMED:
            die()
        return acknowledged

    kind.publish = deadly


def wait_for_kafka() -> None:
    """Let new workers serve nobody before they are connected, however long that takes."""
    # not of a module that imports prometheus_client, which decides then for how many it counts
    kind = pkgutil.resolve_name("app.kafka.producer_supervisor:ProducerSupervisor")
    start = kind.start
    kind.start = lambda self, patience_s: start(self, max(patience_s, _PATIENCE_S))


def forget() -> None:
    """Read partition 0 no more after each poll."""
    kind = pkgutil.resolve_name(_READER)
    poll = kind.poll

    def forgetful(self: Any, **kwargs: Any) -> Any:  # noqa: ANN401  kafka-python ships no types
        polled = poll(self, **kwargs)
        self.pause(*[tp for tp in self.assignment() if tp.partition == 0])
        return polled

    kind.poll = forgetful


CHANGES: Mapping[str, Callable[[], None]] = {
    CLOCK: step_clock,
    PATIENT: wait_for_kafka,
    UNANSWERED: die_unanswered,
    BEFORE_EFFECTS: partial(die_at, _PUBLISHER, "publish"),
    BEFORE_COMMIT: partial(die_at, _READER, "commit"),
    AFTER_COMMIT: partial(die_at, _READER, "commit", after=True),
    BEFORE_OFFSETS: partial(die_at, _TRANSACTIONS, "add_offsets"),
    BEFORE_END: partial(die_at, _TRANSACTIONS, "commit"),
    AFTER_END: partial(die_at, _TRANSACTIONS, "commit", after=True),
    FORGETS: forget,
    NO_CODECS: lambda: pkgutil.resolve_name("consumer.kafka.compression:CODECS").clear(),
}


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  as `python -m` does
    change, service = sys.argv[1:3]
    CHANGES[change]()  # before the service is imported, which may keep what is there
    runpy.run_module(service, run_name="__main__", alter_sys=True)
