"""What Kubernetes and Prometheus ask."""

from __future__ import annotations

from tests.unit.app.conftest import Ingest


def test_alive_does_not_depend_on_kafka(ingest: Ingest) -> None:
    """A pod is not restarted because Kafka is away."""
    ingest.publisher.reasons = ("kafka: away",)
    assert ingest.client.get("/healthz").status_code == 200


def test_ready_when_records_can_be_taken(ingest: Ingest) -> None:
    """With nothing in the way the pod gets traffic."""
    assert ingest.client.get("/readyz").status_code == 200


def test_not_ready_names_its_reasons(ingest: Ingest) -> None:
    """503 says what is missing."""
    ingest.publisher.reasons = ("kafka: away",)
    answer = ingest.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "not ready", "reasons": ["kafka: away"]}


def test_metrics_are_prometheus_text(ingest: Ingest, bid: bytes) -> None:
    """The counts are exposed in the text format."""
    ingest.client.post("/bid", data=bid)
    answer = ingest.client.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=")
    assert b'ingest_requests_total{outcome="accepted"} 1.0' in answer.data
