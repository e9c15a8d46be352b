"""What one writes first: Flask, a marshmallow schema, and kafka-python's `send().get()`.

The schema knows only the few members that everybody checks, which is less than the ingest does.
"""

from __future__ import annotations

import os

from flask import Flask, request
from kafka import KafkaProducer
from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

_SOME = validate.Length(min=1)
_ACKNOWLEDGED_WITHIN_S = 5


class Imp(Schema):
    """An impression."""

    class Meta:
        """Let through what is not named here."""

        unknown = INCLUDE

    id = fields.String(required=True, validate=_SOME)
    bidfloor = fields.Float()
    banner = fields.Dict()
    video = fields.Dict()


class BidRequest(Schema):
    """A bid request."""

    class Meta:
        """Let through what is not named here."""

        unknown = INCLUDE

    id = fields.String(required=True, validate=_SOME)
    imp = fields.List(fields.Nested(Imp), required=True, validate=_SOME)
    site = fields.Dict()
    app = fields.Dict()
    device = fields.Dict()
    user = fields.Dict()
    tmax = fields.Integer()


def create_app() -> Flask:
    """Return the application, connected to `KAFKA_BROKERS`."""
    app = Flask(__name__, static_folder=None)
    schema, topic = BidRequest(), os.environ["KAFKA_TOPIC_BID_REQUESTS"]
    producer = KafkaProducer(bootstrap_servers=os.environ["KAFKA_BROKERS"], acks="all")

    @app.post("/bid")
    def bid() -> tuple[dict[str, object], int]:
        try:
            document = schema.load(request.get_json())
        except ValidationError as error:
            return {"errors": error.messages}, 400
        key = document["id"].encode()
        producer.send(topic, request.get_data(), key=key).get(_ACKNOWLEDGED_WITHIN_S)
        return {"status": "accepted", "id": document["id"]}, 202

    return app
