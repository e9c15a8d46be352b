"""What a service tells on /metrics at one moment, and how that has grown in the last seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from math import inf

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 1.0
_COUNTED = ("_total", "_bucket")

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


class Window:
    """Pages of the last `seconds`, oldest first; a service that starts anew empties it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pages: deque[Page] = deque()

    @property
    def last(self) -> Page | None:
        """The newest page."""
        return self._pages[-1] if self._pages else None

    def add(self, page: Page | None) -> None:
        """Take a newer page; None: the service does not answer, and what was known is void."""
        if page is None or (self.last is not None and _began_anew(self.last, page)):
            self._pages.clear()
        if page is not None:
            self._pages.append(page)
            while page.at - self._pages[0].at > self._seconds:
                self._pages.popleft()

    def rate(self, name: str, **labels: str) -> float:
        """Return by how much a counter grows in a second; 0 before the second page."""
        seconds = self._pages[-1].at - self._pages[0].at if self._pages else 0.0
        return self._grown(name, **labels) / seconds if seconds > 0 else 0.0

    def quantile(self, share: float, name: str, **labels: str) -> float | None:
        """Estimate a histogram's quantile within the window, in seconds; None without a sample.

        As Prometheus does: a bucket's samples are taken to lie evenly in it, and what lies over
        the highest bound is `inf`.
        """
        counts = self._buckets(name, **labels)
        samples = counts.get(inf, 0.0)
        if samples <= 0:
            return None
        rank, low, below = share * samples, 0.0, 0.0
        for bound, count in sorted(counts.items()):
            if count >= rank and count > below:
                return (
                    inf if bound == inf else low + (bound - low) * (rank - below) / (count - below)
                )
            low, below = bound, count
        return inf

    def _grown(self, name: str, **labels: str) -> float:
        return self._pages[-1].total(name, **labels) - self._pages[0].total(name, **labels)

    def _buckets(self, name: str, **labels: str) -> dict[float, float]:
        if self.last is None:
            return {}
        bounds = self.last.by(f"{name}_bucket", "le")
        return {float(le): self._grown(f"{name}_bucket", le=le, **labels) for le in bounds}


def _began_anew(before: Page, after: Page) -> bool:
    return any(
        after.samples.get(key, 0.0) < value
        for key, value in before.samples.items()
        if key[0].endswith(_COUNTED)
    )
