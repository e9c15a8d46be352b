"""The compiled check and marshmallow say the same of every document."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import HealthCheck, event, given, seed, settings
from hypothesis import strategies as st

from app.openrtb import bid_request
from app.validation.compile_rules import Rejected
from app.validation.compiled_check import Compiled
from app.validation.explain import violations
from app.validation.validator import Validator
from tests.property.openrtb.documents import REQUESTS, Members
from tests.property.openrtb.near_misses import OBJECTS, near_misses

EXAMPLES = {"ci": 20_000, "thorough": 200_000}.get(settings.get_current_profile_name(), 1_000)
PARTS = 4  # as many run side by side
DOCUMENTS = st.one_of(near_misses(), near_misses(), near_misses(), REQUESTS, OBJECTS)


@cache
def _compiled() -> Compiled:
    return Compiled(bid_request())


@cache
def _validator() -> Validator:
    return Validator(bid_request())


def _accepted(document: Members) -> bool:
    try:
        _compiled().check(document)
    except Rejected:
        return False
    return True


def _agree(document: Members) -> None:
    by_marshmallow = violations(document)
    event("valid" if not by_marshmallow else "invalid")
    assert _accepted(document) == (by_marshmallow == [])
    verdict = _validator().validate(document)
    assert (list(verdict.violations), verdict.compiled_mismatch) == (by_marshmallow, None)


@pytest.mark.parametrize("part", range(PARTS))
def test_both_verdicts_agree(part: int) -> None:
    """One accepts what the other accepts, and what is explained in parts is explained alike."""
    bounds = settings(
        max_examples=EXAMPLES // PARTS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    agree = bounds(given(DOCUMENTS)(_agree))
    # what is the same in each run is still to differ in each part
    (seed(part)(agree) if bounds.derandomize else agree)()
