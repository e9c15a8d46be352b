"""Rebalances of the group, as this member takes part in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from kafka import ConsumerRebalanceListener
from kafka.structs import TopicPartition

from common.logs import get_logger
from consumer.health.health import Health
from consumer.metrics import ConsumerMetrics

WAITING = "waiting for the group to assign them"


class PartitionState(Protocol):
    """State that is kept by partition."""

    def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Drop what is kept for partitions that are no longer this member's."""


@dataclass(frozen=True)
class PartitionStates:
    """All that is kept by partition."""

    states: Sequence[PartitionState]

    def on_revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Drop what is kept for partitions that are no longer this member's, or are read anew."""
        for book in self.states:
            book.on_revoked(partitions)


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """Keeps account when partitions come and go.

    kafka-python rebalances inside `poll`, and calls back on its own thread while the poll loop
    waits there. The loop polls only after the batch before is finished and its commit attempted,
    so no record of a revoked partition is in flight here, and there is nothing left to finish.
    Whatever is kept by partition (records that wait, offsets to be committed, notes) is dropped:
    the next owner reads on from the committed offset, and what was kept would be wrong by the time
    that the partition comes back.
    """

    def __init__(
        self,
        states: PartitionState,
        health: Health,
        metrics: ConsumerMetrics,
    ) -> None:
        """Take what is kept by partition; not ready before the first assignment."""
        self._states = states
        self._health = health
        self._metrics = metrics
        self._assigned: set[TopicPartition] = set()
        health.set_not_ready("partitions", WAITING, expected=True)

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Be ready, also with no partition: a spare member of the group is in order."""
        self._assigned |= set(assigned)
        self._health.set_ready("partitions")
        self._note("assigned", assigned)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Drop what is kept for partitions that another member reads from now on."""
        self._leave("revoked", revoked)

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        """Do as for revoked ones: their uncommitted records are read again elsewhere."""
        self._leave("lost", lost)

    def _leave(self, change: str, revoked: Collection[TopicPartition]) -> None:
        self._assigned -= set(revoked)
        self._states.on_revoked(revoked)
        if not self._assigned:  # a cooperative rebalance takes some and leaves the others at work
            self._health.set_not_ready("partitions", WAITING, expected=True)
        self._note(change, revoked)

    def _note(self, change: str, partitions: Collection[TopicPartition]) -> None:
        self._metrics.assigned.set(len(self._assigned))
        if partitions:  # the first rebalance revokes none
            self._metrics.rebalances.labels(change).inc()
            numbers = sorted(tp.partition for tp in partitions)
            get_logger().info(f"partitions {change}", partitions=numbers)
