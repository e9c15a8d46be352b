"""GET /openapi.json and /docs: the interface for machines, and a page to try it out on."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, send_from_directory

_PAGE = Path(__file__).parent / "docs_page"
_SWAGGER_UI = Path(str(files("flask_swagger_ui") / "dist"))
# Nothing but what this server has: no network is needed, and no other site can be asked.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def docs_blueprint(openapi: bytes) -> Blueprint:
    """Return the routes; `openapi` is the document, made before the first request."""
    blueprint = Blueprint("docs", __name__)

    @blueprint.after_request
    def guarded(response: Response) -> Response:
        """Keep the page to itself."""
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @blueprint.get("/openapi.json")
    def document() -> Response:
        """Answer with the OpenAPI document."""
        return Response(openapi, mimetype="application/json")

    @blueprint.get("/docs")
    def page() -> Response:
        """Answer with the page."""
        return send_from_directory(_PAGE, "index.html")

    @blueprint.get("/docs/<name>")
    def own(name: str) -> Response:
        """Answer with a part of the page."""
        return send_from_directory(_PAGE, name)

    @blueprint.get("/docs/swagger-ui/<name>")
    def swagger_ui(name: str) -> Response:
        """Answer with a part of Swagger UI as its package has it."""
        return send_from_directory(_SWAGGER_UI, name)

    return blueprint
