"""What becomes of a document: VALIDATION_MODE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from app.problems import InvalidBidRequest
from app.schema.base import OpenRtbObject
from app.validation.schemas import MINIMAL, OPENRTB_26, schema_named
from app.validation.validator import ValidationResult, Validator

# Returns the result on a document that is accepted; raises InvalidBidRequest for others.
Validation = Callable[[Mapping[str, Any]], ValidationResult]


def enforce(schema: OpenRtbObject) -> Validation:
    """Refuse what breaks a rule. Raises NotCompilable."""
    validator = Validator(schema)

    def validate(document: Mapping[str, Any]) -> ValidationResult:
        result = validator.validate(document)
        if result.violations:
            raise InvalidBidRequest(result.violations)
        return result

    return validate


def warn(schema: OpenRtbObject) -> Validation:
    """Say what `enforce` would refuse, and refuse what has no usable id. Raises NotCompilable."""
    validator = Validator(schema)
    has_id = off(schema)

    def validate(document: Mapping[str, Any]) -> ValidationResult:
        result = validator.validate(document)
        if result.violations:
            has_id(document)
        return result

    return validate


def off(_schema: OpenRtbObject) -> Validation:
    """Refuse what has no non-empty string as its id, which becomes the key of the record."""
    return enforce(schema_named(MINIMAL))


MODES: Mapping[str, Callable[[OpenRtbObject], Validation]] = {
    "enforce": enforce,
    "warn": warn,
    "off": off,
}


@cache
def enforce_openrtb26() -> Validation:
    """Return the validation of the default settings, made once."""
    return enforce(schema_named(OPENRTB_26))
