"""kafka-python's clients, with an end when Kafka is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from common.addresses import join_host_port
from common.kafka_reasons import BrokerTroubles, explain_connection

_SENDER_ENDS_WITHIN_S = 1.0
_THREAD_COMES_WITHIN_S = 0.005
_MOST_RACES = 100


class NeverSentError(KafkaError):  # type: ignore[misc]  # kafka-python ships no types
    """The record was taken back before it left this process: it is on no broker."""


class Producer(Protocol):
    """The part of AbortableProducer that both services use."""

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> Any:  # noqa: ANN401  kafka-python ships no types
        """Buffer a record and return its future; raise KafkaError when that is not possible."""

    def close(self, timeout: float | None = None) -> None:
        """Wait for what is pending, then stop; raise KafkaTimeoutError when it stays pending."""

    def force_close(self) -> None:
        """Stop without waiting for what is pending: its futures fail."""


class AbortableProducer(KafkaProducer):  # type: ignore[misc]  # kafka-python ships no types
    """kafka.KafkaProducer with a way out when `close` has none.

    In kafka-python 3.0.12 an idempotent producer never sends again after a batch that was already
    retried has reached its delivery timeout: it forgets its producer id and asks for no new one.
    What is pending then stays pending, `close` raises before it stops the sender thread, and
    `__del__` does so once more. The one remedy is another producer.
    """

    @property
    def is_alive(self) -> bool:
        """Whether the sender thread lives: without it nothing is sent and nothing fails."""
        return bool(self._sender.is_alive())

    def never_block(self) -> None:
        """Have `send` raise KafkaTimeoutError at once where it would wait for a topic."""
        self.config["max_block_ms"] = 0

    def abort_unsent(self) -> None:
        """Fail every record that has not been put into a request with NeverSentError."""
        error = NeverSentError("not sent in time")
        for _ in range(_MOST_RACES):
            try:
                self._accumulator.abort_undrained_batches(error)
            except ValueError:  # its sender has just taken one out that has expired, and fails it
                time.sleep(0)
            else:
                return

    def force_close(self) -> None:
        """Stop the sender thread, which fails what is pending."""
        self._sender.force_close()
        self._sender.join(_SENDER_ENDS_WITHIN_S)
        try:
            self.close(timeout=0)
        except KafkaTimeoutError:
            # the sender is inside a request and ends after it; __del__ has nothing left to do
            self._closed = True


class ReportingManager(KafkaConnectionManager):  # type: ignore[misc]  # kafka-python ships no types
    """kafka-python's connections, which tell whether they were built, and why they failed."""

    def __init__(self, net: Any, troubles: BrokerTroubles, **configs: Any) -> None:  # noqa: ANN401  kafka-python's own
        self._troubles = troubles
        # Says whether this thread may be built to wait; None: it may.
        self.before_connecting: Callable[[], bool] | None = None
        super().__init__(net, **configs)

    async def _connect(self, node: Any, conn: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401  the same
        """Connect as before: the one place that every connection comes through.

        A private method of kafka-python 3.0.12, as is that its client takes a manager; a unit test
        on its own classes fails when that changes.
        """
        while self.before_connecting is not None and not self.before_connecting():
            await self._net.sleep(_THREAD_COMES_WITHIN_S)
        broker = self._name(node)
        conn.init_future.add_callback(lambda _made: self._note_reached(broker, conn))
        conn.close_future.add_errback(lambda error: self._note_failed(broker, error))
        await super()._connect(node, conn, *args, **options)

    def _note_reached(self, broker: str, conn: Any) -> None:  # noqa: ANN401  the same
        self._troubles.note_reached(broker)
        conn.close_future.add_both(lambda _end: self._troubles.note_ended(broker))

    def _note_failed(self, broker: str, error: BaseException) -> None:
        if not self.closed:
            self._troubles.note_failed(broker, explain_connection(error, self.config))

    def _name(self, node: Any) -> str:  # noqa: ANN401  the same
        given = {(each.host, each.port) for each in self.cluster.bootstrap_brokers()}
        advertised = (node.host, node.port) not in given
        by = f" (as broker {node.node_id} calls itself: advertised.listeners)" if advertised else ""
        return join_host_port(node.host, node.port) + by


def create_or_close(
    factory: Callable[..., Any], options: dict[str, Any], troubles: BrokerTroubles | None = None
) -> Any:  # noqa: ANN401  no types
    """Return factory(**options), whose connections tell `troubles`.

    The constructors of kafka-python start their network thread before they look for brokers, and
    do not stop it when there are none. When that fails, no connection and no thread is left
    behind, and KafkaUnavailableError says why.
    """
    built: list[KafkaNetClient] = []
    reported = troubles or BrokerTroubles()

    def kafka_client(**configs: Any) -> KafkaNetClient:  # noqa: ANN401  kafka-python's own
        net = NetworkSelector(**configs)
        built.append(KafkaNetClient(net=net, manager=ReportingManager(net, reported, **configs)))
        return built[-1]

    with reported.explain_errors():
        try:
            return factory(kafka_client=kafka_client, **options)
        except BaseException:
            for client in built:
                client.close()
            raise
