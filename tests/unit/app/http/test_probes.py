"""What Kubernetes and Prometheus ask."""

from __future__ import annotations

from tests.unit.app.conftest import Ingest


def test_alive_does_not_depend_on_kafka(ingest: Ingest) -> None:
    """A pod is not restarted because Kafka is away."""
    ingest.publisher.reasons = ("kafka: away",)
    assert ingest.client.get("/healthz").status_code == 200


def test_ready_when_records_can_be_taken(ingest: Ingest) -> None:
    """With nothing in the way the pod gets traffic."""
    for client in (ingest.client, ingest.admin):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json) == (200, {"status": "ready"})


def test_not_ready_names_its_reasons_to_those_who_run_it(ingest: Ingest) -> None:
    """503 says what is missing on the admin port."""
    ingest.publisher.reasons = ("kafka: away",)
    answer = ingest.admin.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "reasons": ["kafka: away"]}


def test_the_public_learns_whether_and_not_why(ingest: Ingest) -> None:
    """A load balancer needs the status alone; brokers and processes are nobody's business."""
    ingest.publisher.reasons = ("kafka: broker-0.internal:9092 away",)
    ingest.worker_state.set_stuck("a record is stuck")
    for path, status in (("/readyz", "not ready"), ("/healthz", "stuck")):
        answer = ingest.client.get(path)
        assert (answer.status_code, answer.json) == (503, {"status": status})


def test_metrics_are_prometheus_text(ingest: Ingest, bid: bytes) -> None:
    """The counts are exposed in the text format."""
    ingest.client.post("/bid", data=bid)
    answer = ingest.admin.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=")
    assert b'ingest_requests_total{outcome="accepted"} 1.0' in answer.data
