"""The sink that writes decisions into the service's own log."""

from __future__ import annotations

import json

from common.logs import get_logger
from consumer.bidding.decision_record import DecisionRecord
from consumer.sinks.sink import Acknowledgement, Done


class LogSink:
    """One line per decision, with the whole bid response."""

    name = "log"

    def submit(self, decided: DecisionRecord) -> Acknowledgement:
        """Write the line."""
        get_logger().info("decision", **json.loads(decided.value))
        return Done()

    def close(self) -> None:
        """Do nothing: the log has an owner."""
