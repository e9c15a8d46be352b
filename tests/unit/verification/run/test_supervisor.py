"""The supervisor starts, watches and stops units."""

from __future__ import annotations

import io
import signal
from functools import partial

import pytest

from tests.support.fakes.local_units import FakeUnit, Journal, ScriptedClock, interrupt
from verification.errors import CannotRunError, CheckFailedError
from verification.run.endings import endings_interrupt
from verification.run.messages import Messages
from verification.run.supervisor import Supervisor, ending

pytestmark = pytest.mark.timing


class Stage:
    """A supervisor with everything around it faked."""

    def __init__(self) -> None:
        self.journal: Journal = []
        self.clock = ScriptedClock()
        self.said = io.StringIO()
        self.supervisor = Supervisor(Messages(self.said), self.clock)

    def unit(self, name: str, **facts: object) -> FakeUnit:
        """Return a unit that writes to the common journal."""
        return FakeUnit(name, self.journal, **facts)  # type: ignore[arg-type]  # by name

    def running(self, *names: str) -> list[FakeUnit]:
        """Return started units, with the journal emptied."""
        units = [self.unit(name) for name in names]
        self.supervisor.start(units, within=1)
        self.journal.clear()
        return units

    def watch_for(self, seconds: float) -> None:
        """Watch until Ctrl-C after `seconds`."""
        self.clock.after(seconds, interrupt)
        with pytest.raises(KeyboardInterrupt):
            self.supervisor.watch()


class TestStart:
    """Units come up side by side."""

    def test_all_are_launched_before_the_first_is_waited_for(self) -> None:
        """Two units start in parallel."""
        stage = Stage()
        units = [stage.unit("a", reasons=["not yet"]), stage.unit("b")]
        stage.supervisor.start(units, within=5)
        assert stage.journal == ["a launched", "b launched"]

    def test_shows_what_is_waited_for(self) -> None:
        """The reason that a unit gives is shown with its name."""
        stage = Stage()
        stage.supervisor.start([stage.unit("a", reasons=["no leader"] * 3)], within=5)
        assert stage.said.getvalue() == "waiting for a: no leader\n"

    def test_gives_up_at_the_deadline_with_the_last_reason(self) -> None:
        """Waiting ends at the deadline and says why."""
        stage = Stage()
        with pytest.raises(CheckFailedError, match=r"^a was not ready within 2 s: no leader$"):
            stage.supervisor.start([stage.unit("a", reasons=["no leader"] * 99)], within=2)
        assert stage.clock.time - 1000 == pytest.approx(2, abs=0.2)

    def test_an_early_end_is_reported_at_once(self) -> None:
        """A unit that dies before it is ready does not run the clock out."""
        stage = Stage()
        unit = stage.unit("a", reasons=["no answer"] * 99)
        stage.clock.after(0.3, unit.die(-9))
        with pytest.raises(CheckFailedError, match=r"^a was killed by SIGKILL before it was ready"):
            stage.supervisor.start([unit], within=60)

    def test_refused_settings_cannot_run(self) -> None:
        """Status 2, a service's refusal of its settings, is ours too."""
        stage = Stage()
        unit = stage.unit("a", reasons=["no answer"] * 99)
        stage.clock.after(0.1, unit.die(2))
        with pytest.raises(CannotRunError, match="a ended with status 2 before"):
            stage.supervisor.start([unit], within=60)


class TestWatch:
    """Deaths are reported, and mended within bounds."""

    def test_the_dead_are_buried_and_started_again_after_a_pause(self) -> None:
        """A death leads to: kill what is left, wait, launch, report readiness."""
        stage = Stage()
        _, unit = stage.running("a", "b")
        unit.reasons = ["starting"] * 3
        stage.clock.after(1, unit.die(-11))
        stage.watch_for(5)
        assert stage.journal == ["b killed", "b launched"]
        assert stage.said.getvalue().splitlines() == [
            (
                "b (pid 4711) was killed by SIGSEGV; starting it again in 0.5 s "
                "(restart 1 of at most 5 within 60 s)"
            ),
            "b is ready again after 0.4 s",
        ]

    def test_a_death_while_returning_counts_as_the_next_one(self) -> None:
        """What dies again before it is ready is started again after twice the pause."""
        stage = Stage()
        (unit,) = stage.running("a")
        unit.reasons = ["starting"] * 99
        stage.clock.after(1, unit.die(1))
        stage.clock.after(3, unit.die(1))
        stage.watch_for(5)
        assert stage.journal == ["a killed", "a launched"] * 2
        assert "starting it again in 1 s (restart 2 of" in stage.said.getvalue()

    def test_gives_up_on_the_sixth_death_within_a_minute(self) -> None:
        """Five restarts a minute are the bound."""
        stage = Stage()
        (unit,) = stage.running("a")
        for second in (1, 4, 8, 14, 24, 44):
            stage.clock.after(second, unit.die(3))
        with pytest.raises(CheckFailedError, match=r"status 3, 6 deaths within 60 s: giving up$"):
            stage.supervisor.watch()
        assert stage.journal.count("a launched") == 5

    def test_rare_deaths_are_mended_for_ever(self) -> None:
        """Deaths further apart than the window never add up."""
        stage = Stage()
        (unit,) = stage.running("a")
        for minute in range(1, 13):
            stage.clock.after(minute * 61.0, unit.die(1))
        stage.watch_for(13 * 61)
        assert stage.journal.count("a launched") == 12


