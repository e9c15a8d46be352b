"""What is hidden in a body stays there, also where a proxy stands in front and reads it first."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from tests.services.conftest import Kafka, StartIngest
from tests.services.proxies.conftest import StartProxy
from tests.support.framing import bodies, connections
from tests.support.framing.case import ID, SMUGGLED, Case, Try, tries
from tests.support.framing.volley import Exchange, Volley
from tests.support.ledger import CLEAN, Ledger
from tests.support.load import Load
from tests.support.topics import read_all

pytestmark = pytest.mark.promise("same-bytes")

_TAKEN = b"HTTP/1.1 202"
_CUTS = 5  # of each case: what arrives in which pieces is the proxy's doing from here on
_SHORT = 20_000  # nothing is smuggled behind floods
# A proxy that takes LF for a line's end, or keeps the connection after a bad request, sees two
# requests in these where we would see one, and rightly sends on two.
_TWO_TO_SOME = ("behind LF", "a bad one")
CASES = [
    case
    for case in (*bodies.CASES, *connections.PIPELINES, *connections.OPTIONS)
    if len(case.sent) < _SHORT
    and not case.finishes
    and not any(words in case.name for words in _TWO_TO_SOME)
]


def some_tries(case: Case, first_number: int) -> list[Try]:
    """Return a case whole, byte by byte, and cut at some positions."""
    stride = max(len(case.sent) // _CUTS, 1)
    found = [*tries(case, first_number)]
    return [*found[:2], *islice(found, 2, None, stride)]


def test_nothing_is_smuggled_through_a_proxy(
    kafka: Kafka, topic: str, start_ingest: StartIngest, start_proxy: StartProxy
) -> None:
    """No answer of 202 too many, none to somebody else's request, and nothing hidden is kept."""
    ledger = Ledger()
    sent = [each for n, case in enumerate(CASES) for each in some_tries(case, n * 1_000)]
    with start_ingest() as ingest, start_proxy(ingest.wait_until_ready().port) as proxy:
        workers = ingest.worker_pids()
        with Load(proxy.port, ledger, prefix="innocent") as load:
            exchanges = Volley(proxy.port).fire(sent)
            load.until_accepted(50)
        assert ingest.worker_pids() == workers
    assert not [exchange.what.name for exchange in exchanges if _taken(exchange) > _most(exchange)]
    assert len(ledger.accepted) == len(ledger)
    records = read_all(kafka.bootstrap_servers, topic)
    innocent = [record for record in records if record.key.startswith(b"innocent-")]
    assert ledger.findings(innocent) == CLEAN
    others = Counter(record.key for record in records if record not in innocent)
    assert SMUGGLED not in others
    assert all(others[x.what.bid_id] >= _taken(x) for x in exchanges)


def _taken(exchange: Exchange) -> int:
    return exchange.received.count(_TAKEN)


def _most(exchange: Exchange) -> int:
    """Return how many bids stand in a case: a proxy may put right what we would refuse."""
    return exchange.what.case.sent.count(ID)
