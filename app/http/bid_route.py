"""POST /bid as a Flask view: what Flask's routing, errors and `Allow` header know it by."""

from __future__ import annotations

from flask import Blueprint, Response, request

from app.http.bids import BidHandler


def bid_blueprint(handler: BidHandler) -> Blueprint:
    """Return the route."""
    blueprint = Blueprint("bid", __name__)

    @blueprint.post("/bid")
    def bid() -> Response:
        answer = handler.answer(request.environ)
        return Response(answer.body, answer.status_line, answer.headers())

    return blueprint