class TestStop:
    """Everything ends, in order."""

    def test_the_last_started_ends_first(self) -> None:
        """Stopping takes the opposite order of starting."""
        stage = Stage()
        stage.running("kafka")
        stage.running("consumer", "ingest")
        stage.supervisor.stop()
        assert [line.split()[0] for line in stage.journal] == ["ingest", "consumer", "kafka"]
        assert stage.said.getvalue().splitlines() == [
            "stopping ingest, consumer, kafka",
            "all stopped after 0.0 s",
        ]

    def test_three_units_fit_into_ten_seconds(self) -> None:
        """What the units are given adds up to less than 10 s."""
        stage = Stage()
        stage.running("kafka", "consumer", "ingest")
        stage.supervisor.stop()
        assert sum(float(line.split()[-1]) for line in stage.journal) < 10

    def test_says_who_had_to_be_killed(self) -> None:
        """A unit that did not end in time is named."""
        stage = Stage()
        (unit,) = stage.running("a")
        unit.stop_status = -9
        stage.supervisor.stop()
        assert "a did not end within 3 s and was killed" in stage.said.getvalue()

    def test_the_dead_are_not_said_to_have_been_killed(self) -> None:
        """A unit that had died by SIGKILL before is not blamed for hanging."""
        stage = Stage()
        (unit,) = stage.running("a")
        unit.status = unit.stop_status = -9
        stage.supervisor.stop()
        assert "did not end" not in stage.said.getvalue()

    def test_a_second_interrupt_kills_what_is_left(self) -> None:
        """Ctrl-C while stopping does not wait any longer."""
        stage = Stage()
        _, middle, _ = stage.running("kafka", "consumer", "ingest")
        middle.on_stop = interrupt
        stage.supervisor.stop()
        assert stage.journal[-2:] == ["consumer killed", "kafka killed"]
        assert "killing consumer, kafka" in stage.said.getvalue()

    def test_any_number_of_signals_is_quiet(self) -> None:
        """A SIGTERM while stopping kills what is left, more of them while killing do nothing."""
        stage = Stage()
        kafka, _, ingest = stage.running("kafka", "consumer", "ingest")
        ingest.on_stop = kafka.on_kill = partial(signal.raise_signal, signal.SIGTERM)
        with endings_interrupt() as endings:
            endings.hold()
            stage.supervisor.stop(endings.hurried())
        assert stage.journal[-3:] == ["ingest killed", "consumer killed", "kafka killed"]
        assert "all stopped after" in stage.said.getvalue()

    def test_a_failing_unit_does_not_save_the_others(self) -> None:
        """An unexpected error while stopping still kills the rest."""
        stage = Stage()
        _, last = stage.running("kafka", "ingest")
        last.on_stop = lambda: 1 / 0
        with pytest.raises(ZeroDivisionError):
            stage.supervisor.stop()
        assert stage.journal[-2:] == ["ingest killed", "kafka killed"]

    def test_says_nothing_when_there_is_nothing(self) -> None:
        """Without units, stopping is silent."""
        stage = Stage()
        stage.supervisor.stop()
        assert stage.said.getvalue() == ""


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0, "ended with status 0"),
        (3, "ended with status 3"),
        (-15, "was killed by SIGTERM"),
        (-99, "was killed by signal 99"),
    ],
)
def test_ending_names_signals(status: int, text: str) -> None:
    """An exit status is told in words."""
    assert ending(status) == text
