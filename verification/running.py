"""Executing checks: each within its deadline, none stopping the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from http.client import HTTPException
from itertools import groupby
from typing import Protocol

from verification.checklist.support.check import (
    Check,
    Evidence,
    Needs,
    NotApplicableError,
    NotAsPromisedError,
    Severity,
)
from verification.checklist.support.context import Context
from verification.clock import Clock
from verification.cluster.tools.process import Result, Running, Starter
from verification.cluster.waiting import SilentProgress
from verification.errors import HarnessError, RolloutError, ToolTimeoutError
from verification.session import Session

_AT_ONCE = 4


class Status(StrEnum):
    """How a check ended; a skipped one counts neither as passed nor as failed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def mark(self) -> str:
        """The sign that stands before a check's line."""
        return {"passed": "✓", "failed": "✗"}.get(self.value, "\N{MINUS SIGN}")


@dataclass(frozen=True)
class CheckResult:
    """One check's end: `message` is what was found, why it failed, or why it was skipped."""

    check: Check
    status: Status
    message: str
    started: datetime
    start_s: float
    seconds: float
    evidence: Evidence | None = None

    @property
    def fatal(self) -> bool:
        """Whether this result makes the run fail."""
        return self.status is Status.FAILED and self.check.severity is Severity.ERROR


class Listener(Protocol):
    """Follows a run."""

    def begins(self, check: Check) -> None:
        """Hear that a check begins."""

    def ended(self, result: CheckResult) -> None:
        """Hear how a check ended."""


class DeadlineRunner:
    """A runner whose every execution ends by a common deadline."""

    def __init__(self, inner: Starter, clock: Clock, seconds: float) -> None:
        self._inner = inner
        self._clock = clock
        self._seconds = seconds
        self._end = clock.monotonic() + seconds

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run `argv`, with a time limit cut to what is left."""
        return self._inner.run(argv, timeout=self._left(argv, timeout), stdin=stdin, env=env)

    def start(self, argv: Sequence[str], *, timeout: float, stdin: str | None = None) -> Running:
        """Begin to run `argv`, with a time limit cut to what is left."""
        return self._inner.start(argv, timeout=self._left(argv, timeout), stdin=stdin)

    def _left(self, argv: Sequence[str], timeout: float) -> float:
        left = self._end - self._clock.monotonic()
        if left <= 0:
            told = f"the check's {self._seconds:.0f} s are over before `{' '.join(argv[:4])}`"
            raise ToolTimeoutError(told)
        return min(timeout, left)


def run_check(check: Check, session: Session) -> CheckResult:
    """Run one check on a prepared machine; whatever happens in it is a result."""
    context = session.context
    if check.reads:  # beside others: what each of them waits for would be a jumble
        context = replace(context, progress=SilentProgress())
    started, start_s = context.clock.now(), session.timeline.elapsed()
    with session.timeline.span(check.id):
        status, message, evidence = _ending(check, context)
    seconds = session.timeline.elapsed() - start_s
    if status is Status.PASSED and seconds > check.deadline_s:
        status = Status.FAILED
        message = f"it took {seconds:.0f} s of {check.deadline_s:.0f} s, though: {message}"
    return CheckResult(check, status, message, started, start_s, seconds, evidence)


def _ending(check: Check, context: Context) -> tuple[Status, str, Evidence | None]:
    runner = DeadlineRunner(context.runner, context.clock, check.deadline_s)
    try:
        evidence = check.function(replace(context, runner=runner))
    except NotApplicableError as reason:
        return Status.SKIPPED, str(reason), None
    except NotAsPromisedError as error:
        return Status.FAILED, str(error), error.evidence
    except (HarnessError, OSError, HTTPException) as error:
        return Status.FAILED, f"{type(error).__name__}: {error}", None
    except Exception as error:  # noqa: BLE001  a broken check must not end the others
        where = Evidence(repr(error), {"traceback": traceback.format_exc()})
        return Status.FAILED, f"the check itself broke: {error!r}", where
    return Status.PASSED, evidence.found, evidence


def run_all(
    checks: Sequence[Check], session: Session, listener: Listener
) -> Generator[CheckResult]:
    """Run the checks in order, bringing the machine as far as each needs; yield the results.

    A preflight failure raises HarnessError after the last preflight check. A roll-out that fails
    fails the first check that needed it and skips the rest.
    """
    session.foresee(max((check.needs for check in checks), default=Needs.NOTHING))
    try:
        yield from _run_all(checks, session, listener)
    finally:
        session.context.underway.close()


def _run_all(
    checks: Sequence[Check], session: Session, listener: Listener
) -> Iterator[CheckResult]:
    unfit: list[CheckResult] = []
    with closing(_runs(checks, session)) as runs:
        for check, run in runs:
            if unfit and check.category != "preflight":
                break
            listener.begins(check)
            result = run()
            if result.fatal and check.category == "preflight":
                unfit.append(result)
            listener.ended(result)
            yield result
    if unfit:
        told = "\n".join(f"{item.check.id}: {item.message}" for item in unfit)
        hints = dict.fromkeys(item.check.hint for item in unfit if item.check.hint not in told)
        raise HarnessError(f"this machine cannot run it:\n{told}", "; ".join(hints))


def _runs(
    checks: Sequence[Check], session: Session
) -> Generator[tuple[Check, Callable[[], CheckResult]]]:
    """Yield each check with what runs it; those of a category that only read run side by side."""

    def alike(check: Check) -> tuple[str, Needs] | None:
        return (check.category, check.needs) if check.reads else None

    for kind, group in groupby(checks, key=alike):
        if kind is None:
            yield from ((check, partial(run_one, check, session)) for check in group)
        else:
            yield from _side_by_side(list(group), session)


def _side_by_side(
    checks: Sequence[Check], session: Session
) -> Iterator[tuple[Check, Callable[[], CheckResult]]]:
    """Yield checks that only read; all begin once the machine is prepared for the first of them."""
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="check")
    begun: dict[str, Future[CheckResult]] = {}

    def result(check: Check) -> CheckResult:
        if (unprepared := _unprepared(check, session)) is not None:
            return unprepared
        for item in () if begun else checks:
            begun[item.id] = pool.submit(run_check, item, session)
        return begun[check.id].result()

    try:
        yield from ((check, partial(result, check)) for check in checks)
    finally:
        # those that are running remove what they have made, and no other begins
        pool.shutdown(cancel_futures=True)


def run_one(check: Check, session: Session) -> CheckResult:
    """Bring the machine as far as the check needs and run it; a failed roll-out is a result.

    The load of checks that disturb goes on until one comes that is not `under_load`.
    """
    return _unprepared(check, session) or run_check(check, session)


def _unprepared(check: Check, session: Session) -> CheckResult | None:
    """Bring the machine as far as the check needs; return the result where that does not work."""
    if not check.under_load:
        session.context.underway.close()
    now, start_s = session.context.clock.now(), session.timeline.elapsed()
    status, reason = Status.FAILED, ""
    if session.failure is not None:
        status, reason = Status.SKIPPED, "the roll-out failed"
    try:
        session.prepare(check.needs)
    except RolloutError as error:
        seconds = session.timeline.elapsed() - start_s
        return CheckResult(check, status, reason or str(error), now, start_s, seconds)
    return None
