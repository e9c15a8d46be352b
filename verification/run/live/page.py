"""What a service tells on /metrics at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 1.0

Labels = frozenset[tuple[str, str]]
Samples = Mapping[tuple[str, Labels], float]


@dataclass(frozen=True)
class Page:
    """Samples by name and labels, read at `at` (monotonic seconds)."""

    at: float
    samples: Samples

    @classmethod
    def parse(cls, text: str, at: float) -> Page:
        """Read Prometheus's text format; raise ValueError for anything else."""
        return cls(
            at,
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            },
        )

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over all its samples with these labels, 0 without any."""
        wanted = set(labels.items())
        return sum(
            value for (found, has), value in self.samples.items() if found == name and wanted <= has
        )

    def highest(self, name: str) -> float:
        """Return the highest sample of a metric, 0 without any."""
        values = (value for (found, _), value in self.samples.items() if found == name)
        return max(values, default=0.0)

    def by(self, name: str, label: str) -> dict[str, float]:
        """Return the sums of a metric by the value of one of its labels."""
        found: dict[str, float] = {}
        for (each, labels), value in self.samples.items():
            if each == name and (key := dict(labels).get(label)) is not None:
                found[key] = found.get(key, 0.0) + value
        return found


def read_page(host: str, port: int, at: float) -> Page | None:
    """Read a service's /metrics; None when it does not answer, or not with metrics."""
    connection = HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
        return Page.parse(text, at) if answer.status == 200 else None  # noqa: PLR2004  HTTP's OK
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
