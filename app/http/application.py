"""The Flask application, put together from what is passed in."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from werkzeug.exceptions import HTTPException

from app.health.worker_state import Lifecycle
from app.http.bids import BidHandler, ShortPath, bid_blueprint
from app.http.errors import answer_http_error
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
    app.register_error_handler(HTTPException, answer_http_error)
    app.wsgi_app = ShortPath(app.wsgi_app, handler)  # type: ignore[method-assign]
    return app
