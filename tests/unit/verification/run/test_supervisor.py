"""The supervisor starts, watches and stops units."""

from __future__ import annotations

import io
import re
import signal
from functools import partial

import pytest

from tests.support.fakes.harness_clock import FakeClock
from tests.support.fakes.local_units import FakeUnit
from verification.clock import Due
from verification.errors import CannotRunError, CheckFailedError, CommandError
from verification.run.endings import endings_interrupt
from verification.run.messages import Messages
from verification.run.supervisor import RestartBudget, Supervisor

pytestmark = [pytest.mark.timing, pytest.mark.promise("two-commands")]


def interrupt() -> None:
    """Press Ctrl-C."""
    raise KeyboardInterrupt


class Stage:
    """A supervisor with everything around it faked."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.clock = FakeClock()
        self.messages = io.StringIO()
        self.supervisor = Supervisor(Messages(self.messages), self.clock)

    def running(self, *names: str) -> list[FakeUnit]:
        """Return started units, with the journal emptied."""
        units = [FakeUnit(name, self.journal) for name in names]
        self.supervisor.start(units, within=1)
        self.journal.clear()
        return units

    def watch(self, *events: Due) -> None:
        """Watch while this happens, each thing in its second, then Ctrl-C."""
        ctrl_c = (events[-1][0] + 5, interrupt)
        with self.clock.meanwhile([*events, ctrl_c]), pytest.raises(KeyboardInterrupt):
            self.supervisor.watch()

    @property
    def said(self) -> str:
        """What the user reads."""
        return self.messages.getvalue()


@pytest.fixture
def stage() -> Stage:
    """Begin with no unit."""
    return Stage()


class TestStart:
    """Units come up side by side."""

    def test_all_are_launched_before_the_first_is_waited_for(self, stage: Stage) -> None:
        """Two units start in parallel, and the reason that one gives is shown with its name."""
        waiting = FakeUnit("a", stage.journal, reasons=["no leader"] * 3)
        stage.supervisor.start([waiting, FakeUnit("b", stage.journal)], within=5)
        assert stage.journal == ["a launched", "b launched"]
        assert stage.said == "waiting for a: no leader\n"

    @pytest.mark.parametrize(
        ("status", "error", "message", "after_s"),
        [
            (None, CheckFailedError, "a was not ready within 2 s: no leader", 2),
            (-9, CheckFailedError, "a was killed by SIGKILL before it was ready", 0.5),
            (-99, CheckFailedError, "a was killed by signal 99 before it was ready", 0.5),
            (0, CheckFailedError, "a ended with status 0 before it was ready", 0.5),
            (2, CannotRunError, "a ended with status 2 before it was ready", 0.5),
        ],
    )
    def test_a_failure_says_why(
        self,
        stage: Stage,
        status: int | None,
        error: type[CommandError],
        message: str,
        after_s: float,
    ) -> None:
        """Waiting ends at the deadline, at once with a death; refused settings cannot run."""
        unit = FakeUnit("a", stage.journal, reasons=["no leader"] * 99)
        deaths = [] if status is None else [(0.5, partial(unit.die, status))]
        with stage.clock.meanwhile(deaths), pytest.raises(error, match=f"^{message}$"):
            stage.supervisor.start([unit], within=2)
        assert stage.clock.seconds == pytest.approx(after_s, abs=0.2)


class TestWatch:
    """Deaths are reported, and mended within bounds."""

    def test_the_dead_are_buried_and_started_again_after_a_pause(self, stage: Stage) -> None:
        """A death leads to: kill what is left, wait, launch, report readiness."""
        _, unit = stage.running("a", "b")
        unit.reasons = ["starting"] * 3
        stage.watch((1, partial(unit.die, -11)))
        assert stage.journal == ["b killed", "b launched"]
        assert stage.said.splitlines() == [
            (
                "b (pid 4711) was killed by SIGSEGV; starting it again in 0.5 s "
                "(restart 1 of at most 5 within 60 s)"
            ),
            "b is ready again after 0.4 s",
        ]

    def test_a_death_while_returning_counts_as_the_next_one(self, stage: Stage) -> None:
        """What dies again before it is ready is started again after twice the pause."""
        (unit,) = stage.running("a")
        unit.reasons = ["starting"] * 99
        stage.watch((1, partial(unit.die, 1)), (3, partial(unit.die, 1)))
        assert stage.journal == ["a killed", "a launched"] * 2
        assert "starting it again in 1 s (restart 2 of" in stage.said

    def test_gives_up_on_the_sixth_death_within_a_minute(self, stage: Stage) -> None:
        """Five restarts a minute are the bound, each pause twice the one before."""
        (unit,) = stage.running("a")
        deaths = [(second, partial(unit.die, 3)) for second in (1, 4, 8, 14, 24, 44)]
        refused = pytest.raises(CheckFailedError, match=r"3, 6 deaths within 60 s: giving up$")
        with stage.clock.meanwhile(deaths), refused:
            stage.supervisor.watch()
        assert stage.journal.count("a launched") == 5
        assert re.findall(r"again in (\S+) s", stage.said) == ["0.5", "1", "2", "4", "8"]

    def test_old_deaths_are_forgotten(self) -> None:
        """A death a minute ago counts no more, so that rare ones are mended for ever."""
        budget = RestartBudget()
        pauses = [budget.after_death(second) for second in (0, 1, 2, 3, 4, 59.9, 60, 200)]
        assert pauses == [0.5, 1, 2, 4, 8, None, 8, 0.5]
        assert budget.used == 1


class TestStop:
    """Everything ends, in order."""

    def test_the_last_started_ends_first(self, stage: Stage) -> None:
        """Stopping takes the opposite order of starting, and ten seconds at most."""
        stage.running("kafka")
        stage.running("consumer", "ingest")
        stage.supervisor.stop()
        assert [line.split()[0] for line in stage.journal] == ["ingest", "consumer", "kafka"]
        assert sum(float(line.split()[-1]) for line in stage.journal) < 10
        stage.supervisor.stop()  # of nothing, which is silent
        assert stage.said == "stopping ingest, consumer, kafka\nall stopped after 0.0 s\n"

    @pytest.mark.parametrize(("before", "blamed"), [(None, True), (-9, False)])
    def test_says_who_had_to_be_killed(
        self, stage: Stage, *, before: int | None, blamed: bool
    ) -> None:
        """A unit that did not end in time is named; one that SIGKILL had ended before is not."""
        (unit,) = stage.running("a")
        unit.status, unit.stop_status = before, -9
        stage.supervisor.stop()
        assert ("a did not end within 3 s and was killed\n" in stage.said) is blamed

    def test_a_second_interrupt_kills_what_is_left(self, stage: Stage) -> None:
        """Ctrl-C while stopping does not wait any longer."""
        _, middle, _ = stage.running("kafka", "consumer", "ingest")
        middle.on_stop = interrupt
        stage.supervisor.stop()
        assert stage.journal[-2:] == ["consumer killed", "kafka killed"]
        assert "killing consumer, kafka" in stage.said

    def test_any_number_of_signals_is_quiet(self, stage: Stage) -> None:
        """A SIGTERM while stopping kills what is left, more of them while killing do nothing."""
        kafka, _, ingest = stage.running("kafka", "consumer", "ingest")
        ingest.on_stop = kafka.on_kill = partial(signal.raise_signal, signal.SIGTERM)
        with endings_interrupt() as endings:
            endings.hold()
            stage.supervisor.stop(endings.hurried())
        assert stage.journal[-3:] == ["ingest killed", "consumer killed", "kafka killed"]
        assert "all stopped after" in stage.said

    def test_a_failing_unit_does_not_save_the_others(self, stage: Stage) -> None:
        """An unexpected error while stopping still kills the rest."""
        _, last = stage.running("kafka", "ingest")
        last.on_stop = lambda: 1 / 0
        with pytest.raises(ZeroDivisionError):
            stage.supervisor.stop()
        assert stage.journal[-2:] == ["ingest killed", "kafka killed"]
