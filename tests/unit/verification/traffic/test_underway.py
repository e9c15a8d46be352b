"""One load over several checks: each request is judged by one of them, and all of it at the end."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.harness_world import World
from verification.checklist.registry import CHECKS
from verification.checklist.support.check import Check, Evidence, Needs
from verification.checklist.support.context import Context
from verification.checklist.support.under_load import Rules, account, survive
from verification.errors import ToolFailedError
from verification.running import CheckResult, Status, run_all
from verification.session import Session
from verification.traffic.ledger import Attempt, Ledger
from verification.traffic.topics import DECISIONS, REQUESTS, Offsets, Record
from verification.traffic.underway import Stream

pytestmark = pytest.mark.promise("honest")

_SEAMLESS = Rules(every_request_accepted=True)
Disturb = Callable[[Context], None]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Begin with a world that is well."""
    return World(tmp_path)


@pytest.fixture
def session(world: World) -> Iterator[Session]:
    """Begin a session whose deployment is there already."""
    session = Session(world.context())
    session.prepare = lambda _needs: session.context  # type: ignore[method-assign,assignment]  # nothing is to be brought up
    with closing(session.context.underway):
        yield session


class Silent:
    """Nobody follows the run."""

    def begins(self, check: Check) -> None:
        """Hear nothing."""

    def ended(self, result: CheckResult) -> None:
        """Hear nothing."""


def _check(name: str, function: Callable[[Context], Evidence], *, under_load: bool) -> Check:
    known = next(item for item in CHECKS if item.id == "resilience.ledger")
    return replace(
        known,
        id=f"resilience.{name}",
        function=function,
        under_load=under_load,
        needs=Needs.NOTHING,
    )


def _surviving(name: str, disturb: Disturb = lambda _: None) -> Check:
    return _check(name, lambda context: survive(context, disturb, _SEAMLESS), under_load=True)


def _run(session: Session, *checks: Check) -> list[CheckResult]:
    return list(run_all(checks, session, Silent()))


def _ledger(result: CheckResult) -> Ledger:
    assert result.evidence is not None, result
    assert result.evidence.ledger is not None
    return result.evidence.ledger


ACCOUNT = _check("ledger", account, under_load=True)


def test_each_request_is_judged_once(session: Session) -> None:
    """The checks answer for one load in turns, and the last one for all of it."""
    first, second, last = _run(session, _surviving("a"), _surviving("b"), ACCOUNT)
    assert [item.status for item in (first, second, last)] == [Status.PASSED] * 3
    ids = [{item.id for item in _ledger(result).attempts} for result in (first, second, last)]
    assert not ids[0] & ids[1]
    assert ids[0] | ids[1] <= ids[2]
    assert len({bid_id.rpartition("-")[0] for bid_id in ids[2]}) == 1


def test_only_the_check_that_disturbed_is_red(session: Session, world: World) -> None:
    """What goes wrong during one check is told by that one, and not by the next."""

    def break_it(context: Context) -> None:
        world.deployment.faults.add("refuses some")
        refused = world.deployment.answered
        context.waiter.until("refusal", lambda: None if refused["refused"] else "none", within=600)
        world.deployment.faults.clear()

    bad, good = _run(session, _surviving("a", break_it), _surviving("b"))
    assert (bad.status, good.status) == (Status.FAILED, Status.PASSED), good.message
    assert "not every request was accepted" in bad.message


def test_red_before_it_was_through(session: Session) -> None:
    """A check that ends before all is well leaves nothing behind that the next answers for."""

    def fail(context: Context) -> None:
        context.clock.sleep(2)
        message = "kubectl is gone"
        raise ToolFailedError(message)

    bad, good, last = _run(session, _surviving("a", fail), _surviving("b"), ACCOUNT)
    assert [bad.status, good.status, last.status] == [Status.FAILED, Status.PASSED, Status.PASSED]
    assert len(_ledger(last).attempts) >= len(_ledger(good).attempts) + 80


