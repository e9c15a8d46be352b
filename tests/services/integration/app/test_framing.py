"""Every kind of framing, whole, byte by byte and cut in two: one answer, and nobody is hurt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.services.conftest import Kafka
from tests.support.framing.case import SMUGGLED, Case, Try, tries
from tests.support.framing.cases import CASES
from tests.support.framing.faults import faults
from tests.support.framing.volley import Exchange, Volley
from tests.support.ingest import PATIENT, IngestProcess
from tests.support.topics import make_topic, read_all

pytestmark = [pytest.mark.promise("same-bytes"), pytest.mark.promise("client-isolation")]

KINDS = sorted({case.name.partition(":")[0] for case in CASES})
_MOST_SHOWN = 40
ROOMY = {"INGEST_MAX_PENDING_BYTES": str(256 * 1024 * 1024)}


@dataclass
class Front:
    """One ingest for all kinds, and the numbers of the ids that they use up."""

    ingest: IngestProcess
    brokers: str
    topic: str
    numbers: Iterator[int] = field(default_factory=lambda: count(step=1_000))

    def tries(self, cases: list[Case]) -> list[Try]:
        """Return all tries of these cases, the long ones beside each other."""
        found = chain.from_iterable(tries(case, next(self.numbers)) for case in cases)
        return sorted(found, key=lambda each: -len(each.pieces))

    def answers_counted(self) -> Counter[str]:
        """Return how many answers of each status the ingest has counted, but for /metrics."""
        counted: Counter[str] = Counter()
        text = self.ingest.get_admin("/metrics").body.decode()
        for family in text_string_to_metric_families(text):
            for it in family.samples:
                if it.name == "ingest_http_responses_total" and it.labels["route"] != "/metrics":
                    counted[it.labels["status"]] += int(it.value)
        return counted

    def ids(self) -> Counter[bytes]:
        """Return how often each id stands on the topic."""
        return Counter(record.key for record in read_all(self.brokers, self.topic))


@pytest.fixture(scope="module")
def front(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Run an ingest that keeps as much as all cases hold that are under way at once."""
    topic = make_topic(kafka.bootstrap_servers, "bid_requests")
    log = tmp_path_factory.mktemp("framing") / "ingest.log"
    environ = {"KAFKA_BROKERS": kafka.bootstrap_servers, "KAFKA_TOPIC_BID_REQUESTS": topic}
    with IngestProcess(log, **environ, **PATIENT, **ROOMY) as ingest:
        yield Front(ingest.wait_until_ready(), kafka.bootstrap_servers, topic)


@pytest.mark.parametrize("kind", KINDS)
def test_each_request_gets_the_one_answer_that_is_right(front: Front, kind: str) -> None:
    """Status, connection, body and fields are right, and the same for each way to cut it."""
    workers, before = front.ingest.worker_pids(), front.ids()
    exchanges = Volley(front.ingest.port).fire(front.tries(_cases(kind)))
    found = [fault for exchange in exchanges for fault in faults(exchange)]
    assert front.ingest.worker_pids() == workers
    assert front.ingest.get("/healthz").status == 200
    assert not found, _told(found)
    assert front.ids() - before == _accepted(exchanges)
    assert SMUGGLED not in front.ids()  # what stands in a body is no request


@pytest.mark.promise("counted")
@pytest.mark.parametrize("kind", KINDS)
def test_each_answer_is_counted_once(front: Front, kind: str) -> None:
    """After one try of each case the counts have grown by the answers that were given."""
    volley, before = Volley(front.ingest.port), front.answers_counted()
    exchanges = volley.fire(next(tries(case, next(front.numbers))) for case in _cases(kind))
    given = Counter(str(a.status) for x in exchanges for a in x.finals)
    given["200"] += volley.probes
    assert front.answers_counted() - before == given


def _cases(kind: str) -> list[Case]:
    return [case for case in CASES if case.name.partition(":")[0] == kind]


def _accepted(exchanges: list[Exchange]) -> Counter[bytes]:
    accepted: Counter[bytes] = Counter()
    for exchange in exchanges:
        accepted[exchange.what.bid_id] += sum(a.status == 202 for a in exchange.finals)
    return +accepted


def _told(found: list[str]) -> str:
    """Return the faults by what they are, each with how often and in which try first."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for fault in found:
        name, manner = fault.split(", ", 1)[0], fault.rpartition(": ")[2]
        kinds.setdefault((name, manner), []).append(fault)
    lines = [f"{len(each)} x {each[0]}" for each in kinds.values()]
    return "\n".join([f"{len(found)} faults", *lines[:_MOST_SHOWN]])
