"""What to try, once everything runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.settings import table
from verification.run.local_settings import RunSettings


@dataclass(frozen=True)
class Facts:
    """What the banner tells."""

    settings: RunSettings
    brokers: str
    embedded: bool
    topic: str
    sample: str
    python: str
    seconds: float


def banner(facts: Facts) -> str:
    """Return the lines that say what runs where, and the commands to try."""
    settings = facts.settings
    origin = f"embedded, data in {settings.kafka_data}" if facts.embedded else "KAFKA_BROKERS"
    url = f"http://localhost:{settings.ingest_port}/bid"
    tool = f"{facts.python} -m verification"
    rows = (
        ("Kafka", f"{facts.brokers} ({origin})"),
        ("ingest", url),
        ("its documentation", f"http://localhost:{settings.ingest_admin_port}/docs"),
        ("bidding logic", f"http://localhost:{settings.consumer_port}/metrics"),
        ("", ""),
        ("post a bid request", _curl(facts.sample, url)),
        ("post all samples", f"make send{_unless_default('INGEST_PORT', settings.ingest_port)}"),
        ("send traffic", f"make traffic{_unless_default('INGEST_PORT', settings.ingest_port)}"),
        ("look at the topic", f"{tool} topic show {facts.topic} --brokers {facts.brokers}"),
        ("stop", "Ctrl-C"),
    )
    lines = [f"  {name:<20}{text}".rstrip() for name, text in rows]
    return "\n".join([f"The pipeline is ready after {facts.seconds:.1f} s.", "", *lines, ""])


def sample(root: Path) -> str:
    """Return the path, relative to the project, of a sample that the ingest accepts."""
    folder = root / "samples"
    preferred = folder / "banner.json"
    found = preferred if preferred.exists() else min(folder.glob("*.json"), default=preferred)
    return str(found.relative_to(root))


def _curl(body: str, url: str) -> str:
    return f"curl -i -H 'Content-Type: application/json' --data-binary @{body} {url}"


def _unless_default(name: str, value: int) -> str:
    default = next(row.default for row in table(RunSettings) if row.name == name)
    return "" if str(value) == default else f" {name}={value}"