def test_lost_after_it_was_seen(session: Session, world: World) -> None:
    """A record that a check has read, and that is gone at the end, is missing in the ledger."""

    def lose(context: Context) -> Evidence:
        world.deployment.topics["bid_requests"][3]["key"] = ""
        return account(context)

    good, bad = _run(session, _surviving("a"), _check("ledger", lose, under_load=True))
    assert (good.status, bad.status) == (Status.PASSED, Status.FAILED)
    assert "1 accepted and missing" in bad.message


def test_stranger(session: Session, world: World) -> None:
    """An id of the load that nobody has sent is unaccounted for, in the check that reads it."""

    def forge(_context: Context) -> None:
        topic = world.deployment.topics["bid_decisions"]
        key = base64.b64decode(topic[-1]["key"]) + b"x"
        topic.append(topic[-1] | {"offset": len(topic), "key": base64.b64encode(key).decode()})

    bad, good = _run(session, _surviving("a", forge), _surviving("b"))
    assert "1 unaccounted for" in bad.message
    assert good.status is Status.PASSED


def test_ends_before_what_needs_quiet(session: Session, world: World) -> None:
    """Nothing is sent any more while a check runs that is not part of it, and after the run."""

    def count(context: Context) -> Evidence:
        before = world.deployment.answered.total()
        context.clock.sleep(5)
        return Evidence(str(world.deployment.answered.total() - before))

    results = _run(session, _surviving("a"), _check("quiet", count, under_load=False))
    assert results[-1].message == "0"
    _run(session, _surviving("b"))
    assert count(session.context).found == "0"


def test_ends_with_an_interrupted_run(session: Session, world: World) -> None:
    """Ctrl-C ends the load as well."""

    def interrupt(_context: Context) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(session, _surviving("a", interrupt))
    before = world.deployment.answered.total()
    session.context.clock.sleep(5)
    assert world.deployment.answered.total() == before


def test_another_load_has_other_ids(session: Session) -> None:
    """A load that begins after another has ended is told from it."""
    first, second = _run(session, ACCOUNT, ACCOUNT)
    assert [first.status, second.status] == [Status.PASSED, Status.PASSED]
    assert not {x.id for x in _ledger(first).attempts} & {x.id for x in _ledger(second).attempts}


def test_times_are_the_checks_own(session: Session) -> None:
    """When a request was sent is told from the beginning of the check's part of the load."""
    _first, second = _run(session, _surviving("a"), _surviving("b"))
    assert min(item.sent_s for item in _ledger(second).attempts) == 0


class Counted:
    """A load that has counted some requests, of which none has an answer."""

    def __init__(self, sent: int) -> None:
        self.sent = sent

    def settled(self) -> list[Attempt]:
        """Return no attempt."""
        return []


class Read:
    """A topic with these ids on it."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    def read(self, _start: Offsets) -> list[Record]:
        """Return the records."""
        return [
            Record(REQUESTS, 0, offset, 0, bid_id.encode(), b"", {})
            for offset, bid_id in enumerate(self._ids)
        ]


@pytest.mark.parametrize(("number", "strangers"), [(4, ()), (5, ()), (6, ("p-6",))])
def test_sent_before_it_is_counted(number: int, strangers: tuple[str, ...]) -> None:
    """A request may be on the topic a moment before the load counts it, and only one."""
    load: Any = Counted(sent=5)
    topics: Any = Read(f"p-{number}")
    stream = Stream(load, "p", {REQUESTS: {"0": 0}, DECISIONS: {"0": 0}})
    stream.read_on(topics)
    assert stream.settled(range(3)).strangers == strangers


@pytest.mark.parametrize(("number", "kept"), [(2, False), (3, True), (5, True), (6, False)])
def test_kept_for_the_next_window(number: int, *, kept: bool) -> None:
    """What was read too early for one window is there for the next; all else is told once."""
    load: Any = Counted(sent=5)
    topics: Any = Read(f"p-{number}")
    stream = Stream(load, "p", {REQUESTS: {"0": 0}, DECISIONS: {"0": 0}})
    stream.read_on(topics)
    stream.forget(range(3))
    load.sent = 10
    # nobody has an answer: whatever is left for this window is unaccounted for in it
    assert stream.settled(range(3, 10)).strangers == ((f"p-{number}",) if kept else ())
