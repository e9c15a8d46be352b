"""What a check is, and the three ways in which it can end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from verification.checklist.support.context import Context
from verification.errors import CheckFailedError
from verification.promises import PROMISES
from verification.traffic.ledger import Ledger


class Needs(IntEnum):
    """How far the machine must have been brought for a check; each includes those before it."""

    NOTHING = 0
    IMAGES = 1
    CLUSTER = 2
    DEPLOYMENT = 3


class Severity(StrEnum):
    """Whether a failed check makes the run fail."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Evidence:
    """What a passed check has seen: one line, and tables for those who want to know more."""

    found: str
    details: Mapping[str, str] = field(default_factory=dict)
    ledger: Ledger | None = None


class NotAsPromisedError(CheckFailedError):
    """The promise is broken."""

    def __init__(self, *, expected: str, found: str, evidence: Evidence | None = None) -> None:
        super().__init__(f"expected {expected}; found {found}")
        self.evidence = evidence


class NotApplicableError(Exception):
    """The check has nothing to look at here; the message is the reason."""


@dataclass(frozen=True)
class Check:
    """One statement about this phase, with how it is verified by the harness and by a person.

    `promise` is the slug of what it proves, out of verification/promises.py. `by_hand` are literal
    commands, run from the project's root with KUBECONFIG set to the harness's file; `expected` is
    what they print when all is well. `deadline_s` bounds the check. One that `reads` changes
    nothing that another looks at, so several of them run side by side. `under_load` checks share
    one load, which goes on from one to the next; it ends before others.
    """

    id: str
    promise: str
    statement: str
    by_hand: tuple[str, ...]
    expected: str
    hint: str
    needs: Needs
    function: Callable[[Context], Evidence]
    deadline_s: float = 120.0
    severity: Severity = Severity.ERROR
    reads: bool = False
    under_load: bool = False

    def __post_init__(self) -> None:
        """Raise for a promise that nobody has made."""
        if self.promise not in PROMISES:
            raise ValueError(f"{self.id}: verification/promises.py has no {self.promise!r}")

    @property
    def category(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]


def expect(condition: bool, *, expected: str, found: object) -> None:  # noqa: FBT001  reads like assert
    """Raise NotAsPromisedError unless `condition` holds."""
    if not condition:
        raise NotAsPromisedError(expected=expected, found=str(found))


def check(  # noqa: PLR0913  one argument a field of Check
    *by_hand: str,
    category: str,
    promise: str,
    expected: str,
    hint: str,
    needs: Needs = Needs.DEPLOYMENT,
    deadline_s: float = 120.0,
    severity: Severity = Severity.ERROR,
    reads: bool = False,
) -> Callable[[Callable[[Context], Evidence]], Check]:
    """Turn the decorated function into a Check: its name is the id, its docstring the statement."""

    def decorate(function: Callable[[Context], Evidence]) -> Check:
        return Check(
            id=f"{category}.{function.__name__.replace('_', '-')}",
            promise=promise,
            statement=(function.__doc__ or "").partition("\n")[0],
            by_hand=by_hand,
            expected=expected,
            hint=hint,
            needs=needs,
            function=function,
            deadline_s=deadline_s,
            severity=severity,
            reads=reads,
        )

    return decorate
