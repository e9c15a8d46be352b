"""The same application on gunicorn's own threads, by the code in docs/front-door.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.conftest import Kafka
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.pages import blocks
from tests.support.topics import make_topic
from verification.project import ROOT

pytestmark = [pytest.mark.timing, pytest.mark.promise("documented")]


class StockProcess(IngestProcess):
    """The page's code as it stands, in place of `python -m app`."""

    program = ("-c", *blocks("docs/front-door.md", "python"))


def test_it_serves_as_ever(kafka: Kafka, tmp_path: Path) -> None:
    """Bids are acknowledged or refused, each port has what is its own, and SIGTERM ends it."""
    topic = make_topic(kafka.bootstrap_servers, "bid_requests")
    environ = {"KAFKA_BROKERS": kafka.bootstrap_servers, "KAFKA_TOPIC_BID_REQUESTS": topic}
    with StockProcess(tmp_path / "ingest.log", **environ, **PATIENT) as ingest:
        ingest.wait_until_ready()
        accepted = ingest.post((ROOT / "samples" / "banner.json").read_bytes())
        assert (accepted.status, accepted.json["topic"]) == (202, topic)
        assert ingest.post(b"{").status == 400
        assert (ingest.get("/metrics").status, ingest.get_admin("/metrics").status) == (404, 200)
        assert ingest.level("ingest_received_total") == 2
