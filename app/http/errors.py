"""What Flask itself refuses, answered like every other problem."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from werkzeug.exceptions import HTTPException

from app.http.answer import error_response
from app.problems import InternalError, NotServed

_OURS = {"Content-Type", "Content-Length"}


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
