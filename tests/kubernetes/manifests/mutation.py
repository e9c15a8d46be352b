"""What a mutation is, and the workloads that are mutated."""

from __future__ import annotations

from dataclasses import dataclass

from tests.kubernetes.manifests.changes import Change

INGEST = ("Deployment", "bid-request-handler")
LOGIC = ("Deployment", "bidding-logic-service")
KAFKA = ("StatefulSet", "kafka")
TOPICS = ("Job", "kafka-topics")
SERVING = (INGEST, LOGIC, KAFKA)
ALL = (*SERVING, TOPICS)
METRICS = ("Deployment", "metrics-server")
LABEL = "app.kubernetes.io/name"


@dataclass(frozen=True)
class Mutation:
    """One wrong manifest: `rule` must object to it."""

    name: str
    rule: str
    change: Change
    overlay: str = "kind"
