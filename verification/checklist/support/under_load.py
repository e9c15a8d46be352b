"""Disturbing the deployment under the run's steady load, and settling what was sent meanwhile."""

from __future__ import annotations

from collections import Counter
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

_DRAINED_WITHIN_S = 60.0
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
    stream = _sending(context)
    first = stream.judged
    try:
        times = _through(context, stream, disturb)
    finally:
        stream.judged = stream.load.sent
    window = range(first, stream.judged)
    decided = _wait_settled(context, stream, window)
    ledger = stream.settled(window)
    stream.forget(window)
    return judged(ledger, rules, f"{times}, decided {decided:.1f} s after that")


def account(context: Context) -> Evidence:
    """End the load, wait until all is consumed, and place every id by reading all of it anew."""
    stream = _sending(context)
    _let_pass(context, stream.load, int(_BEFORE_S * RATE))
    context.underway.close()
    drained = drain(context)
    ledger = ledger_of(list(stream.load.attempts()), stream.read_all(context.topics))
    return judged(ledger, Rules(), f"lag 0 {drained:.1f} s after the load")


def recover(context: Context) -> float:
    """Wait until every workload is available again; return the seconds."""
    return Rollout(context.kubectl, context.waiter, context.clock).wait(_RECOVERED_WITHIN_S)


def drain(context: Context) -> float:
    """Wait until the bidding logic has consumed all there is; return the seconds."""

    def blocked_by() -> str | None:
        behind = sum(row["lag"] for row in context.topics.lag())
        return f"{behind} records behind" if behind else None

    return context.waiter.until("lag back to 0", blocked_by, within=_DRAINED_WITHIN_S)


def _sending(context: Context) -> Stream:
    """Return the run's load, which begins now where there is none."""
    return context.underway.stream(context.http, context.clock, context.topics, context.run_id)


def _through(context: Context, stream: Stream, disturb: Disturbance) -> str:
    """Disturb once enough is underway, and see it through; return how long that took."""
    load, clock = stream.load, context.clock
    _let_pass(context, load, stream.judged + int(_BEFORE_S * RATE))
    began = clock.monotonic()
    disturb(context)
    recover(context)
    recovered = clock.monotonic() - began
    since = clock.monotonic() - load.start

    def blocked_by() -> str | None:
        recent = [item for item in load.settled() if item.sent_s >= since]
        if any(item.outcome is Outcome.ACCEPTED for item in recent):
            return None
        return f"none of {len(recent)} requests accepted: {recent[-1].detail if recent else ''}"

    accepting = context.waiter.until("accepting again", blocked_by, within=_ACCEPTING_WITHIN_S)
    _let_pass(context, load, load.sent + int(_AFTER_S * RATE))
    return f"all well {recovered:.1f} s after it began, accepting {accepting:.1f} s later"


def _let_pass(context: Context, load: SteadyLoad, wanted: int) -> None:
    """Wait until that many requests have been sent."""

    def blocked_by() -> str | None:
        return None if load.sent >= wanted else f"{load.sent} of {wanted} requests sent"

    context.waiter.until("load", blocked_by, within=_SENT_WITHIN_S)


def _wait_settled(context: Context, stream: Stream, window: range) -> float:
    """Wait until every request of the window has its answer, and what was accepted its decision.

    Return the seconds that the decisions took. What lacks then is what the ledger says.
    """

    def unanswered() -> str | None:
        lacking = len(window) - len(stream.answered(window))
        return f"{lacking} answers are out" if lacking else None

    def undecided() -> str | None:
        stream.read_on(context.topics)
        missing = stream.settled(window).columns[Column.ACCEPTED_MISSING]
        return f"{len(missing)} accepted bids have no decision yet" if missing else None

    context.waiter.until("answers", unanswered, within=_ANSWERED_WITHIN_S)
    try:
        return context.waiter.until("decisions", undecided, within=_DECIDED_WITHIN_S)
    except WaitTimeoutError:
        return _DECIDED_WITHIN_S


def judged(ledger: Ledger, rules: Rules, times: str) -> Evidence:
    """Return the evidence of a ledger; NotAsPromisedError where it breaks a rule."""
    outcomes = Counter(item.outcome for item in ledger.attempts)
    counts = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in Outcome)
    repeated = len(ledger.columns[Column.ACCEPTED_REPEATED])
    found = f"{counts}, {repeated} repeated; {times}"
    interrupted = "\n".join(map(str, outages(ledger.attempts))) or "none"
    details = {"failures": _failures(ledger), "outages": interrupted, "times": times}
    evidence = Evidence(found, details, ledger)
    if broken := [*ledger.violations(), *_broken(ledger, rules)]:
        said = f"{'; '.join(broken)} ({found})"
        raise NotAsPromisedError(expected="no loss", found=said, evidence=evidence)
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
    failed = [item.detail for item in ledger.attempts if item.outcome is not Outcome.ACCEPTED]
    kinds = sorted(Counter(failed).items())[:5]
    return "; ".join(f"{count} x {kind}" for kind, count in kinds) or "none"
