"""The Flask applications: one for everybody, and one for those who run the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from app.health.worker_state import WorkerState
from app.http.answer import error_response
from app.http.bids import BidHandler, BidMiddleware, bid_blueprint
from app.http.docs import docs_blueprint
from app.http.probes import metrics_blueprint, probe_blueprint
from app.kafka.publisher import Publisher
from app.problems import InternalError, NotServed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OURS = {"Content-Type", "Content-Length"}


def create_public_app(
    handler: BidHandler, publisher: Publisher, worker_state: WorkerState
) -> Flask:
    """Return what everybody may ask: bids and probes, which name no broker and no process.

    Nothing is connected or started here.
    """
    return _create_app(handler, probe_blueprint(publisher, worker_state, reasons=False))


def create_admin_app(
    handler: BidHandler,
    publisher: Publisher,
    worker_state: WorkerState,
    exposition: Callable[[], bytes],
    openapi: bytes,
) -> Flask:
    """Return the same for those who run the service: with reasons, metrics and the API's page.

    Bids are taken as well, so that the page can try them out where it comes from.
    """
    return _create_app(
        handler,
        probe_blueprint(publisher, worker_state, reasons=True),
        metrics_blueprint(exposition),
        docs_blueprint(openapi),
    )


class PortDispatcher:
    """A WSGI application (PEP 3333) that hands a request to `admin` where it came to its port.

    That is the port of the socket that took the connection: nothing that a client sends changes it.
    """

    def __init__(self, public: WSGIApplication, admin: WSGIApplication, admin_port: int) -> None:
        """Take both applications, and the port that is really bound for `admin`."""
        self._public = public
        self._admin = admin
        self._admin_port = str(admin_port)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        to_admin = environ["SERVER_PORT"] == self._admin_port
        return (self._admin if to_admin else self._public)(environ, start_response)


def _create_app(handler: BidHandler, *blueprints: Blueprint) -> Flask:
    app = Flask("app", static_folder=None)
    for blueprint in (bid_blueprint(handler), *blueprints):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, answer_http_error)
    app.wsgi_app = BidMiddleware(app.wsgi_app, handler)  # type: ignore[method-assign]
    return app


def answer_http_error(error: HTTPException) -> Response:
    """Return the problem document of 404, 405 and whatever else Flask raises, with its headers."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    given = error.get_response().headers
    headers = {name: value for name, value in given if name not in _OURS}
    problem = NotServed(status, _code(error), error.description or "", headers)
    return error_response(problem).to_flask()


def _code(error: HTTPException) -> str:
    """Return the slug: werkzeug's own names do not depend on Python's version."""
    if error.code == InternalError.status:
        return InternalError.code
    return error.name.lower().replace(" ", "-")
