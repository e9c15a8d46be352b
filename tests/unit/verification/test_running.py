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

from tests.support.fakes.harness_report import some_ledger
from tests.support.fakes.harness_runner import FakeRunner
from tests.support.fakes.harness_world import make_context
from verification.checklist.support.check import (
    Check,
    Evidence,
    Needs,
    NotApplicableError,
    NotAsPromisedError,
    Severity,
)
from verification.checklist.support.context import Context
from verification.cluster.tools.kind import Kind
from verification.cluster.waiting import SilentProgress
from verification.errors import HarnessError, RolloutError
from verification.reports.html import to_html
from verification.reports.run_report import RunReport, covered_s
from verification.reports.terminal import Terminal
from verification.reports.writing import to_json, to_junit, to_markdown
from verification.running import CheckResult, Status, run_all, run_check
from verification.session import Session
from verification.timeline import Span
from verification.traffic.ledger import Attempt, Outcome, settle

pytestmark = [pytest.mark.timing, pytest.mark.promise("honest")]

Function = Callable[[Context], Evidence]
BROKEN = NotAsPromisedError(expected="a", found="b")


def _check(
    check_id: str = "pipeline.x",
    function: Function = lambda _: Evidence("seen"),
    *,
    severity: Severity = Severity.ERROR,
    needs: Needs = Needs.NOTHING,
    reads: bool = False,
) -> Check:
    return Check(
        id=check_id,
        promise="honest",
        statement="It works.",
        by_hand=("look",),
        expected="that",
        hint="try",
        needs=needs,
        function=function,
        deadline_s=10,
        severity=severity,
        reads=reads,
    )


def _reading(name: str, function: Function) -> Check:
    return _check(f"pipeline.{name}", function, reads=True)


def _raising(error: Exception = BROKEN) -> Function:
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


