"""When the senders were not served: failed requests gathered into outages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from verification.traffic.ledger import Attempt, Outcome

# Failures further apart than this belong to different outages.
_GAP_S = 1.0


@dataclass(frozen=True)
class Outage:
    """Requests that failed in a row: when the first and the last were sent, and how many."""

    first_s: float
    last_s: float
    failed: int

    @property
    def seconds(self) -> float:
        """How long it lasted, by the times of sending."""
        return self.last_s - self.first_s

    def __str__(self) -> str:
        """Return `12 requests in 0.9 s, from 2.0 s on`."""
        return f"{self.failed} requests in {self.seconds:.1f} s, from {self.first_s:.1f} s on"


def outages(attempts: Iterable[Attempt]) -> list[Outage]:
    """Return the outages in the order of time; requests that were accepted make none."""
    failed = sorted(item.sent_s for item in attempts if item.outcome is not Outcome.ACCEPTED)
    found: list[Outage] = []
    for sent_s in failed:
        if found and sent_s - found[-1].last_s <= _GAP_S:
            found[-1] = Outage(found[-1].first_s, sent_s, found[-1].failed + 1)
        else:
            found.append(Outage(sent_s, sent_s, 1))
    return found
