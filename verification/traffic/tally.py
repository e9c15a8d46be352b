"""What came of the traffic: a ledger, latencies, sizes, and every answer that was not expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from verification.traffic.ledger import Outcome
from verification.traffic.quantiles import quantiles
from verification.traffic.sender import Sent
from verification.traffic.steady import judge

_TOLD = 5
_UNANSWERED = "unanswered"
# The ledger's columns by what the sender was told.
COLUMNS = {
    Outcome.ACCEPTED: "accepted",
    Outcome.REFUSED: "refused",
    Outcome.INDETERMINATE: "unknown",
}


@dataclass
class Tally:
    """Counts of the requests that have ended."""

    ledger: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    unexpected: Counter[str] = field(default_factory=Counter)

    @property
    def sent(self) -> int:
        """How many requests have ended, answered or not."""
        return self.ledger.total()

    def add(self, sent: Sent) -> None:
        """Count a request: in just one column of the ledger."""
        self.kinds[sent.request.kind] += 1
        self.broken += bool(sent.request.broken)
        self.sizes.append(len(sent.request.body))
        if sent.answer is None:
            self.ledger[_UNANSWERED] += 1
            self.unexpected[f"no answer: {sent.why}"] += 1
            return
        outcome = judge(sent.answer)
        self.ledger[COLUMNS[outcome]] += 1
        if outcome is Outcome.ACCEPTED:
            self.latencies_ms.append(sent.latency_ms)
        disagreement = sent.request.disagreement(sent.answer)
        if disagreement is not None:
            self.unexpected[disagreement] += 1

    def summary(self, due: int) -> str:
        """Return the summary, `due` being how many requests were to be sent."""
        return "\n".join(self._lines(due)) + "\n"

    def _lines(self, due: int) -> Iterator[str]:
        columns = (*COLUMNS.values(), _UNANSWERED)
        yield "ledger    " + ", ".join(f"{self.ledger[name]:,} {name}" for name in columns)
        yield f"sent      {self.sent:,} of {due:,}, {self.broken:,} of them broken on purpose"
        latencies = quantiles(sorted(self.latencies_ms))
        told = ", ".join(f"{name} {value:.1f} ms" for name, value in latencies.items())
        yield f"accepted  {told or 'none'}"
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.most_common())
        yield f"kinds     {kinds}"
        sizes = quantiles(sorted(self.sizes))
        yield "bytes     " + ", ".join(f"{name} {value:,.0f}" for name, value in sizes.items())
        for what, count in self.unexpected.most_common(_TOLD):
            yield f"  not as expected, {count:,} times: {what}"
