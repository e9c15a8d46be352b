"""Sinks as services have them that are not ours: slow, and for a while away."""

from __future__ import annotations

import os
import time
from pathlib import Path

from consumer.bidding.decision_record import DecisionRecord
from consumer.errors import SinkBackpressureError
from consumer.sinks.sink import Acknowledgement, Done


class Sluggish:
    """Takes a second for each decision."""

    name = "sluggish"

    def submit(self, _decided: DecisionRecord) -> Acknowledgement:
        time.sleep(1)
        return Done()

    def close(self) -> None:
        """Do nothing."""


class Switched:
    """Writes decisions to the file that SWITCHED_SINK names, and is away before there is one."""

    name = "switched"

    def __init__(self) -> None:
        self._path = Path(os.environ["SWITCHED_SINK"])

    def submit(self, decided: DecisionRecord) -> Acknowledgement:
        if not self._path.exists():
            raise SinkBackpressureError("switched off")
        with self._path.open("ab") as file:
            file.write(decided.value + b"\n")
        return Done()

    def close(self) -> None:
        """Do nothing."""
