"""Write the parts of docs/ that are tables in code; `--check` only says which are not current."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.metrics import TABLE as INGEST_METRICS
from app.settings import IngestSettings
from common import metrics, settings
from common.kafka import KafkaSettings
from common.logs import LogSettings
from common.settings import Setting
from consumer.metrics import TABLE as CONSUMER_METRICS
from consumer.settings import ConsumerSettings
from verification.local.settings import RunSettings
from verification.settings import HarnessSettings

DOCS = Path(__file__).parent


def configuration() -> str:
    """Return docs/configuration.md: every environment variable of both services."""
    both = {row.name for cls in (KafkaSettings, LogSettings) for row in settings.table(cls)}

    def own(cls: type) -> Iterator[Setting]:
        return (row for row in settings.table(cls) if row.name not in both)

    return "\n".join(
        [
            "# Configuration",
            "",
            "Both services read their settings from the environment, once, at the start. A wrong",
            "value, or an unknown name that starts with `INGEST_`, `CONSUMER_`, `BIDDING_` or",
            "`KAFKA_`, is one line on standard error and exit code 2.",
            "",
            "## Both services",
            "",
            settings.to_markdown(settings.table(KafkaSettings)),
            settings.to_markdown(settings.table(LogSettings)),
            "## Ingest (`python -m app`)",
            "",
            settings.to_markdown(own(IngestSettings)),
            "## Bidding logic (`python -m consumer`)",
            "",
            settings.to_markdown(own(ConsumerSettings)),
            "## Local pipeline (`make run`)",
            "",
            settings.to_markdown(own(RunSettings)),
            "## Cluster (`make up`, `make verify`)",
            "",
            settings.to_markdown(own(HarnessSettings)).rstrip("\n"),
            "",
        ]
    )


def metric_tables() -> str:
    """Return docs/metrics.md: every metric of both services."""
    return "\n".join(
        [
            "# Metrics",
            "",
            "Prometheus text on `/metrics` of each service: port 8080 of the ingest (the sum over",
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
    return {"configuration.md": configuration(), "metrics.md": metric_tables()}


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
        (DOCS / name).write_text(pages()[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
