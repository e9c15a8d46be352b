"""The ingest, but its worker dies between Kafka's acknowledgement and its own answer, once."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from app.__main__ import main
from app.kafka import kafka_publisher
from app.kafka.kafka_publisher import KafkaPublisher
from app.kafka.publisher import Acknowledged, Record

DOOMED = b"doomed"


class DoomedPublisher(KafkaPublisher):
    """Publishes as ever, and kills its process once a certain record is acknowledged."""

    def publish(self, record: Record) -> Acknowledged:
        """Die with the record safe and the client unanswered."""
        acknowledged = super().publish(record)
        if record.key == DOOMED:
            os.kill(os.getpid(), signal.SIGKILL)
        return acknowledged


if __name__ == "__main__":
    kafka_publisher.KafkaPublisher = DoomedPublisher  # type: ignore[misc]
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(main(os.environ, sys.stdout, sys.stderr))
