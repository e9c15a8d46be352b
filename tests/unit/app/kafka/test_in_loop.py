"""The sender of kafka-python rests while a loop does its work, and goes on when it has to."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.net.compat import KafkaNetClient
from kafka.net.selector import NetworkSelector
from kafka.producer.sender import Sender

from app.kafka.in_loop import SenderInLoop, find_missing_names
from common.kafka_clients import ReportingManager
from common.kafka_reasons import BrokerTroubles
from tests.support.waiting import eventually

# ruff: noqa: SLF001  what is tested stands in for private parts of kafka-python

pytestmark = [pytest.mark.promise("fast"), pytest.mark.timing]

HERE = threading.get_ident()


def real_client() -> KafkaNetClient:
    """Return kafka-python's own client, which is connected to nothing."""
    configs = {"bootstrap_servers": "127.0.0.1:1"}
    net = NetworkSelector(**configs)
    return KafkaNetClient(net=net, manager=ReportingManager(net, BrokerTroubles(), **configs))


class CountingSender(threading.Thread):
    """A sender as kafka-python's is, whose rounds do nothing but poll."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._client = real_client()
        self._client._manager._conns[0] = SimpleNamespace(connected=True)
        self.rounds: list[int | None] = []
        self.raises: Exception | None = None
        self.ending = False
        self.start()

    def run(self) -> None:
        """Go round until told to end."""
        while not self.ending:
            self.run_once()

    def run_once(self) -> None:
        """Note which thread goes round, and wait for something to do."""
        self.rounds.append(threading.get_ident())
        if self.raises is not None:
            raise self.raises
        self._client.poll(timeout_ms=60_000)


class World:
    """A producer, whoever has it, and a loop that has it as its guest."""

    def __init__(self) -> None:
        self.senders: list[CountingSender] = []
        self.replace()
        self.epoll = select.epoll()
        self.guest = SenderInLoop(self, self.watch, select.EPOLLIN)

    def replace(self) -> None:
        """Have another producer, whose sender goes round by itself."""
        self.sender = CountingSender()
        self.senders.append(self.sender)
        self.producer: Any = SimpleNamespace(_sender=self.sender)

    def watch(self, descriptor: int, _guest: SenderInLoop, interest: int) -> None:
        """Do as the loop does."""
        if interest:
            self.epoll.register(descriptor, interest)
        else:
            self.epoll.unregister(descriptor)

    def go_on(self) -> float:
        """Do what is due and return the seconds until something is."""
        for _, mask in self.epoll.poll(0):
            self.guest.on_event(mask)
        self.guest.run()
        return self.guest.due_in(time.monotonic())

    def take_over(self) -> None:
        """Go on until the loop does the sender's work."""
        eventually(lambda: self.go_on() >= 0 and HERE in self.sender.rounds, "a round", 10)

    def rounds_when_woken(self, sender: CountingSender) -> set[int | None]:
        """Return who goes round once this sender is woken."""
        sender.rounds.clear()
        sender._client.wakeup()
        if sender is self.sender:
            self.go_on()
        return set(eventually(lambda: sender.rounds, "a round", 10))

    def close(self) -> None:
        """End every thread."""
        self.guest.stop()
        for sender in self.senders:
            sender.ending = True
            sender._client.wakeup()
            sender.join(10)
            sender._client._net.close()
        self.epoll.close()


@pytest.fixture
def begun() -> Iterator[World]:
    """Yield a producer and a loop."""
    world = World()
    yield world
    world.close()


@pytest.fixture
def world(begun: World) -> World:
    """Return them once the loop has taken over the sender's work."""
    begun.take_over()
    return begun


def test_the_names_are_kafka_python_s() -> None:
    """What is used of its private parts is there in the version that is installed."""
    client = real_client()
    sender = Sender(client, client.cluster, None)
    assert find_missing_names(SimpleNamespace(_sender=sender)) == ()
    client.close()


def test_the_loop_does_the_sender_s_work(world: World) -> None:
    """Once it has taken over, no round is the sender's own."""
    assert world.rounds_when_woken(world.sender) == {HERE}
    assert len(world.sender.rounds) == 1


def test_a_wake_up_of_this_thread_is_done_before_the_loop_sleeps(world: World) -> None:
    """A record that was handed over in a pass leaves in the same pass."""
    assert world.go_on() > 0
    world.sender._client.wakeup()
    assert world.guest.due_in(time.monotonic()) == 0


def test_a_wake_up_of_another_thread_wakes_the_loop(world: World) -> None:
    """Whoever else uses the client is heard."""
    world.go_on()
    thread = threading.Thread(target=world.sender._client.wakeup)
    thread.start()
    thread.join()
    assert world.epoll.poll(10)


def test_what_makes_itself_ready_is_run(world: World) -> None:
    """Coroutines of kafka-python go on in the loop, step by step."""
    steps: list[int] = []
    net = world.sender._client._net

    async def walk() -> None:
        for number in range(3):
            steps.append(number)
            await net.sleep(0)

    net.call_soon(walk)
    eventually(lambda: world.go_on() >= 0 and steps == [0, 1, 2], "three steps", 10)


def test_before_a_connection_is_made_the_sender_goes_on_by_itself(world: World) -> None:
    """It may have to wait, for a name or a login; the loop must not."""
    manager = world.sender._client._manager
    asked: list[tuple[int, bool]] = []

    async def connect() -> None:
        while manager.before_connecting is not None:
            asked.append((threading.get_ident(), manager.before_connecting()))
            await manager._net.sleep(0.001)
        asked.append((threading.get_ident(), True))

    manager._conns[1] = SimpleNamespace(connected=False)
    manager._net.call_soon(connect)
    eventually(lambda: world.go_on() >= 0 and asked and asked[-1][1], "another thread", 10)
    assert asked[-1][0] == world.sender.ident
    manager._conns[1].connected = True
    world.sender.rounds.clear()
    world.take_over()


def test_another_producer_takes_its_place(world: World) -> None:
    """The sender of the one before ends what it has by itself."""
    before = world.sender
    world.replace()
    world.take_over()
    assert world.rounds_when_woken(before) == {before.ident}


def test_at_the_end_the_sender_has_its_work_again(world: World) -> None:
    """So that closing the producer finds it as it was made."""
    world.guest.stop()
    world.sender.rounds.clear()
    world.sender._client.wakeup()
    eventually(lambda: world.sender.rounds, "a round of its own", 10)
    assert set(world.sender.rounds) == {world.sender.ident}
    assert "run_once" not in vars(world.sender)


@pytest.mark.promise("recovers")
def test_a_round_that_fails_is_not_the_end(world: World) -> None:
    """As in the sender's own thread: it is logged, and the next one comes."""
    world.sender.raises = ValueError("odd")
    assert world.rounds_when_woken(world.sender) == {HERE}
    world.sender.raises = None
    assert world.rounds_when_woken(world.sender) == {HERE}


def test_another_kafka_python_keeps_its_thread(
    begun: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a name is missing nothing is touched."""
    monkeypatch.delattr(NetworkSelector, "_next_scheduled_timeout")
    for _ in range(3):
        begun.go_on()
        time.sleep(0.001)
    assert HERE not in begun.sender.rounds
    assert "run_once" not in vars(begun.sender)
