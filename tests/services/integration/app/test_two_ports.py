"""The real ingest on its two ports: one for everybody, one for those who run it."""

from __future__ import annotations

import http.client
import signal
import socket
from contextlib import closing

import pytest

from tests.services.conftest import StartIngest
from tests.services.integration.app.conftest import Service
from tests.support.waiting import eventually
from verification.project import ROOT
from verification.run.ports import free_port

BID = (ROOT / "samples" / "banner.json").read_bytes()


def ask(host: str, port: int, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """GET a path and return status and content type."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    with closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type()


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/docs/start.js", "/openapi.json"])
def test_what_is_not_the_publics_is_not_there(service: Service, path: str) -> None:
    """404 as a problem document on the public port, 200 on the admin port."""
    refused = service.ingest.get(path)
    assert refused.status == 404
    assert refused.headers["content-type"] == "application/problem+json"
    assert service.ingest.get_admin(path).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_on_both(service: Service, path: str) -> None:
    """Kubernetes asks the port that serves bids, people the other."""
    assert service.ingest.get(path).status == service.ingest.get_admin(path).status == 200


@pytest.mark.parametrize("path", ["/", "/nowhere", "/metrics/", "/docs/../../settings.py"])
def test_everything_else_is_on_neither(service: Service, path: str) -> None:
    """404 as a problem document, on both."""
    for answer in (service.ingest.get(path), service.ingest.get_admin(path)):
        assert answer.status == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_no_header_leads_from_one_to_the_other(service: Service) -> None:
    """Whatever a client says about hosts and ports, the port that it came to decides."""
    admin = service.ingest.admin_port
    for headers in (
        {"Host": f"127.0.0.1:{admin}"},
        {"X-Forwarded-Port": str(admin), "X-Forwarded-Host": f"127.0.0.1:{admin}"},
        {"Server-Port": str(admin)},
    ):
        found = ask("127.0.0.1", service.ingest.port, "/metrics", headers)
        assert found == (404, "application/problem+json")


def test_the_public_learns_no_reason(start_ingest: StartIngest) -> None:
    """Without Kafka both say 503, and only the admin port says which broker is away."""
    nowhere = f"127.0.0.1:{free_port()}"
    with start_ingest(KAFKA_BROKERS=nowhere) as ingest:
        eventually(lambda: nowhere in " ".join(ingest.get_admin("/readyz").json["reasons"]), "why")
        public, admin = ingest.get("/readyz"), ingest.get_admin("/readyz")
    assert (public.status, public.json) == (503, {"status": "not ready"})
    assert admin.status == 503


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_free_ports_are_told_apart(start_ingest: StartIngest, host: str) -> None:
    """With 0 for both the system chooses, and each is what its setting says; IPv6 as well."""
    ports = {"INGEST_PORT": "0", "INGEST_ADMIN_PORT": "0"}
    with start_ingest(INGEST_HOST=host, INGEST_WORKERS="2", **ports) as ingest:
        assert len({0, ingest.port, ingest.admin_port}) == 3
        assert ingest.get("/openapi.json").status == 404
        assert ingest.get_admin("/openapi.json").status == 200


def test_workers_that_come_later_know_them(start_ingest: StartIngest) -> None:
    """After SIGHUP other workers serve, on the same two ports, and tell them apart."""
    with start_ingest(INGEST_PORT="0", INGEST_ADMIN_PORT="0") as ingest:
        before = {*ingest.wait_until_ready().worker_pids()}
        ingest.process.send_signal(signal.SIGHUP)
        eventually(lambda: before.isdisjoint(ingest.worker_pids()), "other workers", 60)
        assert ingest.get("/openapi.json").status == 404
        assert ingest.get_admin("/openapi.json").status == 200


@pytest.mark.ipv6
def test_both_kinds_of_address_are_served(start_ingest: StartIngest) -> None:
    """INGEST_HOST=:: takes IPv4 and IPv6."""
    with start_ingest(INGEST_HOST="::") as ingest:
        for host in ("127.0.0.1", "::1"):
            assert ask(host, ingest.port, "/healthz", {})[0] == 200
            assert ask(host, ingest.admin_port, "/metrics", {})[0] == 200


def test_a_taken_port_ends_it_with_the_address(start_ingest: StartIngest) -> None:
    """It does not serve on one port of two: it names what is taken, and ends."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        with (
            pytest.raises(AssertionError, match=f"Can't connect to .*{taken}"),
            start_ingest(INGEST_ADMIN_PORT=str(taken)),
        ):
            pass
