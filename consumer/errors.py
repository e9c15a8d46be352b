"""The errors of one record, each with its disposition."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The reason for which a record was given up: the value of its `dlq-reason` header."""

    UNREADABLE = "unreadable"
    NOT_JSON = "not-json"
    NOT_AN_OBJECT = "not-an-object"
    NO_ID = "no-id"
    STRATEGY_FAILED = "strategy-failed"
    STRATEGY_TIMEOUT = "strategy-timeout"
    SINK_REFUSED = "sink-refused"


class Stage(StrEnum):
    """The stage at which a record was given up: the value of its `dlq-stage` header."""

    READ = "read"
    DECODE = "decode"
    DECIDE = "decide"
    SINK = "sink"


class InvalidMessage(Exception):
    """No later attempt at this record can succeed. Disposition: dead letter.

    The message may quote the record: it goes into the dead letter, never into a log.
    """

    def __init__(self, reason: Reason, stage: Stage, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.stage = stage


class MessageRejected(Exception):
    """A sink will never take this decision, a larger one than its topic allows for instance.

    Disposition: dead letter.
    """


class SinkBackpressureError(Exception):
    """A sink cannot take decisions at present. Disposition: commit nothing, back off, retry."""


class PartitionBackpressureError(SinkBackpressureError):
    """It is known without waiting that a topic cannot be written to at present.

    Disposition: as above, for this record's partition alone. An attempt for another costs no time.
    """
