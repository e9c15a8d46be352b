"""Write the parts of docs/ that are tables in code; `--check` only says which are not current."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from app.metrics import TABLE as INGEST_METRICS
from app.settings import IngestSettings
from common import metrics, settings
from common.kafka import KafkaSettings
from common.logs import LogSettings
from common.tracing import TracingSettings
from consumer.metrics import TABLE as CONSUMER_METRICS
from consumer.settings.consumer import ConsumerSettings
from docs import (
    decision_page,
    performance_page,
    private_api,
    promises,
    reliability,
    scale_page,
    validation_page,
)
from verification.run.local_settings import RunSettings
from verification.settings import HarnessSettings

DOCS = Path(__file__).parent


SECTIONS: tuple[tuple[str, type], ...] = (
    ("Kafka, for both services", KafkaSettings),
    ("Logs of both services", LogSettings),
    ("Traces of both services", TracingSettings),
    ("Ingest (`python -m app`)", IngestSettings),
    ("Bidding logic (`python -m consumer`)", ConsumerSettings),
    ("Local pipeline (`make run`)", RunSettings),
    ("Cluster (`make up`, `make verify`)", HarnessSettings),
)
PREAMBLE = """# Configuration

Both services read their settings from the environment, once, at the start. A wrong value, or an
unknown name that starts with `INGEST_`, `CONSUMER_`, `BIDDING_`, `KAFKA_`, `BID_`,
`PROCESSING_`, `TRACING` or `VALIDATION_`, is one line on standard error and exit code 2.
"""


def configuration() -> str:
    """Return docs/configuration.md: every environment variable, each service's own once."""
    both = (KafkaSettings, LogSettings, TracingSettings)
    shared = {row.name for cls in both for row in settings.table(cls)}
    parts = [PREAMBLE]
    for title, cls in SECTIONS:
        common = cls in both
        rows = (row for row in settings.table(cls) if common or row.name not in shared)
        parts.append(f"## {title}\n\n{settings.to_markdown(rows)}")
    return "\n".join(parts)


def metric_tables() -> str:
    """Return docs/metrics.md: every metric of both services."""
    return "\n".join(
        [
            "# Metrics",
            "",
            "Prometheus text on `/metrics` of each service: port 8082 of the ingest (the sum over",
            "its worker processes), port 8081 of the bidding logic.",
            "",
            "## Ingest",
            "",
            metrics.to_markdown(INGEST_METRICS),
            "## Bidding logic",
            "",
            metrics.to_markdown(CONSUMER_METRICS).rstrip("\n"),
            "",
        ]
    )


def pages() -> Mapping[str, str]:
    """Return each generated page by its file name."""
    return {
        "architecture.md": private_api.page(),
        "configuration.md": configuration(),
        "decision-record.schema.json": decision_page.schema_page(),
        "decisions.md": decision_page.page(),
        "metrics.md": metric_tables(),
        "performance.md": performance_page.page(),
        **performance_page.drawings(),
        "../README.md": performance_page.readme(),
        "promises.md": promises.page(),
        "reliability.md": reliability.page(),
        "scale.md": scale_page.page(),
        "validation.md": validation_page.page(),
    }


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` return 1 and name those that are not current."""
    old = [
        name
        for name, text in pages().items()
        if not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != text
    ]
    if arguments == ["--check"]:
        for name in old:
            sys.stderr.write(f"docs/{name} is not current: run `make docs`\n")
        return 1 if old else 0
    for name in old:
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(pages()[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
