"""What becomes of a document: VALIDATION_MODE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from app.problems import InvalidBidRequest
from app.schema.base import OpenRtbObject
from app.validation.schemas import MINIMAL, OPENRTB_26, schema_named
from app.validation.validator import Validator, Verdict

# Returns the verdict on a document that is accepted; raises InvalidBidRequest for others.
Judge = Callable[[Mapping[str, Any]], Verdict]


def enforce(schema: OpenRtbObject) -> Judge:
    """Refuse what breaks a rule. Raises NotCompilable."""
    validator = Validator(schema)

    def judge(document: Mapping[str, Any]) -> Verdict:
        verdict = validator.examine(document)
        if verdict.violations:
            raise InvalidBidRequest(verdict.violations)
        return verdict

    return judge


def warn(schema: OpenRtbObject) -> Judge:
    """Say what `enforce` would refuse, and refuse what has no usable id. Raises NotCompilable."""
    validator = Validator(schema)
    has_id = off(schema)

    def judge(document: Mapping[str, Any]) -> Verdict:
        verdict = validator.examine(document)
        if verdict.violations:
            has_id(document)
        return verdict

    return judge


def off(_schema: OpenRtbObject) -> Judge:
    """Refuse what has no non-empty string as its id, which becomes the key of the record."""
    return enforce(schema_named(MINIMAL))


MODES: Mapping[str, Callable[[OpenRtbObject], Judge]] = {
    "enforce": enforce,
    "warn": warn,
    "off": off,
}


@cache
def enforce_openrtb26() -> Judge:
    """Return the judge of the default settings, made once."""
    return enforce(schema_named(OPENRTB_26))
