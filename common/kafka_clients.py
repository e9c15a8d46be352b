"""What kafka-python's clients lack: an end when Kafka is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError
from kafka.net.compat import KafkaNetClient

_SENDER_ENDS_WITHIN_S = 1.0


class DroppableProducer(KafkaProducer):  # type: ignore[misc]  # kafka-python ships no types
    """kafka.KafkaProducer with a way out when `close` has none.

    In kafka-python 3.0.12 an idempotent producer never sends again after a batch that was already
    retried has reached its delivery timeout: it forgets its producer id and asks for no new one.
    What is pending then stays pending, `close` raises before it stops the sender thread, and
    `__del__` does so once more. The one remedy is another producer.
    """

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
