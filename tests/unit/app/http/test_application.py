"""Two applications: what stands on which port, and who decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from app.http.application import PortDispatcher
from tests.unit.app.conftest import OPENAPI, Ingest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ADMINS_ALONE = (
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui/swagger-ui.css",
)


@pytest.mark.parametrize("path", ADMINS_ALONE)
def test_what_is_not_the_publics(ingest: Ingest, path: str) -> None:
    """200 on the admin port; on the public one 404, as of any path that was never there."""
    assert ingest.admin.get(path, buffered=True).status_code == 200
    refused, unknown = ingest.client.get(path), ingest.client.get("/nowhere")
    assert (refused.status_code, refused.mimetype) == (404, "application/problem+json")
    assert refused.json == unknown.json


def test_the_document_is_the_one_given(ingest: Ingest) -> None:
    """/openapi.json has it byte for byte."""
    assert ingest.admin.get("/openapi.json").data == OPENAPI


@pytest.mark.parametrize(("path", "status"), [("/bid", 405), ("/nowhere", 404), ("/", 404)])
def test_the_admin_port_refuses_alike(ingest: Ingest, path: str, status: int) -> None:
    """404 and 405 are problem documents there as well."""
    answer = ingest.admin.get(path)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_a_bid_is_a_bid_on_either(ingest: Ingest, bid: bytes) -> None:
    """The page tries out what clients get: the same answer, and one count for both."""
    first, second = (client.post("/bid", data=bid) for client in (ingest.client, ingest.admin))
    assert first.status_code == second.status_code == 202
    assert [record.value for record in ingest.publisher.records] == [bid, bid]
    assert ingest.count("ingest_requests_total", outcome="accepted") == 2


class TestPortDispatcher:
    """One WSGI application for gunicorn, two behind it."""

    @pytest.mark.parametrize(
        ("port", "by"), [("8082", b"admin"), ("8080", b"public"), ("", b"public")]
    )
    def test_the_listener_decides(self, port: str, by: bytes) -> None:
        """The port that a request came in on; whatever is not the admin port is the public's."""
        client = Client(PortDispatcher(saying(b"public"), saying(b"admin"), 8082))
        answer = client.get("/metrics", environ_overrides={"SERVER_PORT": port})
        assert answer.data == by

    @pytest.mark.parametrize(
        "headers",
        [
            {"Host": "127.0.0.1:8082"},
            {"X-Forwarded-Port": "8082"},
            {"X-Forwarded-Host": "ingest:8082"},
            {"Server-Port": "8082"},
        ],
    )
    def test_no_client_decides(self, headers: dict[str, str]) -> None:
        """No header leads from the public port to the other."""
        client = Client(PortDispatcher(saying(b"public"), saying(b"admin"), 8082))
        answer = client.get("/", headers=headers, environ_overrides={"SERVER_PORT": "8080"})
        assert answer.data == b"public"


def saying(what: bytes) -> WSGIApplication:
    """Return an application that answers with this."""

    def application(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [what]

    return application
