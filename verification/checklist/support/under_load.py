"""Disturbing the deployment under the run's steady load, and settling what was sent meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verification.checklist.support.check import Evidence, NotAsPromisedError
from verification.checklist.support.context import Context
from verification.cluster.deployment import Rollout
from verification.cluster.waiting import WaitTimeoutError
from verification.traffic.ledger import Column, Ledger, Outcome
from verification.traffic.outages import outages
from verification.traffic.steady import SteadyLoad
from verification.traffic.underway import RATE, Stream, ledger_of

DRAINED_WITHIN_S = 60.0
_BEFORE_S = 2.0
_AFTER_S = 3.0
_RECOVERED_WITHIN_S = 120.0
_ACCEPTING_WITHIN_S = 15.0
_ANSWERED_WITHIN_S = 30.0
_SENT_WITHIN_S = 40.0
_DECIDED_WITHIN_S = 60.0

Disturbance = Callable[[Context], None]


@dataclass(frozen=True)
class Rules:
    """What a disturbance may do to the senders beside losing nothing.

    `longest_outage_s` bounds how long requests may fail in a row.
    """

    every_request_accepted: bool = False
    longest_outage_s: float | None = None


def survive(context: Context, disturb: Disturbance, rules: Rules) -> Evidence:
    """Disturb, wait until all is well again, and account for every id that was sent meanwhile.

    The load goes on from check to check. This one answers for what was sent since the last one
    was through, until a moment after all is well again.
    """
    stream = sending(context)
    first = stream.judged
    try:
        times = _through(context, stream, disturb)
    finally:
        stream.judged = stream.load.sent
    window = range(first, stream.judged)
    _wait_answered(context, stream, window)
    decided = _wait_decided(context, stream, window)
    ledger = stream.settled(window)
    stream.forget(window)
    return judged(ledger, rules, f"{times}, decided {decided:.1f} s after that")


def sending(context: Context) -> Stream:
    """Return the run's load, which begins now where there is none."""
    return context.underway.stream(context.http, context.clock, context.topics, context.run_id)


def account(context: Context) -> Evidence:
    """End the load, wait until all is consumed, and place every id by reading all of it anew."""
    stream = sending(context)
    _let_pass(context, stream.load, int(_BEFORE_S * RATE))
    context.underway.close()
    drained = drain(context)
    ledger = ledger_of(list(stream.load.attempts()), stream.read_all(context.topics))
    return judged(ledger, Rules(), f"lag 0 {drained:.1f} s after the load")


def _through(context: Context, stream: Stream, disturb: Disturbance) -> str:
    """Disturb once enough is underway, and see it through; return how long that took."""
    load = stream.load
    _let_pass(context, load, stream.judged + int(_BEFORE_S * RATE))
    began = context.clock.monotonic()
    disturb(context)
    recover(context)
    recovered = context.clock.monotonic() - began
    accepting = _wait_accepting(context, load)
    _let_pass(context, load, load.sent + int(_AFTER_S * RATE))
    return f"all well {recovered:.1f} s after it began, accepting {accepting:.1f} s later"


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


def _let_pass(context: Context, load: SteadyLoad, wanted: int) -> None:
    """Wait until that many requests have been sent."""

    def blocked_by() -> str | None:
        return None if load.sent >= wanted else f"{load.sent} of {wanted} requests sent"

    context.waiter.until("load", blocked_by, within=_SENT_WITHIN_S)


def _wait_answered(context: Context, stream: Stream, window: range) -> None:
    """Wait until every request of the window has its answer, or has been given up."""

    def blocked_by() -> str | None:
        lacking = len(window) - len(stream.answered(window))
        return f"{lacking} answers are out" if lacking else None

    context.waiter.until("answers", blocked_by, within=_ANSWERED_WITHIN_S)


def _wait_decided(context: Context, stream: Stream, window: range) -> float:
    """Read until nothing that was accepted lacks, or in vain for long enough; return the seconds.

    What lacks then is what the ledger says.
    """

    def blocked_by() -> str | None:
        stream.read_on(context.topics)
        missing = stream.settled(window).columns[Column.ACCEPTED_MISSING]
        return f"{len(missing)} accepted bids have no decision yet" if missing else None

    try:
        return context.waiter.until("decisions", blocked_by, within=_DECIDED_WITHIN_S)
    except WaitTimeoutError:
        return _DECIDED_WITHIN_S


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
