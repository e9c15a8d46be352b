"""The real ingest on its two ports: one for everybody, one for those who run it."""

from __future__ import annotations

import http.client
import signal
import socket
from contextlib import closing

import pytest

from tests.services.conftest import StartIngest
from tests.services.integration.app.conftest import Service
from tests.support.ingest import IngestProcess
from tests.support.load import bid
from tests.support.waiting import eventually
from verification.run.ports import free_port
from verification.traffic.http import Response

pytestmark = [pytest.mark.timing, pytest.mark.promise("secured")]

ABSENT = (404, "application/problem+json")
PLACES = {  # whether a path is there on the public port, and on the admin port
    "/healthz": (True, True),
    "/readyz": (True, True),
    "/metrics": (False, True),
    "/docs": (False, True),
    "/docs/start.js": (False, True),
    "/openapi.json": (False, True),
    "/": (False, False),
    "/nowhere": (False, False),
    "/metrics/": (False, False),
    "/docs/../../settings.py": (False, False),
    "/docs/swagger-ui/%2e%2e%2f__init__.py": (False, False),
}


def ask(host: str, port: int, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """GET a path and return status and content type."""
    with closing(http.client.HTTPConnection(host, port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type()


@pytest.mark.parametrize(("path", "there"), PLACES.items())
def test_each_port_has_its_own(service: Service, path: str, there: tuple[bool, bool]) -> None:
    """What is not there is 404 as a problem document; probes are on both."""

    def is_there(answer: Response) -> bool:
        if answer.status != 200:
            assert (answer.status, answer.headers["content-type"]) == ABSENT
        return answer.status == 200

    ingest = service.ingest
    assert (is_there(ingest.get(path)), is_there(ingest.get_admin(path))) == there


def test_no_header_leads_from_one_to_the_other(service: Service) -> None:
    """Whatever a client says about hosts and ports, the port that it came to decides."""
    admin = str(service.ingest.admin_port)
    for headers in (
        {"Host": f"127.0.0.1:{admin}"},
        {"X-Forwarded-Port": admin, "X-Forwarded-Host": f"127.0.0.1:{admin}"},
        {"Server-Port": admin},
    ):
        assert ask("127.0.0.1", service.ingest.port, "/metrics", headers) == ABSENT


@pytest.mark.promise("observable")
def test_the_public_learns_no_reason(start_ingest: StartIngest) -> None:
    """Without Kafka it lives and refuses, and only the admin port says which broker is away."""
    nowhere = f"127.0.0.1:{free_port()}"
    with start_ingest(KAFKA_BROKERS=nowhere) as ingest:
        eventually(lambda: nowhere in ingest.get_admin("/readyz").json["reasons"][0], "why")
        assert ingest.get("/healthz").status == 200
        public, admin = ingest.get("/readyz"), ingest.get_admin("/readyz")
        answer = ingest.post(bid("r-1"))
    assert (public.status, public.json) == (503, {"status": "not ready"})
    assert admin.status == 503
    assert (answer.status, answer.json["delivery"]) == (503, "none")
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.promise("configured")
@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_free_ports_are_told_apart(start_ingest: StartIngest, host: str) -> None:
    """With 0 for both the system chooses, and each is what its setting says; after SIGHUP too."""
    ports = {"INGEST_PORT": "0", "INGEST_ADMIN_PORT": "0"}
    with start_ingest(INGEST_HOST=host, INGEST_WORKERS="2", **ports) as ingest:
        assert len({0, ingest.port, ingest.admin_port}) == 3
        assert tells_them_apart(ingest)
        before = {*ingest.worker_pids()}
        ingest.process.send_signal(signal.SIGHUP)
        eventually(
            ingest.worker_pids,
            "other workers",
            60,
            until=lambda now: now and before.isdisjoint(now),
        )
        assert tells_them_apart(ingest)


def tells_them_apart(ingest: IngestProcess) -> bool:
    """Whether each port has what is its own."""
    path = "/openapi.json"
    return (ingest.get(path).status, ingest.get_admin(path).status) == (404, 200)


@pytest.mark.promise("configured")
@pytest.mark.ipv6
def test_both_kinds_of_address_are_served(start_ingest: StartIngest) -> None:
    """INGEST_HOST=:: takes IPv4 and IPv6."""
    with start_ingest(INGEST_HOST="::") as ingest:
        for host in ("127.0.0.1", "::1"):
            assert ask(host, ingest.port, "/healthz", {})[0] == 200
            assert ask(host, ingest.admin_port, "/metrics", {})[0] == 200


@pytest.mark.promise("configured")
def test_a_taken_port_ends_it_with_the_address(start_ingest: StartIngest) -> None:
    """It does not serve on one port of two: it names what is taken, and ends."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        with (
            pytest.raises(AssertionError, match=f"Can't connect to .*{taken}"),
            start_ingest(INGEST_ADMIN_PORT=str(taken)),
        ):
            pass
