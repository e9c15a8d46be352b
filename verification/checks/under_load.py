"""Disturbing the deployment under a steady load, and settling the ledger afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verification.checks.context import Context
from verification.checks.model import Evidence, NotAsPromisedError
from verification.cluster.deployment import Rollout
from verification.load.ledger import Ledger, Outcome, settle
from verification.load.outages import outages
from verification.load.steady import SteadyLoad
from verification.load.topics import DECISIONS, REQUESTS, Record

RATE = 40.0
DRAINED_WITHIN_S = 60.0
_BEFORE_S = 2.0
_AFTER_S = 3.0
_RECOVERED_WITHIN_S = 120.0
_ACCEPTING_WITHIN_S = 15.0

Disturbance = Callable[[Context], None]


@dataclass(frozen=True)
class Rules:
    """What a disturbance may do to the senders beside losing nothing.

    `longest_outage_s` bounds how long requests may fail in a row.
    """

    every_request_accepted: bool = False
    longest_outage_s: float | None = None


def survive(context: Context, name: str, disturb: Disturbance, rules: Rules) -> Evidence:
    """Send steadily, disturb, wait until all is well again, and account for every single id."""
    start = context.topics.ends(REQUESTS, DECISIONS)
    prefix = f"{context.run_id}-{name}-{context.clock.monotonic():.0f}"
    load = SteadyLoad(context.http, context.clock, prefix=prefix, rate=RATE)
    with load:
        _let_pass(context, load, _BEFORE_S)
        began = context.clock.monotonic()
        disturb(context)
        recover(context)
        recovered = context.clock.monotonic() - began
        accepting = _wait_accepting(context, load)
        _let_pass(context, load, _AFTER_S)
    drained = drain(context)
    records = [item for item in context.topics.read(start) if item.id.startswith(f"{prefix}-")]
    ledger = settle(load.attempts(), _ids(records, REQUESTS), _ids(records, DECISIONS))
    times = (
        f"all well {recovered:.1f} s after it began, accepting {accepting:.1f} s later, "
        f"lag 0 {drained:.1f} s after the load"
    )
    return judged(ledger, rules, times)


def recover(context: Context) -> float:
    """Wait until every workload is available again; return the seconds."""
    return Rollout(context.kubectl, context.waiter, context.clock).wait(_RECOVERED_WITHIN_S)


def drain(context: Context) -> float:
    """Wait until the bidding logic has consumed all there is; return the seconds."""

    def blocked_by() -> str | None:
        behind = sum(row["lag"] for row in context.topics.lag())
        return f"{behind} records behind" if behind else None

    return context.waiter.until("lag back to 0", blocked_by, within=DRAINED_WITHIN_S)


def _wait_accepting(context: Context, load: SteadyLoad) -> float:
    """Wait until a request that was sent from now on is accepted; return the seconds."""
    since = context.clock.monotonic() - load.start

    def blocked_by() -> str | None:
        recent = [item for item in load.settled() if item.sent_s >= since]
        if any(item.outcome is Outcome.ACCEPTED for item in recent):
            return None
        return f"none of {len(recent)} requests accepted: {recent[-1].detail if recent else ''}"

    return context.waiter.until("accepting again", blocked_by, within=_ACCEPTING_WITHIN_S)


def _let_pass(context: Context, load: SteadyLoad, seconds: float) -> None:
    wanted = load.sent + int(seconds * RATE)

    def blocked_by() -> str | None:
        return None if load.sent >= wanted else f"{load.sent} of {wanted} requests sent"

    context.waiter.until("load", blocked_by, within=seconds * 3 + 30)


def _ids(records: list[Record], topic: str) -> list[str]:
    return [item.id for item in records if item.topic == topic]


def judged(ledger: Ledger, rules: Rules, times: str) -> Evidence:
    """Return the evidence of a ledger; NotAsPromisedError where it breaks a rule."""
    outcomes = {
        outcome.value: sum(item.outcome is outcome for item in ledger.attempts)
        for outcome in Outcome
    }
    counts = ", ".join(f"{count} {name}" for name, count in outcomes.items())
    repeated = ledger.counts()["accepted and consumed more than once"]
    found = f"{counts}, {repeated} repeated; {times}"
    interrupted = "\n".join(map(str, outages(ledger.attempts))) or "none"
    details = {"failures": _failures(ledger), "outages": interrupted, "times": times}
    evidence = Evidence(found, details, ledger)
    broken = [*ledger.violations(), *_broken(ledger, rules)]
    if broken:
        raise NotAsPromisedError(
            expected="no loss", found=f"{'; '.join(broken)} ({found})", evidence=evidence
        )
    return evidence


def _broken(ledger: Ledger, rules: Rules) -> Iterator[str]:
    """Yield what was done to the senders that the rules do not allow."""
    accepted = sum(item.outcome is Outcome.ACCEPTED for item in ledger.attempts)
    if rules.every_request_accepted and accepted < len(ledger.attempts):
        yield f"not every request was accepted: {_failures(ledger)}"
    if not accepted:
        yield "not a single request was accepted"
    for outage in outages(ledger.attempts):
        if rules.longest_outage_s is not None and outage.seconds > rules.longest_outage_s:
            yield f"requests failed for more than {rules.longest_outage_s:.0f} s: {outage}"


def _failures(ledger: Ledger) -> str:
    failed = [item for item in ledger.attempts if item.outcome is not Outcome.ACCEPTED]
    kinds = sorted({item.detail for item in failed})
    shown = (f"{sum(x.detail == kind for x in failed)} x {kind}" for kind in kinds[:5])
    return "; ".join(shown) or "none"
