"""Two applications: what stands on which port, who decides, and what the probes say on each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import Client

from app.http.application import PortDispatcher
from app.problems import MalformedBody
from tests.unit.app.conftest import OPENAPI, Ingest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ADMINS_ALONE = {
    "/metrics": b'ingest_requests_total{outcome="accepted"} 2.0',
    "/openapi.json": OPENAPI,
    "/docs": b"<!doctype html>",
    "/docs/start.js": b"SwaggerUIBundle",
    "/docs/swagger-ui/swagger-ui.css": b".swagger-ui",
}


@pytest.mark.promise("secured")
@pytest.mark.parametrize("path", ADMINS_ALONE)
def test_what_is_not_the_publics(ingest: Ingest, bid: bytes, path: str) -> None:
    """200 on the admin port; on the public one 404, as of any path that was never there.

    Both take bids, and count them as one, so that the page can try out what clients get.
    """
    assert [each.post("/bid", data=bid).status_code for each in (ingest.client, ingest.admin)] == [
        202,
        202,
    ]
    answer = ingest.admin.get(path, buffered=True)
    assert answer.status_code == 200
    assert ADMINS_ALONE[path] in answer.data
    refused, unknown = ingest.client.get(path), ingest.client.get("/nowhere")
    assert (refused.status_code, refused.mimetype) == (404, "application/problem+json")
    assert refused.json == unknown.json


@pytest.mark.promise("explicit")
@pytest.mark.parametrize("port", ["client", "admin"])
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/bid", 405, "method-not-allowed"),
        ("/nowhere", 404, "not-found"),
        ("/", 404, "not-found"),
        ("/readyz", 500, "internal-error"),
    ],
)
def test_flasks_own_refusals_are_problem_documents(
    ingest: Ingest, port: str, path: str, status: int, code: str
) -> None:
    """404, 405 and the defect of a view look like every other, with the code that /bid has."""
    ingest.publisher.reasons = 1  # type: ignore[assignment]  # the defect, of what /readyz asks
    client = getattr(ingest, port)
    client.application.config["PROPAGATE_EXCEPTIONS"] = False
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json.keys() == MalformedBody("m").document().keys()
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert ("POST" in answer.headers.get("Allow", "")) == (status == 405)  # RFC 9110 15.5.6


AWAY = {"reasons": ("kafka: broker-0.internal:9092 away",)}
STOPPING, STUCK = {"stopping": True}, {"stuck": "a record is stuck"}


@pytest.mark.promise("observable")
@pytest.mark.parametrize(
    ("path", "state", "status", "reason"),
    [
        ("/healthz", {}, "alive", ""),
        ("/healthz", AWAY, "alive", ""),
        ("/healthz", STOPPING, "alive", ""),
        ("/healthz", STUCK, "stuck", "a record is stuck"),
        ("/readyz", {}, "ready", ""),
        ("/readyz", AWAY, "not ready", "kafka: broker-0.internal:9092 away"),
        ("/readyz", STOPPING, "not ready", "shutting down"),
        ("/readyz", STUCK, "ready", ""),
    ],
)
def test_a_probe_says_why_on_the_admin_port_alone(
    ingest: Ingest, path: str, state: dict[str, Any], status: str, reason: str
) -> None:
    """A load balancer needs the status alone; brokers and processes are nobody's business.

    Kafka that is away restarts no pod, and one that stops is left to finish what it has.
    """
    ingest.publisher.reasons = state.get("reasons", ())
    if "stuck" in state:
        ingest.worker_state.set_stuck(state["stuck"])
    if "stopping" in state:
        ingest.worker_state.stop()
    public, admin = ingest.client.get(path), ingest.admin.get(path)
    assert public.status_code == admin.status_code == (503 if reason else 200)
    assert public.json == {"status": status}
    (*reasons,) = (admin.json or {}).get("reasons", [])
    assert admin.json == {"status": status, **({"reasons": reasons} if reason else {})}
    assert [each.endswith(reason) for each in reasons] == [True] * bool(reason)


@pytest.mark.promise("secured")
@pytest.mark.parametrize(
    ("port", "headers", "by"),
    [
        ("8082", {}, b"admin"),
        ("8080", {}, b"public"),
        ("", {}, b"public"),
        ("8080", {"Host": "127.0.0.1:8082"}, b"public"),
        ("8080", {"X-Forwarded-Port": "8082"}, b"public"),
        ("8080", {"X-Forwarded-Host": "ingest:8082"}, b"public"),
        ("8080", {"Server-Port": "8082"}, b"public"),
    ],
)
def test_the_port_decides_and_no_client(port: str, headers: dict[str, str], by: bytes) -> None:
    """The port that a request came in on; whatever is not the admin port is the public's."""
    client = Client(PortDispatcher(saying(b"public"), saying(b"admin"), 8082))
    answer = client.get("/metrics", headers=headers, environ_overrides={"SERVER_PORT": port})
    assert answer.data == by


def saying(what: bytes) -> WSGIApplication:
    """Return an application that answers with this."""

    def application(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [what]

    return application
