"""The Flask application, put together from what is passed in."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from app.health.worker_state import Lifecycle
from app.http.bids import BidHandler, ShortPath, bid_blueprint
from app.http.probes import probe_blueprint
from app.kafka.publisher import Publisher


def create_app(
    handler: BidHandler,
    publisher: Publisher,
    lifecycle: Lifecycle,
    exposition: Callable[[], bytes],
) -> Flask:
    """Return the WSGI application; nothing is connected or started here."""
    app = Flask("app", static_folder=None)
    app.register_blueprint(bid_blueprint(handler))
    app.register_blueprint(probe_blueprint(publisher, lifecycle, exposition))
    app.register_error_handler(HTTPException, _http_problem)
    app.wsgi_app = ShortPath(app.wsgi_app, handler)  # type: ignore[method-assign]
    return app


def _http_problem(error: HTTPException) -> Response:
    """Render what Flask itself refuses (404, 405, ...) like our own refusals (RFC 9457)."""
    response = jsonify(
        type="about:blank", title=error.name, status=error.code, detail=error.description
    )
    response.headers.update(
        {
            k: v
            for k, v in error.get_response().headers
            if k not in {"Content-Type", "Content-Length"}
        }
    )
    response.status_code = error.code or 500
    response.mimetype = "application/problem+json"
    return response
