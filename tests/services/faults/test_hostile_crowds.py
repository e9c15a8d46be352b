"""A thousand clients of the worst habits: while they are there, nobody else notices."""

from __future__ import annotations

import pytest

from tests.support.crowds import HABITS, Habit, crowds, many_descriptors
from tests.support.ingest import PATIENT
from tests.support.reckoning import assert_nothing_lost
from tests.support.scenario import scenario
from tests.support.stage import Stage

pytestmark = pytest.mark.timing

EACH = 1_000
INNOCENT = 500  # requests beside one crowd; a fifth of them beside all, who leave little time


@pytest.mark.parametrize(
    "habits", [*((habit,) for habit in HABITS), HABITS], ids=[*(h.name for h in HABITS), "all"]
)
@scenario(
    fault="1,000 clients that do not read, 1,000 that trickle bodies, 1,000 that send half a body, "
    "1,000 that trickle heads",
    client="They are sent away in time; everybody else gets 202",
    kept="Everything accepted",
    recovery="None needed",
)
def test_a_crowd_is_noticed_by_nobody(stage: Stage, habits: tuple[Habit, ...]) -> None:
    """Every innocent request is accepted while the crowd is there, and the workers stay."""
    with many_descriptors(2 * EACH * len(HABITS)), stage.ingest(**PATIENT) as ingest:
        workers = ingest.wait_until_ready().worker_pids()
        with crowds(ingest.port, EACH, *habits), stage.load(ingest) as load:
            load.until_accepted(INNOCENT if len(habits) == 1 else INNOCENT // 5, within_s=60)
            assert ingest.get("/healthz").status == ingest.get("/readyz").status == 200
        assert ingest.worker_pids() == workers
        assert len(stage.ledger) == len(stage.ledger.accepted)
    assert_nothing_lost(stage.brokers, stage.topic, stage.ledger)
