"""What keeps one record, or one kind of them, from harming the others."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from common.decisions import FirstSeen
from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.request import BidRequest
from consumer.dlq.limit import DlqLimit, DlqLimitExceeded
from consumer.errors import InvalidMessage, Reason, Stage
from consumer.processing.deduplication import DuplicateDetector
from consumer.processing.processor import RejectedRecords
from consumer.processing.timeout import AlarmTimeout, StrategyTimeout
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_records import make_record, partition
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.consumer_wiring import DEAD_LETTERS, DECISIONS, Wiring

# A strategy hangs, in a process with other threads that would take a signal.
_HANGS = """
import threading, time
from consumer.processing.timeout import AlarmTimeout, StrategyTimeout
for _ in range(30):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
try:
    with AlarmTimeout(0.5)():
        print("hangs", flush=True)
        time.sleep(60)
except StrategyTimeout:
    pass
"""

pytestmark = [pytest.mark.timing, pytest.mark.promise("record-isolation")]


def _alarm_after(clock: FakeTime, seconds: float) -> None:
    clock.sleep(seconds)
    signal.raise_signal(signal.SIGALRM)


class TestTimeout:
    """A strategy that hangs is stopped, wherever it hangs."""

    def test_what_does_not_return_is_interrupted_each_time(self) -> None:
        """Also code that catches every Exception; one that hangs does not use the alarm up."""

        def hang() -> None:
            while True:
                with suppress(Exception):
                    time.sleep(60)

        timeout = AlarmTimeout(0.02)
        for _ in range(2):
            with pytest.raises(StrategyTimeout), timeout():
                hang()

    def test_each_block_has_all_of_its_time(self) -> None:
        """An alarm that comes early, for a block before this one, or between two, does nothing."""
        clock = FakeTime()
        timeout = AlarmTimeout(60, clock.clock.monotonic)
        with timeout():
            clock.sleep(50)
        signal.raise_signal(signal.SIGALRM)
        with timeout():
            _alarm_after(clock, 40)
        with pytest.raises(StrategyTimeout), timeout():
            _alarm_after(clock, 60)

    def test_a_process_that_stood_still_as_the_time_was_up_is_interrupted(self) -> None:
        """The alarm of a stopped process goes to the main thread, whichever thread wakes first."""
        with subprocess.Popen([sys.executable, "-c", _HANGS], stdout=subprocess.PIPE) as hanging:
            assert hanging.stdout is not None
            assert hanging.stdout.readline() == b"hangs\n"
            hanging.send_signal(signal.SIGSTOP)
            assert not threading.Event().wait(1)  # what is tested is the passing of this time
            hanging.send_signal(signal.SIGCONT)
            try:
                assert hanging.wait(10) == 0
            finally:
                hanging.kill()

    def test_the_request_becomes_a_dead_letter_and_the_next_is_decided(self) -> None:
        """One request that a strategy cannot cope with costs its time budget, once."""
        clock = FakeTime()

        def decide(request: BidRequest) -> Decision:
            if request.id == "hangs":
                _alarm_after(clock, 60)
            return NoBid()

        service = Wiring.over(
            [b'{"id":"hangs"}', b'{"id":"fine"}'],
            strategy=FakeStrategy(decide),
            timeout=lambda seconds: AlarmTimeout(seconds, clock.clock.monotonic),
            CONSUMER_STRATEGY_TIMEOUT_MS="60000",
            CONSUMER_LIVENESS_TIMEOUT_MS="120000",
        )
        service.go_round()
        assert service.value("consumer_dead_letters_total", reason="strategy-timeout") == 1
        assert service.value("consumer_decisions_total", strategy="fake", outcome="no_bid") == 1
        assert service.committed == {0: 2}


@pytest.mark.promise("decides")
class TestDuplicates:
    """A bid id that comes again is marked, within a bounded memory."""

    def test_the_second_record_of_an_id_says_where_the_first_is(self) -> None:
        """Both are decided on; the second decision names the first request."""
        service = Wiring.over([b'{"id":"%s"}' % name for name in (b"a", b"b", b"a")])
        service.go_round()
        first = b'"duplicate_of":{"partition":0,"offset":0}'
        marked = [first in (sent.value or b"") for sent in service.producer.to(DECISIONS)]
        assert marked == [False, False, True]
        assert service.value("consumer_duplicates_total") == 1

    def test_a_record_that_is_read_again_is_no_duplicate(self) -> None:
        """Retries and rebalances read records anew: they are still the first of their id."""
        detector = DuplicateDetector(10)
        seen = [detector.first_seen(make_record(offset=at), "a") for at in (5, 5, 9, 9)]
        assert seen == [None, None, FirstSeen(0, 5), FirstSeen(0, 5)]

    @pytest.mark.parametrize("most", [0, 1, 2, 3, 100])
    def test_it_remembers_no_more_than_it_may(self, most: int) -> None:
        """However long ids are, and also where it may remember none at all."""
        detector = DuplicateDetector(most)
        for offset in range(1000):
            detector.first_seen(make_record(offset=offset), f"{offset}" + "x" * 10_000)
            assert len(detector) <= most

    def test_it_remembers_the_last_half_of_that_at_least(self) -> None:
        """Whenever it is asked; what is farther back than all of it is forgotten."""
        for asked in range(200, 400):
            detector = DuplicateDetector(100)
            for offset in range(asked):
                detector.first_seen(make_record(offset=offset), f"{offset}")
            again = make_record(offset=asked)
            assert detector.first_seen(again, f"{asked - 50}") == FirstSeen(0, asked - 50)
            assert detector.first_seen(again, f"{asked - 101}") is None

    def test_an_id_that_comes_again_and_again_stays_known(self) -> None:
        """Each time counts as news of it, and each duplicate names the first."""
        detector = DuplicateDetector(10)
        detector.first_seen(make_record(offset=0), "a")
        for offset in range(1, 100):
            detector.first_seen(make_record(offset=offset), f"{offset}")
            assert detector.first_seen(make_record(offset=offset), "a") == FirstSeen(0, 0)

    def test_partitions_that_went_are_forgotten(self) -> None:
        """Another member sees their ids from now on."""
        detector = DuplicateDetector(10)
        detector.first_seen(make_record(offset=1), "a")
        detector.first_seen(make_record(offset=1, on=partition(1)), "b")
        detector.on_revoked([partition(0)])
        assert len(detector) == 1


def note(limit: DlqLimit, records: str, offset: int = 0, number: int = 0) -> None:
    """Note records from an offset on: `x` is one that is given up, `.` one that is decided."""
    for at, record in enumerate(records, start=offset):
        take = limit.note_given_up if record == "x" else limit.note_decided
        take(make_record(offset=at, on=partition(number)))


class TestDeadLetterLimit:
    """The dead letters are for exceptions, not for the topic."""

    def test_too_many_in_a_row_end_it_before_one_more_is_given_up(self) -> None:
        """The error says where; nothing of the batch is committed."""
        service = Wiring.over([b"{"] * 5, CONSUMER_DLQ_MAX_CONSECUTIVE="3")
        with pytest.raises(DlqLimitExceeded, match="bid_requests-0.*offset 3"):
            service.go_round()
        assert len(service.producer.to(DEAD_LETTERS)) == 3
        assert service.committed == {}

    def test_a_decision_in_between_begins_the_count_anew_in_each_partition(self) -> None:
        """Single bad records among good ones are what dead letters are for."""
        limit = DlqLimit(2, 1.0)
        note(limit, "xx." * 10)
        note(limit, "xx", number=1)
        note(limit, "xx", offset=30)

    def test_too_large_a_share_ends_it_once_the_window_is_full(self) -> None:
        """Half of the last ten is allowed, one more is not; the first few do not count as many."""
        limit = DlqLimit(100, 0.5, window=10)
        note(limit, "x.x.x.x.x.x")
        with pytest.raises(DlqLimitExceeded, match="6 of the last 10"):
            note(limit, "x", offset=11)

    def test_a_record_counts_once_however_often_it_is_tried(self) -> None:
        """Neither in the row nor in the window, whatever is decided on again before it."""
        limit = DlqLimit(1, 0.5, window=4)
        for _ in range(100):
            note(limit, "..x")
        with pytest.raises(DlqLimitExceeded, match="2 records in a row"):
            note(limit, "x", offset=3)

    def test_decisions_that_a_sink_refuses_count_as_given_up(self) -> None:
        """Also those that come after all of their batch was decided on."""
        limit = DlqLimit(2, 1.0)
        note(limit, "....")
        with pytest.raises(DlqLimitExceeded, match="offset 2"):
            note(limit, "xxx")

    def test_partitions_that_went_are_forgotten(self) -> None:
        """What another member goes on with is counted there; a return begins anew."""
        limit = DlqLimit(1, 1.0)
        for _ in range(3):
            note(limit, "x", offset=5)
            limit.on_revoked([partition()])


@pytest.mark.promise("bounded")
def test_refusals_are_bounded() -> None:
    """The oldest goes where too many are kept; one that was dropped is forgotten."""
    refusals = RejectedRecords(most=2)
    records = [make_record(offset=offset) for offset in range(3)]
    for record in records:
        refusals.keep(record, InvalidMessage(Reason.SINK_REFUSED, Stage.SINK, "too large"))
    refusals.check(records[0])
    for record in records[1:]:
        with pytest.raises(InvalidMessage):
            refusals.check(record)
    refusals.drop(records[1])
    refusals.check(records[1])
