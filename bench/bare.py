"""The limit of the chosen stack: a Flask route that answers at once and does nothing."""

from __future__ import annotations

from flask import Flask


def create_app() -> Flask:
    """Return the application; the body is not even read."""
    app = Flask(__name__, static_folder=None)

    @app.post("/bid")
    def bid() -> tuple[dict[str, str], int]:
        return {"status": "accepted"}, 202

    return app
