"""The ingest, whose workers serve nobody before they are connected, however long that takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.__main__ import main
from app.kafka import producer_supervisor
from app.kafka.producer_supervisor import ProducerSupervisor

_PATIENCE_S = 20.0


class PatientConnection(ProducerSupervisor):
    """Waits for Kafka longer than a machine stands still."""

    def start(self, patience_s: float) -> None:
        """Connect."""
        super().start(max(patience_s, _PATIENCE_S))


if __name__ == "__main__":
    # not of a module that imports prometheus_client, which decides then for how many it counts
    producer_supervisor.ProducerSupervisor = PatientConnection  # type: ignore[misc]
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(main(os.environ, sys.stdout, sys.stderr))
