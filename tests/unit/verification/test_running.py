"""Executing checks, showing them, and reporting what came of them."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from common.settings import read
from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.harness_report import some_ledger
from tests.support.fakes.harness_runner import FakeRunner
from verification.checklist.support.check import (
    Check,
    Evidence,
    Needs,
    NotApplicableError,
    NotAsPromisedError,
    Severity,
    expect,
)
from verification.checklist.support.context import Context
from verification.checklist.support.host import LocalHost
from verification.cluster.tools.kind import Kind
from verification.cluster.waiting import SilentProgress
from verification.errors import HarnessError, RolloutError
from verification.reports.html import to_html
from verification.reports.json_report import to_json
from verification.reports.junit import to_junit
from verification.reports.markdown import to_markdown
from verification.reports.run_report import RunReport, covered_s
from verification.reports.terminal import Terminal
from verification.running import CheckResult, Status, run_all, run_check
from verification.session import Session
from verification.settings import HarnessSettings
from verification.timeline import Span
from verification.traffic.http import IngestHttp
from verification.traffic.ledger import Attempt, Outcome, settle

pytestmark = pytest.mark.timing

Function = Callable[[Context], Evidence]


def _check(
    check_id: str = "pipeline.x",
    function: Function = lambda _: Evidence("seen"),
    severity: Severity = Severity.ERROR,
) -> Check:
    return Check(
        id=check_id,
        promise="It works.",
        by_hand=("look",),
        expected="that",
        hint="try",
        needs=Needs.NOTHING,
        function=function,
        deadline_s=10,
        severity=severity,
    )


def _reading(check_id: str, function: Function) -> Check:
    return replace(_check(check_id, function), reads=True)


def _raising(error: Exception) -> Function:
    def function(_context: Context) -> Evidence:
        raise error

    return function


@dataclass
class FakeListener:
    """Remembers what it hears."""

    heard: list[str] = field(default_factory=list)

    def begins(self, check: Check) -> None:
        """Hear that a check begins."""
        self.heard.append(f"begins {check.id}")

    def ended(self, result: CheckResult) -> None:
        """Hear how a check ended."""
        self.heard.append(f"{result.status} {result.check.id}")


@pytest.fixture
def clock() -> FakeClock:
    """Let time pass in sleep alone."""
    return FakeClock()


@pytest.fixture
def session(clock: FakeClock, tmp_path: Path) -> Session:
    """Begin a session on a machine where no tool answers."""
    context = Context(
        root=tmp_path,
        settings=read(HarnessSettings, {}),
        runner=FakeRunner(),
        clock=clock,
        progress=SilentProgress(),
        host=LocalHost(),
        http=IngestHttp(1),
        run_id="v1",
    )
    return Session(context)


class TestRunCheck:
    """run_check."""

    def test_passed(self, session: Session) -> None:
        """A check that returns evidence has passed."""
        result = run_check(_check(), session)
        assert (result.status, result.message) == (Status.PASSED, "seen")

    @pytest.mark.parametrize(
        ("error", "status", "message"),
        [
            (NotAsPromisedError(expected="a", found="b"), Status.FAILED, "expected a; found b"),
            (NotApplicableError("no autoscaler"), Status.SKIPPED, "no autoscaler"),
            (HarnessError("kubectl is gone"), Status.FAILED, "kubectl is gone"),
            (ConnectionResetError("reset"), Status.FAILED, "ConnectionResetError: reset"),
            (KeyError("x"), Status.FAILED, "the check itself broke: KeyError('x')"),
        ],
    )
    def test_every_other_end(
        self, session: Session, error: Exception, status: Status, message: str
    ) -> None:
        """Whatever is raised in a check is its result, with what it said."""
        result = run_check(_check(function=_raising(error)), session)
        assert result.status is status
        assert message in result.message

    def test_too_slow(self, session: Session, clock: FakeClock) -> None:
        """A check that takes longer than its deadline has failed, whatever it found."""

        def slow(_context: Context) -> Evidence:
            clock.sleep(11)
            return Evidence("seen")

        result = run_check(_check(function=slow), session)
        assert result.status is Status.FAILED
        assert "11 s of 10 s" in result.message

    @pytest.mark.parametrize(
        ("use", "named"),
        [
            (lambda kind: kind.version(), "kind version"),
            (lambda kind: kind.create("image", "config"), "kind create"),
        ],
    )
    def test_tools_end_by_the_deadline(
        self, session: Session, clock: FakeClock, use: Callable[[Kind], object], named: str
    ) -> None:
        """Once the deadline is over, no tool is started any more."""

        def slow(context: Context) -> Evidence:
            clock.sleep(11)
            use(context.kind)
            return Evidence("seen")

        result = run_check(_check(function=slow), session)
        assert f"10 s are over before `{named}" in result.message


class TestRunAll:
    """run_all."""

    def test_one_failure_stops_nothing(self, session: Session) -> None:
        """The checks after a failed one are run, and the listener hears of each."""
        bad = _check("pipeline.a", _raising(NotAsPromisedError(expected="a", found="b")))
        listener = FakeListener()
        results = list(run_all([bad, _check("pipeline.b")], session, listener))
        assert [item.status for item in results] == [Status.FAILED, Status.PASSED]
        assert listener.heard[1:3] == ["failed pipeline.a", "begins pipeline.b"]

    def test_unfit_machine(self, session: Session) -> None:
        """After a failed preflight check the other preflight checks are run, and nothing else."""
        bad = _check("preflight.a", _raising(NotAsPromisedError(expected="2 GiB", found="1")))
        listener = FakeListener()
        chosen = [bad, _check("preflight.b"), _check("pipeline.c")]
        with pytest.raises(HarnessError, match=r"preflight.a: expected 2 GiB; found 1") as error:
            list(run_all(chosen, session, listener))
        assert error.value.exit_code == 2
        assert "passed preflight.b" in listener.heard
        assert "begins pipeline.c" not in listener.heard

    def test_warning_lets_the_run_go_on(self, session: Session) -> None:
        """A failed preflight check that is a warning stops nothing."""
        failure = NotAsPromisedError(expected="a", found="b")
        bad = _check("preflight.a", _raising(failure), Severity.WARNING)
        assert len(list(run_all([bad, _check()], session, FakeListener()))) == 2

    def test_failed_rollout(self, session: Session) -> None:
        """A failed roll-out fails the first check that needed it and skips the others."""
        session.failure = None

        def prepare(_needs: Needs) -> Context:
            session.failure = RolloutError("CrashLoopBackOff: pod x")
            raise session.failure

        session.prepare = prepare  # type: ignore[method-assign,assignment]  # the cluster stands elsewhere
        results = list(run_all([_check("rollout.a"), _check("rollout.b")], session, FakeListener()))
        assert [item.status for item in results] == [Status.FAILED, Status.SKIPPED]
        assert "CrashLoopBackOff: pod x" in results[0].message
        assert results[1].message == "the roll-out failed"

    def test_missing_infrastructure(self, session: Session) -> None:
        """What cannot be prepared ends the run."""
        needy = Check(**{**vars(_check()), "needs": Needs.IMAGES})
        session.context.runner.answer("info", code=1, stderr="no daemon")  # type: ignore[attr-defined]
        with pytest.raises(HarnessError, match="no daemon"):
            list(run_all([needy], session, FakeListener()))


class TestSideBySide:
    """run_all, of checks that only read."""

    def test_together(self, session: Session) -> None:
        """They run at the same time."""
        both = threading.Barrier(2, timeout=20)

        def meet(_context: Context) -> Evidence:
            both.wait()
            return Evidence("met")

        chosen = [_reading("pipeline.a", meet), _reading("pipeline.b", meet)]
        results = list(run_all(chosen, session, FakeListener()))
        assert [item.message for item in results] == ["met", "met"]

    def test_order(self, session: Session) -> None:
        """Their results come in the order of the checks, whichever ends first."""
        second = threading.Event()

        def last(_context: Context) -> Evidence:
            assert second.wait(20)
            return Evidence("last")

        def first(_context: Context) -> Evidence:
            second.set()
            return Evidence("first")

        listener = FakeListener()
        chosen = [_reading("pipeline.a", last), _reading("pipeline.b", first)]
        assert [x.message for x in run_all(chosen, session, listener)] == ["last", "first"]
        assert listener.heard == [
            "begins pipeline.a",
            "passed pipeline.a",
            "begins pipeline.b",
            "passed pipeline.b",
        ]

    def test_never_beside_one_that_does_more(self, session: Session) -> None:
        """What does more than read begins when all before it have ended, and is alone."""
        running: list[str] = []

        def note(name: str) -> Function:
            def function(_context: Context) -> Evidence:
                running.append(name)
                found = " ".join(running)
                running.remove(name)
                return Evidence(found)

            return function

        reading = [_reading(f"pipeline.r{n}", note(f"r{n}")) for n in range(6)]
        chosen = [*reading[:3], _check("pipeline.alone", note("alone")), *reading[3:]]
        results = list(run_all(chosen, session, FakeListener()))
        assert results[3].message == "alone"
        ends = [result.start_s + result.seconds for result in results[:3]]
        assert max(ends) <= results[3].start_s <= min(item.start_s for item in results[4:])

    def test_interrupted(self, session: Session) -> None:
        """Ctrl-C lets those that are running end, so that they clear up, and begins no other."""
        told = threading.Event()
        begun: list[str] = []
        cleared: list[str] = []

        def function(_context: Context) -> Evidence:
            begun.append("probe")
            assert told.wait(20)
            cleared.append("probe")
            return Evidence("")

        class Impatient(FakeListener):
            def begins(self, check: Check) -> None:
                if check.id == "pipeline.r1":
                    raise KeyboardInterrupt
                super().begins(check)

        chosen = [_reading("pipeline.r0", lambda _: Evidence(""))]
        chosen += [_reading(f"pipeline.r{n}", function) for n in range(1, 20)]
        threading.Timer(0.5, told.set).start()
        with pytest.raises(KeyboardInterrupt):
            list(run_all(chosen, session, Impatient()))
        assert begun == cleared
        assert len(begun) < len(chosen) - 1

    def test_silent(self, session: Session) -> None:
        """What they wait for is not shown: each would write over the others."""
        shown: list[str] = []

        class Loud(SilentProgress):
            def step(self, what: str) -> None:
                shown.append(what)

        session.context = replace(session.context, progress=Loud())

        def function(context: Context) -> Evidence:
            context.progress.step("waiting")
            return Evidence("")

        list(run_all([_reading("pipeline.a", function)], session, FakeListener()))
        assert not shown
        list(run_all([_check("pipeline.b", function)], session, FakeListener()))
        assert shown == ["waiting"]

    def test_failed_rollout(self, session: Session) -> None:
        """A roll-out that failed fails the first of them and skips the others; none is run."""

        def prepare(_needs: Needs) -> Context:
            session.failure = RolloutError("CrashLoopBackOff: pod x")
            raise session.failure

        session.prepare = prepare  # type: ignore[method-assign,assignment]  # the cluster stands elsewhere
        never = _raising(AssertionError("it was run"))
        chosen = [_reading("rollout.a", never), _reading("rollout.b", never)]
        results = list(run_all(chosen, session, FakeListener()))
        assert [item.status for item in results] == [Status.FAILED, Status.SKIPPED]


class TestExpect:
    """expect."""

    def test_message(self) -> None:
        """What was expected and what was found are both in the message."""
        with pytest.raises(NotAsPromisedError, match="expected 1; found 2"):
            expect(2 < 1, expected="1", found=2)  # noqa: PLR0133  a condition that does not hold
        expect(1 < 2, expected="1", found=1)  # noqa: PLR0133  a condition that holds


def _result(
    check_id: str, status: Status, message: str = "m", evidence: Evidence | None = None
) -> CheckResult:
    day = datetime(2026, 1, 2, tzinfo=UTC)
    return CheckResult(_check(check_id), status, message, day, 0.0, 1.25, evidence)


class FakeTerminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class TestTerminal:
    """Terminal."""

    def _shown(self, out: io.StringIO, environ: dict[str, str]) -> str:
        terminal = Terminal(out, environ, {"pipeline": "Does it?"})
        terminal.begins(_check())
        terminal.waiting("rollout", 3.2, "ErrImagePull: rtb/ingest:abc")
        terminal.done("rollout", 3.4)
        terminal.ended(_result("pipeline.x", Status.FAILED, "expected a; found b\x1b[2J"))
        terminal.ended(_result("pipeline.y", Status.PASSED, "seen"))
        terminal.ended(_result("pipeline.z", Status.SKIPPED, "no autoscaler"))
        return out.getvalue()

    def test_plain(self) -> None:
        """Where nobody looks there are marks, times and reasons, no colour and no live line."""
        shown = self._shown(io.StringIO(), {})
        assert "✗   1.2 s  x" in shown
        assert "✓   1.2 s  y" in shown
        assert "\N{MINUS SIGN}   1.2 s  z" in shown
        assert "no autoscaler" in shown
        assert "expected a; found b" in shown
        assert "hint:   try" in shown
        assert "ErrImagePull" not in shown
        assert "\x1b" not in shown

    def test_live(self) -> None:
        """On a terminal there are colours, and what is being waited for with its reason."""
        shown = self._shown(FakeTerminal(), {})
        assert "rollout 3 s: ErrImagePull: rtb/ingest:abc" in shown
        assert "\x1b[31m✗" in shown

    def test_no_color(self) -> None:
        """NO_COLOR switches the colours off, not the live line."""
        shown = self._shown(FakeTerminal(), {"NO_COLOR": "1"})
        assert "\x1b[31m" not in shown
        assert "ErrImagePull" in shown


def _report(stopped: str = "", status: Status = Status.FAILED) -> RunReport:
    attempts = [
        Attempt("a", Outcome.ACCEPTED, 0.0, 5.0, ""),
        Attempt("b", Outcome.REFUSED, 0, 1, ""),
    ]
    ledger = settle(attempts, ["a"], ["a"])
    return RunReport(
        run_id="v1",
        started=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        seconds=61.5,
        configuration={"cluster": "rtb-verify"},
        results=[
            _result("static.ok", Status.PASSED, evidence=Evidence("f", {"d": "<b>&\x00"}, ledger)),
            _result("static.bad", status, "expected <1> | found 2\nand more"),
            _result("pipeline.skip", Status.SKIPPED, "no autoscaler"),
        ],
        spans=[Span("prepare: cluster", 0.0, 20.0), Span("static.ok", 20.0, 21.0)],
        stopped=stopped,
        diagnostics="d/1",
    )


class TestReports:
    """The four kinds of report."""

    def test_exit_codes(self) -> None:
        """0 all passed, 1 a check failed, 2 could not run; a skip changes nothing."""
        assert _report(status=Status.PASSED).exit_code == 0
        assert _report().exit_code == 1
        assert _report(stopped="no kind").exit_code == 2

    def test_verdict_counts_each_once(self) -> None:
        """A skipped check is counted as such."""
        assert _report().verdict == "1 passed, 1 failed, 1 skipped in 62 s"

    def test_json(self) -> None:
        """Every check is in the JSON, with its ledger."""
        found = json.loads(to_json(_report()))
        assert [item["status"] for item in found["checks"]] == ["passed", "failed", "skipped"]
        assert found["checks"][0]["ledger"]["accepted and consumed once"] == 1
        assert found["exit_code"] == 1

    def test_junit(self) -> None:
        """The XML is well-formed whatever was said, with failures and skips counted."""
        root = ET.fromstring(to_junit(_report(stopped="interrupted \x00")))  # noqa: S314  our own
        suites = {suite.get("name"): suite for suite in root}
        assert suites["static"].get("failures") == "1"
        assert suites["pipeline"].get("skipped") == "1"
        assert suites["run"].get("errors") == "1"
        assert len(root.findall(".//testcase")) == 4

    def test_markdown(self) -> None:
        """A message cannot break the table; the ledger is there."""
        text = to_markdown(_report())
        assert r"expected <1> \| found 2 and more" in text
        assert "| accepted and consumed once | 1 |" in text
        assert "| prepare: cluster | 20.0 |" in text

    def test_html(self) -> None:
        """Every check is on the page, nothing is loaded, and what was said is escaped."""
        page = to_html(_report(stopped="<script>"))
        for name in ("static.ok", "static.bad", "pipeline.skip"):
            assert f'data-check="{name}"' in page
        assert "<script" not in page
        assert "src=" not in page
        assert "http" not in page.replace("http-equiv", "")
        assert "accepted and missing" in page

    def test_each_bid_counts_once(self) -> None:
        """A bid that stands on two ledgers is one accepted bid, and at most one missing."""
        ledger = some_ledger(broken=True)
        evidence = Evidence("f", {}, ledger)
        results = [_result(f"resilience.{name}", Status.PASSED, evidence=evidence) for name in "ab"]
        page = to_html(replace(_report(), results=results))
        accepted = sum(item.outcome is Outcome.ACCEPTED for item in ledger.attempts)
        assert f"<b>{accepted}</b> bids accepted" in page
        assert "<b>1</b> of them missing" in page

    def test_side_by_side_counts_once(self) -> None:
        """A category's time is that in which any of its checks was running."""
        whole = _result("pipeline.a", Status.PASSED)
        spans = ((0.0, 4.0), (1.0, 2.0), (3.0, 2.0), (10.0, 1.0))
        results = [replace(whole, start_s=start, seconds=seconds) for start, seconds in spans]
        assert covered_s(results) == 6.0
        assert covered_s(reversed(results)) == 6.0

    def test_html_without_ledger(self) -> None:
        """A run that stopped at once has a page, too."""
        nothing = RunReport("v1", datetime(2026, 1, 2, tzinfo=UTC), 0.1, {}, [], [], "no kind")
        assert "The run came to no verdict" in to_html(nothing)
