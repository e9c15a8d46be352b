"""The judge of framing sees each fault that an answer may have, and none where there is none."""

from __future__ import annotations

import pytest

from tests.support.framing.case import ID, Case, Try, tries
from tests.support.framing.cases import CASES
from tests.support.framing.faults import faults
from tests.support.framing.volley import Exchange
from tests.support.framing.wire import Garbage, read_answers

pytestmark = pytest.mark.promise("honest")

DATE = b"Date: Sat, 28 Nov 2026 04:00:00 GMT\r\n"
ALIVE = b"HTTP/1.1 200 OK\r\n" + DATE + b"Content-Type: application/json\r\nContent-Length: 2\r\n"
LAST = ALIVE + b"Connection: close\r\n\r\n{}"
PROBLEM = b'{"status":400}'
BAD = (
    b"HTTP/1.1 400 Bad Request\r\n" + DATE + b"Content-Type: application/problem+json\r\n"
    b"Content-Length: 14\r\nConnection: close\r\n\r\n" + PROBLEM
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PROBE = Case("probe", b"x", (frozenset({200}),), kept=True)
REFUSED = Case("refused", b"x", (frozenset({400}),), kept=False)


def judged(case: Case, received: bytes) -> list[str]:
    """Return what is wrong with an answer to a case, on a connection that has ended."""
    exchange = Exchange(Try(case, "whole", b"", (case.sent,)))
    exchange.take(received)
    exchange.take(b"")
    return faults(exchange)


@pytest.mark.parametrize(
    ("case", "received"),
    [
        (PROBE, ALIVE + b"\r\n{}" + LAST),
        (REFUSED, BAD),
        (REFUSED.finishing(silent=True), b""),
        (Case("two", b"xx", (frozenset({200}),) * 2, kept=True), (ALIVE + b"\r\n{}") * 2 + LAST),
    ],
    ids=["kept", "closed", "silent", "two"],
)
def test_a_right_answer_has_no_fault(case: Case, received: bytes) -> None:
    """What a case wants is what passes."""
    assert judged(case, received) == []


@pytest.mark.parametrize(
    ("case", "received", "fault"),
    [
        (PROBE, LAST, "the connection was closed"),
        (REFUSED, BAD + LAST, "the connection was kept"),
        (REFUSED, BAD.replace(b"Connection: close\r\n", b""), "its answer said otherwise"),
        (PROBE, LAST + LAST, "its answer said otherwise"),
        (REFUSED, b"", "answered [], not 400"),
        (REFUSED, BAD + BAD, "answered [400, 400], not 400"),
        (PROBE, BAD, "answered [400], not 200"),
        (REFUSED, CONTINUE + BAD, "1 times 100, at most 0 wanted"),
        (REFUSED, BAD.replace(DATE, b""), "400 has 0 date fields"),
        (REFUSED, BAD.replace(b"GMT", b"CET"), "400 has a Date that is none"),
        (REFUSED, BAD.replace(b"problem+json", b"json"), "and not problem+json"),
        (REFUSED, BAD.replace(PROBLEM, b'{"status":404}'), "a problem document of another status"),
        (REFUSED, BAD[:-1], "the end of an answer is missing"),
        (REFUSED, BAD + b"<html>", "where an answer should begin"),
        (REFUSED, b"HTTP/1.2" + BAD[8:], "where a status line should be"),
        (REFUSED, BAD.replace(b"Date:", b"Date :"), "where a field should be"),
    ],
)
def test_each_fault_is_seen(case: Case, received: bytes, fault: str) -> None:
    """Whatever is wrong with an answer is said."""
    found = judged(case, received)
    assert any(fault in each for each in found), found


def test_an_answer_to_head_has_no_body() -> None:
    """The length that it tells is that of a GET, and a body after it is garbage."""
    answers, rest = read_answers(ALIVE + b"\r\n", heads=1)
    assert ([answer.status for answer in answers], rest) == ([200], b"")
    with pytest.raises(Garbage):
        read_answers(ALIVE + b"\r\n{}", heads=1)


def test_a_connection_that_stays_open_is_a_fault() -> None:
    """Nothing may be left to wait for."""
    exchange = Exchange(Try(REFUSED, "whole", b"", (b"x",)))
    exchange.take(BAD)
    assert "still open" in faults(exchange)[0]


def test_a_case_is_cut_in_every_way() -> None:
    """Whole, byte by byte and at every position, each with an id of its own."""
    sent = b"a" + ID
    found = [*tries(Case("short", sent, (), kept=None), first_number=7)]
    assert found[0].pieces == (b"a00000007",)
    assert len(found) == 2 + len(sent) - 1
    assert {b"".join(each.pieces) for each in found} == {
        b"a%08d" % number for number in range(7, 7 + len(found))
    }


def test_every_case_has_a_name_of_its_own() -> None:
    """A fault can be told by it."""
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) > 300
