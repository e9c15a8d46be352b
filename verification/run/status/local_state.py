"""The state of what `make run` has started on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping

from common.kafka import KafkaSettings
from verification.cluster.tools.process import Runner
from verification.errors import CannotRunError, HarnessError
from verification.run.live.page import Page, read_page
from verification.run.local_settings import RunSettings, reachable
from verification.run.service import not_ready
from verification.run.status.state import (
    Issue,
    KafkaState,
    Status,
    Workload,
    behind,
    kafka_state,
    late,
)
from verification.run.topics import require_answer
from verification.traffic.topics import Topics

_ANSWER_S = 5.0  # of a readiness endpoint: more than a busy machine takes
_TIMEOUT_S = 60.0
_NOTHING = Issue("nothing runs here", "make run")


class OwnPython:
    """This Python, as a process of its own."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def run(self, script: str, argument: str) -> str:
        """Run a script and return what it printed; see Python."""
        command = [sys.executable, "-", argument]
        return self._runner.run(command, timeout=_TIMEOUT_S, stdin=script).checked().stdout


class LocalInquiry:
    """Asks the services' /readyz and /metrics, and Kafka itself."""

    def __init__(self, settings: RunSettings, kafka: KafkaSettings, topics: Topics) -> None:
        self._settings = settings
        self._kafka = kafka
        self._topics = topics

    def behind(self) -> int | None:
        """Return the records behind; see Inquiry."""
        return behind(self._topics, self._kafka) if self._kafka_issue() is None else None

    def status(self) -> Status:
        """Ask for everything; never raises."""
        settings = self._settings
        hosts = reachable(settings.ingest_host), reachable(settings.consumer_host)
        workloads = (
            self._kafka_workload(),
            _service("ingest", hosts[0], settings.ingest_admin_port, _answered),
            _service("bidding logic", hosts[1], settings.consumer_port, _decided),
        )
        if not any(each.well or "does not answer" not in each.state for each in workloads):
            return Status("this machine", workloads, issues=(_NOTHING,))
        issues = list(self._of_workloads(workloads))
        kafka = KafkaState()
        if workloads[0].well:
            try:
                kafka = kafka_state(self._topics, self._kafka)
            except HarnessError as error:
                topic = self._kafka.topic_bid_requests
                listing = f"{sys.executable} -m verification topic show {topic}"
                issues.append(Issue(f"Kafka's state is unknown: {error.message}", listing))
        issues += late(kafka, f"curl --silent http://localhost:{settings.consumer_port}/readyz")
        return Status("this machine", workloads, kafka, tuple(issues))

    def _kafka_issue(self) -> str | None:
        try:
            require_answer(self._kafka.client_options())
        except CannotRunError:
            return f"{self._kafka.brokers} does not answer"
        return None

    def _kafka_workload(self) -> Workload:
        issue = self._kafka_issue()
        return Workload("Kafka", issue is None, issue or f"answers at {self._kafka.brokers}")

    def _of_workloads(self, workloads: tuple[Workload, ...]) -> Iterator[Issue]:
        ports = {
            "ingest": self._settings.ingest_admin_port,
            "bidding logic": self._settings.consumer_port,
        }
        for each in workloads:
            if not each.well:
                port = ports.get(each.name)
                ask = f"curl --silent http://localhost:{port}/readyz" if port else "make run"
                yield Issue(f"{each.name}: {each.state}", ask)


def _service(name: str, host: str, port: int, told: Callable[[Page], str]) -> Workload:
    reason = not_ready(host, port, "/readyz", within=_ANSWER_S)
    if reason is not None:
        return Workload(name, well=False, state=reason)
    page = read_page(host, port, 0.0)
    return Workload(name, well=True, state=f"ready, {told(page)}" if page else "ready")


def _answered(page: Page) -> str:
    outcomes = page.by("ingest_requests_total", "outcome")
    accepted = outcomes.pop("accepted", 0.0)
    return f"{accepted:,.0f} accepted, {sum(outcomes.values()):,.0f} refused"


def _decided(page: Page) -> str:
    return _counts(page.by("consumer_decisions_total", "outcome")) or "no decision yet"


def _counts(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{count:,.0f} {name}" for name, count in counts.items())
