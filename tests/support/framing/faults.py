"""What is wrong with the answers to a case."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from tests.support.framing.case import Case
from tests.support.framing.volley import Exchange
from tests.support.framing.wire import WireAnswer


def faults(exchange: Exchange) -> list[str]:
    """Return every way in which the answers are not those that the case wants."""
    return [f"{exchange.what.name}: {fault}" for fault in _faults(exchange)]


def is_kept(exchange: Exchange) -> bool:
    """Say whether the request that was sent after the case got its answer."""
    case, finals = exchange.what.case, exchange.finals
    if case.finishes or len(finals) <= len(case.answers):
        return False
    return finals[-1].status == HTTPStatus.OK and finals[-1].ends_connection


def _faults(exchange: Exchange) -> Iterator[str]:
    if exchange.garbage is not None:
        yield exchange.garbage
        return
    if not exchange.ended:
        yield "the connection is still open, with nothing to wait for"
    if exchange.rest:
        yield f"the end of an answer is missing: {exchange.rest[:60]!r}"
    answers = exchange.finals[:-1] if is_kept(exchange) else exchange.finals
    yield from _faults_of_order(exchange.what.case, exchange, answers)
    for number, answer in enumerate(answers):
        yield from answer.faults(to_head=number < exchange.what.case.heads)


def _faults_of_order(case: Case, exchange: Exchange, answers: list[WireAnswer]) -> Iterator[str]:
    statuses = [answer.status for answer in answers]
    if not (case.may_be_silent and not statuses) and not _fit(case, statuses):
        wanted = " then ".join("/".join(map(str, sorted(each))) for each in case.answers)
        yield f"answered {statuses}, not {wanted or 'nothing'}"
    interim = len(exchange.answers) - len(exchange.finals)
    if interim > case.most_continues:
        yield f"{interim} times 100, at most {case.most_continues} wanted"
    if not case.finishes and answers:
        yield from _faults_of_the_end(case, answers, kept=is_kept(exchange))


def _faults_of_the_end(case: Case, answers: list[WireAnswer], *, kept: bool) -> Iterator[str]:
    if case.kept is not None and kept != case.kept:
        yield f"the connection was {'kept' if kept else 'closed'}"
    if answers[-1].ends_connection == kept:
        yield f"the connection was {'kept' if kept else 'closed'}, and its answer said otherwise"
    if any(answer.ends_connection for answer in answers[:-1]):
        yield "an answer that was not the last said that the connection closes"


def _fit(case: Case, statuses: list[int]) -> bool:
    if len(statuses) != len(case.answers):
        return False
    return all(status in each for status, each in zip(statuses, case.answers, strict=True))