def _run(
    session: Session, *checks: Check, listener: FakeListener | None = None
) -> list[CheckResult]:
    return list(run_all(checks, session, listener or FakeListener()))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Begin a session on a machine where no tool answers, and time passes in sleep alone."""
    return Session(make_context(tmp_path, FakeRunner()))


class TestRunCheck:
    """run_check."""

    @pytest.mark.parametrize(
        ("function", "status", "message"),
        [
            (lambda _: Evidence("seen"), Status.PASSED, "seen"),
            (_raising(), Status.FAILED, "expected a; found b"),
            (_raising(NotApplicableError("no autoscaler")), Status.SKIPPED, "no autoscaler"),
            (_raising(HarnessError("kubectl is gone")), Status.FAILED, "kubectl is gone"),
            (_raising(ConnectionResetError("x")), Status.FAILED, "ConnectionResetError: x"),
            (_raising(KeyError("x")), Status.FAILED, "the check itself broke: KeyError('x')"),
        ],
        ids=["evidence", "not as promised", "not applicable", "no tool", "no answer", "a bug"],
    )
    def test_every_end(
        self, session: Session, function: Function, status: Status, message: str
    ) -> None:
        """Whatever happens in a check is its result, with what it said."""
        result = run_check(_check(function=function), session)
        assert result.status is status
        assert message in result.message

    @pytest.mark.parametrize(
        ("use", "told"),
        [
            (lambda kind: kind, "11 s of 10 s"),
            (lambda kind: kind.version(), "10 s are over before `kind version"),
            (lambda kind: kind.create("image", "x"), "10 s are over before `kind create"),
        ],
        ids=["found all", "runs a tool", "starts a tool"],
    )
    def test_too_slow(self, session: Session, use: Callable[[Kind], object], told: str) -> None:
        """After its deadline a check has failed, whatever it found, and starts no tool."""

        def slow(context: Context) -> Evidence:
            context.clock.sleep(11)
            use(context.kind)
            return Evidence("seen")

        result = run_check(_check(function=slow), session)
        assert result.status is Status.FAILED
        assert told in result.message


class TestRunAll:
    """run_all."""

    def test_one_failure_stops_nothing(self, session: Session) -> None:
        """The checks after a failed one are run, and the listener hears of each."""
        bad, listener = _check("pipeline.a", _raising()), FakeListener()
        results = _run(session, bad, _check("pipeline.b"), listener=listener)
        assert [item.status for item in results] == [Status.FAILED, Status.PASSED]
        assert listener.heard[1:3] == ["failed pipeline.a", "begins pipeline.b"]

    def test_unfit_machine(self, session: Session) -> None:
        """After a failed preflight check the other preflight checks are run, and nothing else."""
        bad, listener = _check("preflight.a", _raising()), FakeListener()
        chosen = [bad, _check("preflight.b"), _check("pipeline.c")]
        with pytest.raises(HarnessError, match=r"preflight.a: expected a; found b") as error:
            _run(session, *chosen, listener=listener)
        assert error.value.exit_code == 2
        assert "passed preflight.b" in listener.heard
        assert "begins pipeline.c" not in listener.heard

    def test_warning_lets_the_run_go_on(self, session: Session) -> None:
        """A failed preflight check that is a warning stops nothing."""
        bad = _check("preflight.a", _raising(), severity=Severity.WARNING)
        assert len(_run(session, bad, _check())) == 2

    @pytest.mark.parametrize("reads", [False, True], ids=["in turn", "side by side"])
    def test_failed_rollout(self, session: Session, *, reads: bool) -> None:
        """A failed roll-out fails the first check that needed it and skips the others."""

        def prepare(_needs: Needs) -> Context:
            session.failure = RolloutError("CrashLoopBackOff: pod x")
            raise session.failure

        session.prepare = prepare  # type: ignore[method-assign,assignment]  # the cluster stands elsewhere
        never = _raising(AssertionError("it was run"))
        chosen = [_check(f"rollout.{name}", never, reads=reads) for name in "ab"]
        results = _run(session, *chosen)
        assert [item.status for item in results] == [Status.FAILED, Status.SKIPPED]
        assert "CrashLoopBackOff: pod x" in results[0].message
        assert results[1].message == "the roll-out failed"

    def test_missing_infrastructure(self, session: Session) -> None:
        """What cannot be prepared ends the run."""
        session.context.runner.answer("info", code=1, stderr="no daemon")  # type: ignore[attr-defined]
        with pytest.raises(HarnessError, match="no daemon"):
            _run(session, _check(needs=Needs.IMAGES))


class TestSideBySide:
    """run_all, of checks that only read."""

    def test_together_and_in_order(self, session: Session) -> None:
        """They run at the same time; their results come in order, whichever ends first."""
        second = threading.Event()

        def last(_context: Context) -> Evidence:
            assert second.wait(20)
            return Evidence("last")

        def first(_context: Context) -> Evidence:
            second.set()
            return Evidence("first")

        listener = FakeListener()
        results = _run(session, _reading("a", last), _reading("b", first), listener=listener)
        assert [item.message for item in results] == ["last", "first"]
        assert listener.heard == [
            f"{what} pipeline.{name}" for name in "ab" for what in ("begins", "passed")
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

        reading = [_reading(f"r{n}", note(f"r{n}")) for n in range(6)]
        alone = _check("pipeline.alone", note("alone"))
        results = _run(session, *reading[:3], alone, *reading[3:])
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

        chosen = [_reading("r0", lambda _: Evidence(""))]
        chosen += [_reading(f"r{n}", function) for n in range(1, 20)]
        threading.Timer(0.5, told.set).start()
        with pytest.raises(KeyboardInterrupt):
            _run(session, *chosen, listener=Impatient())
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

        _run(session, _reading("a", function))
        assert not shown
        _run(session, _check("pipeline.b", function))
        assert shown == ["waiting"]


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


_PLAIN = ["✗   1.2 s  x", "✓   1.2 s  y", "\N{MINUS SIGN}   1.2 s  z", "no autoscaler"]
_PLAIN += ["expected a; found b", "hint:   try", "$       look"]
_WAITING = "rollout 3 s: ErrImagePull: rtb/ingest:abc"


@pytest.mark.parametrize(
    ("out", "environ", "there", "absent"),
    [
        (io.StringIO, {}, _PLAIN, ["ErrImagePull", "\x1b"]),
        (FakeTerminal, {}, [_WAITING, "\x1b[31m✗"], []),
        (FakeTerminal, {"NO_COLOR": "1"}, [_WAITING], ["\x1b[31m"]),
    ],
    ids=["nobody looks", "a terminal", "NO_COLOR"],
)
def test_terminal(
    out: Callable[[], io.StringIO], environ: dict[str, str], there: list[str], absent: list[str]
) -> None:
    """There are marks, times and reasons; a live line on a terminal alone, and colours if liked."""
    stream = out()
    terminal = Terminal(stream, environ, {"pipeline": "Does it?"})
    terminal.begins(_check())
    terminal.waiting("rollout", 3.2, "ErrImagePull: rtb/ingest:abc")
    terminal.done("rollout", 3.4)
    terminal.ended(_result("pipeline.x", Status.FAILED, "expected a; found b\x1b[2J"))
    terminal.ended(_result("pipeline.y", Status.PASSED, "seen"))
    terminal.ended(_result("pipeline.z", Status.SKIPPED, "no autoscaler"))
    shown = stream.getvalue()
    assert [text for text in there if text not in shown] == []
    assert [text for text in absent if text in shown] == []


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

    def test_exit_code_and_counts(self) -> None:
        """0 all passed, 1 a check failed, 2 could not run; a skip is counted and no failure."""
        assert _report(status=Status.PASSED).exit_code == 0
        assert _report().exit_code == 1
        assert _report(stopped="no kind").exit_code == 2
        assert _report().verdict == "1 passed, 1 failed, 1 skipped in 62 s"

    def test_json(self) -> None:
        """Every check is in the JSON, with its promise and its ledger."""
        found = json.loads(to_json(_report()))
        assert [item["status"] for item in found["checks"]] == ["passed", "failed", "skipped"]
        first = found["checks"][0]
        assert (first["promise"], first["statement"]) == ("honest", "It works.")
        assert first["ledger"]["accepted and consumed once"] == 1
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
        nothing = replace(_report(stopped="no kind"), results=[], spans=[])
        assert "The run came to no verdict" in to_html(nothing)

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
        assert covered_s(results) == covered_s(reversed(results)) == 6.0
