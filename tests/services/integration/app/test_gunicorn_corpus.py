"""gunicorn's own cases for its parsers, at our server, in whatever pieces."""

from __future__ import annotations

from itertools import chain

import pytest

from tests.services.conftest import StartIngest
from tests.support.corpora import NotToBeHad
from tests.support.framing.case import Case, tries
from tests.support.framing.faults import faults
from tests.support.framing.volley import Volley
from tests.support.gunicorn_corpus import CorpusCase, corpus

pytestmark = pytest.mark.promise("client-isolation")

# Where our server says something else than gunicorn, and why that is right.
SERVER_DIFFERS = {
    "invalid/006": "our limit is larger",
    "invalid/016": "the host of an absolute target may be anything: nobody here uses it",
    "valid/099": "the body is shorter than its Content-Length",
    "invalid/rfc9112_leading_crlf_02": "as many empty lines as come are ignored (RFC 9112 2.2)",
    "valid/005": "a target has no fragment (RFC 9112 section 3.2)",
    "valid/025": "no coding but chunked is taken off here (RFC 9112 section 6.1)",
    "valid/025_line": "as above",
    "valid/029": "as above",
    "valid/030": "as above",
    "valid/rfc9112_smuggle_gzip_chunked_01": "as above",
    "valid/rfc9112_smuggle_te_identity_chunked_01": "as above",
    "valid/100": "a path that begins with two slashes passes for a host with some",
}
REFUSED = frozenset({400, 411, 413, 414, 417, 431, 501, 505})
ANSWERED = frozenset({200, 202, 308, 404, 405, 415})


@pytest.fixture(scope="module")
def cases() -> list[CorpusCase]:
    """Return the cases that need no setting of gunicorn's, or say why they are not there."""
    try:
        found = [case for case in corpus() if not case.settings]
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    assert len(found) > 100
    return found


def test_the_server_takes_and_refuses_what_gunicorn_does(
    cases: list[CorpusCase], start_ingest: StartIngest
) -> None:
    """Each case that gunicorn refuses is refused and ends its connection, and no other one."""
    wanted = [_as_framing(case) for case in cases if case.name not in SERVER_DIFFERS]
    with start_ingest() as ingest:
        workers = ingest.wait_until_ready().worker_pids()
        sent = chain.from_iterable(tries(case) for case in wanted)
        exchanges = Volley(ingest.port).fire(sorted(sent, key=lambda each: -len(each.pieces)))
        assert ingest.worker_pids() == workers
    found = [fault for exchange in exchanges for fault in faults(exchange)]
    by_case = {fault.partition(", ")[0]: fault for fault in found}
    assert not found, "\n".join([str(len(found)), *by_case.values()])


def _as_framing(case: CorpusCase) -> Case:
    if case.refusal is None:
        answers = (ANSWERED,) * len(case.methods)
        return Case(case.name, case.with_hosts(), answers, kept=None)
    refused = Case(case.name, case.with_hosts(), (REFUSED,), kept=False)
    is_cut_off = case.refusal in {"NoMoreData", "ChunkMissingTerminator"}
    return refused.finishing(silent=True) if is_cut_off else refused
