"""What kafka-python's clients lack: an end when Kafka is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient

_SENDER_ENDS_WITHIN_S = 1.0


class NeverSentError(KafkaError):  # type: ignore[misc]  # kafka-python ships no types
    """The record was taken back before it left this process: it is on no broker."""


class Producer(Protocol):
    """The part of DroppableProducer that both services use."""

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

    def drop(self) -> None:
        """Stop without waiting for what is pending: its futures fail."""


class DroppableProducer(KafkaProducer):  # type: ignore[misc]  # kafka-python ships no types
    """kafka.KafkaProducer with a way out when `close` has none.

    In kafka-python 3.0.12 an idempotent producer never sends again after a batch that was already
    retried has reached its delivery timeout: it forgets its producer id and asks for no new one.
    What is pending then stays pending, `close` raises before it stops the sender thread, and
    `__del__` does so once more. The one remedy is another producer.
    """

    @property
    def sends(self) -> bool:
        """Whether the sender thread lives: without it nothing is sent and nothing fails."""
        return bool(self._sender.is_alive())

    def take_back(self) -> None:
        """Fail every record that has not been put into a request with NeverSentError.

        Only the sender's own lock of a partition tells the two kinds apart for certain: a batch
        that is in the queue under that lock, and was never drained from it, is sent by nobody.
        """
        for batch in self._accumulator._incomplete.all():  # noqa: SLF001  no public way, see above
            if self._unqueued(batch):
                batch.abort(NeverSentError("not sent in time"))
                self._accumulator.deallocate(batch)

    def _unqueued(self, batch: Any) -> bool:  # noqa: ANN401  kafka-python ships no types
        partition = batch.topic_partition
        queue = self._accumulator._batches[partition]  # noqa: SLF001  no public way, see above
        with self._accumulator._tp_lock(partition):  # noqa: SLF001  no public way, see above
            if batch.drained is not None or batch not in queue:
                return False
            queue.remove(batch)
            batch.records.close()
        return True

    def drop(self) -> None:
        """Stop the sender thread, which fails what is pending."""
        self._sender.force_close()
        self._sender.join(_SENDER_ENDS_WITHIN_S)
        try:
            self.close(timeout=0)
        except KafkaTimeoutError:
            # the sender is inside a request and ends after it; __del__ has nothing left to do
            self._closed = True


def opened(factory: Callable[..., Any], options: dict[str, Any]) -> Any:  # noqa: ANN401  no types
    """Return factory(**options); when that fails, leave no connection and no thread behind.

    The constructors of kafka-python start their network thread before they look for brokers, and
    do not stop it when there are none.
    """
    made: list[KafkaNetClient] = []

    def kafka_client(**configs: Any) -> KafkaNetClient:  # noqa: ANN401  kafka-python's own
        made.append(KafkaNetClient(**configs))
        return made[-1]

    try:
        return factory(kafka_client=kafka_client, **options)
    except BaseException:
        for client in made:
            client.close()
        raise
