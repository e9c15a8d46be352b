"""What keeps one record, or one kind of them, from harming the others."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError

from common.decisions import FirstSeen
from consumer.bidding.decision import Decision, NoBid
from consumer.bidding.request import BidRequest
from consumer.dlq.limit import DlqLimit, DlqLimitExceeded
from consumer.processing.deduplication import DuplicateDetector
from consumer.processing.processor import Guards
from consumer.processing.timeout import AlarmTimeout, StrategyTimeout
from tests.support.fakes.consumer_clock import FakeTime
from tests.support.fakes.consumer_kafka import FakeKafkaConsumer
from tests.support.fakes.consumer_producer import FakeProducer
from tests.support.fakes.consumer_records import make_record, partition
from tests.support.fakes.consumer_strategy import FakeStrategy
from tests.support.fakes.consumer_wiring import Wiring

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

pytestmark = pytest.mark.timing


def _alarm_after(clock: FakeTime, seconds: float) -> None:
    clock.sleep(seconds)
    signal.raise_signal(signal.SIGALRM)


class TestTimeBudget:
    """A strategy that hangs is stopped, wherever it hangs."""

    @pytest.mark.parametrize("catches_everything", [False, True])
    def test_what_does_not_return_is_interrupted(self, *, catches_everything: bool) -> None:
        """Also code that catches every Exception."""

        def hang() -> None:
            while True:
                try:
                    time.sleep(60)
                except Exception:
                    if not catches_everything:
                        raise

        with pytest.raises(StrategyTimeout), AlarmTimeout(0.02)():
            hang()

    def test_each_block_has_all_of_its_time(self) -> None:
        """An alarm that comes early, for a block before this one, does nothing."""
        clock = FakeTime()
        budget = AlarmTimeout(60, clock.clock.monotonic)
        with budget():
            clock.sleep(50)
        with budget():
            _alarm_after(clock, 40)
        with pytest.raises(StrategyTimeout), budget():
            _alarm_after(clock, 60)

    def test_an_alarm_between_two_blocks_does_nothing(self) -> None:
        """What was not interrupted in its time is not interrupted afterwards."""
        budget = AlarmTimeout(60)
        with budget():
            pass
        signal.raise_signal(signal.SIGALRM)

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

    def test_after_a_block_that_took_too_long_the_next_is_limited_as_well(self) -> None:
        """One that hangs does not use the alarm up."""
        budget = AlarmTimeout(0.02)
        for _ in range(2):
            with pytest.raises(StrategyTimeout), budget():
                time.sleep(60)

    def test_the_request_becomes_a_dead_letter_and_the_next_is_decided(self) -> None:
        """One request that a strategy cannot cope with costs its time budget, once."""
        source, clock = FakeKafkaConsumer(), FakeTime()
        source.add(b'{"id":"hangs"}')
        source.add(b'{"id":"fine"}')

        def decide(request: BidRequest) -> Decision:
            if request.id == "hangs":
                _alarm_after(clock, 60)
            return NoBid()

        guards = Guards(timeout=AlarmTimeout(60, clock.clock.monotonic))
        service = Wiring(source, strategy=FakeStrategy(by=decide), guards=guards)
        service.go_round()
        assert service.value("consumer_dead_letters_total", reason="strategy-timeout") == 1
        assert service.value("consumer_decisions_total", strategy="fake", outcome="no_bid") == 1
        assert source.committed == {partition(): 2}


class TestDuplicates:
    """A bid id that comes again is marked, within a bounded memory."""

    def test_the_second_record_of_an_id_says_where_the_first_is(self) -> None:
        """Both are decided on; the second decision names the first request."""
        source = FakeKafkaConsumer()
        for bid_id in ("a", "b", "a"):
            source.add(b'{"id":"%s"}' % bid_id.encode())
        service = Wiring(source)
        service.go_round()
        values = [sent.value or b"" for sent in service.producer.to("bid_decisions")]
        marked = [b'"duplicate_of":{"partition":0,"offset":0}' in value for value in values]
        assert marked == [False, False, True]
        assert service.value("consumer_duplicates_total") == 1

    def test_a_record_that_is_read_again_is_no_duplicate(self) -> None:
        """Retries and rebalances read records anew: they are still the first of their id."""
        recent = DuplicateDetector(10)
        first, second = make_record(offset=5), make_record(offset=9)
        assert [recent.first_seen(record, "a") for record in (first, first)] == [None, None]
        assert recent.first_seen(second, "a") == FirstSeen(0, 5)
        assert recent.first_seen(second, "a") == FirstSeen(0, 5)

    @pytest.mark.parametrize("most", [0, 1, 2, 3, 100])
    def test_it_remembers_no_more_than_it_may(self, most: int) -> None:
        """However long ids are, and also where it may remember none at all."""
        recent = DuplicateDetector(most)
        for offset in range(1000):
            recent.first_seen(make_record(offset=offset), f"{offset}" + "x" * 10_000)
            assert len(recent) <= most

    def test_it_remembers_the_last_half_of_that_at_least(self) -> None:
        """Whenever it is asked; what is farther back than all of it is forgotten."""
        for asked in range(200, 400):
            recent = DuplicateDetector(100)
            for offset in range(asked):
                recent.first_seen(make_record(offset=offset), f"{offset}")
            again = make_record(offset=asked)
            assert recent.first_seen(again, f"{asked - 50}") == FirstSeen(0, asked - 50)
            assert recent.first_seen(again, f"{asked - 101}") is None

    def test_an_id_that_comes_again_and_again_stays_known(self) -> None:
        """Each time counts as news of it, and each duplicate names the first."""
        recent = DuplicateDetector(10)
        recent.first_seen(make_record(offset=0), "a")
        for offset in range(1, 100):
            recent.first_seen(make_record(offset=offset), f"{offset}")
            assert recent.first_seen(make_record(offset=offset), "a") == FirstSeen(0, 0)

    def test_partitions_that_went_are_forgotten(self) -> None:
        """Another member sees their ids from now on."""
        recent = DuplicateDetector(10)
        recent.first_seen(make_record(offset=1), "a")
        recent.first_seen(make_record(offset=1, on=partition(1)), "b")
        recent.on_revoked([partition(0)])
        assert len(recent) == 1


class TestDeadLetterLimit:
    """The dead letters are for exceptions, not for the topic."""

    def test_too_many_in_a_row_end_it_before_one_more_is_given_up(self) -> None:
        """The error says where; nothing of the batch is committed."""
        source = FakeKafkaConsumer()
        for _ in range(5):
            source.add(b"{")
        guards = Guards(limit=DlqLimit(3, 1.0))
        service = Wiring(source, guards=guards)
        with pytest.raises(DlqLimitExceeded, match="bid_requests-0.*offset 3"):
            service.go_round()
        assert len(service.producer.to("bid_requests.dlq")) == 3
        assert source.committed == {}

    def test_a_decision_in_between_begins_the_count_anew(self) -> None:
        """Single bad records among good ones are what dead letters are for."""
        limit = DlqLimit(2, 1.0)
        for offset in range(0, 30, 3):
            limit.note_given_up(make_record(offset=offset))
            limit.note_given_up(make_record(offset=offset + 1))
            limit.note_decided(make_record(offset=offset + 2))

    def test_each_partition_has_its_own_row(self) -> None:
        """Two partitions with two each are not four in a row."""
        limit = DlqLimit(2, 1.0)
        for offset, number in ((0, 0), (0, 1), (1, 0), (1, 1)):
            limit.note_given_up(make_record(offset=offset, on=partition(number)))

    def test_too_large_a_share_ends_it_once_the_window_is_full(self) -> None:
        """Half of the last ten is allowed, one more is not; the first few do not count as many."""
        limit = DlqLimit(100, 0.5, window=10)
        for offset in range(0, 10, 2):
            limit.note_given_up(make_record(offset=offset))
            limit.note_decided(make_record(offset=offset + 1))
        limit.note_given_up(make_record(offset=10))
        with pytest.raises(DlqLimitExceeded, match="6 of the last 10"):
            limit.note_given_up(make_record(offset=11))

    def test_a_record_counts_once_however_often_it_is_tried(self) -> None:
        """Neither in the row nor in the window, whatever is decided on again before it."""
        limit = DlqLimit(1, 0.5, window=4)
        for _ in range(100):
            limit.note_decided(make_record(offset=0))
            limit.note_decided(make_record(offset=1))
            limit.note_given_up(make_record(offset=2))
        with pytest.raises(DlqLimitExceeded, match="2 records in a row"):
            limit.note_given_up(make_record(offset=3))

    def test_decisions_that_a_sink_refuses_count_as_given_up(self) -> None:
        """Also those that come after all of their batch was decided on."""
        limit = DlqLimit(2, 1.0)
        for offset in range(4):
            limit.note_decided(make_record(offset=offset))
        for offset in range(2):
            limit.note_given_up(make_record(offset=offset))
        with pytest.raises(DlqLimitExceeded, match="offset 2"):
            limit.note_given_up(make_record(offset=2))

    def test_partitions_that_went_are_forgotten(self) -> None:
        """What another member goes on with is counted there; a return begins anew."""
        limit = DlqLimit(1, 1.0)
        for _ in range(3):
            limit.note_given_up(make_record(offset=5))
            limit.on_revoked([partition()])

    def test_one_poison_that_finds_no_place_does_not_stop_the_service(self) -> None:
        """It is tried again more often than so many may be given up in a row, and is still one."""
        source = FakeKafkaConsumer()
        source.add(b"{")
        service = Wiring(source, guards=Guards(limit=DlqLimit(3, 1.0)))
        away = KafkaTimeoutError("away")
        service.make_producer = lambda: refusing(away)
        service.producer.refusing = lambda _sent: away
        for _ in range(10):
            service.time.now_s += 5
            service.go_round()
        assert service.value("consumer_retries_total", unavailable="sinks") == 10
        assert source.committed == {}
        service.make_producer = FakeProducer
        service.time.now_s += 5
        service.go_round(2)
        assert source.committed == {partition(): 1}


def refusing(error: KafkaError) -> FakeProducer:
    """Return a producer that takes nothing."""
    producer = FakeProducer()
    producer.refusing = lambda _sent: error
    return producer
