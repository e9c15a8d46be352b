"""Whether a document is accepted, by VALIDATION_MODE, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.problems import InvalidBidRequest
from app.schema.base import OpenRtbObject
from app.schema.violation import Violation
from app.validation.compile_rules import Rejected
from app.validation.compiled_check import Compiled, build_focused
from app.validation.explain import violations
from app.validation.schemas import MINIMAL, OPENRTB_26, schema_named

Check = Callable[[object], Collection[str]]


@dataclass(frozen=True)
class ValidationResult:
    """The violations and warnings of one document.

    `violations` are the rules that it breaks, in the order of the document (none: it is valid);
    `warnings` the recommendations that a valid one does not follow. `compiled_mismatch` says where
    the compiled check rejected what marshmallow then found nothing wrong with: a defect of the
    compiler.
    """

    violations: Sequence[Violation] = ()
    warnings: Collection[str] = ()
    compiled_mismatch: str | None = None


# Returns the result on a document that is accepted; raises InvalidBidRequest for others.
Validation = Callable[[Mapping[str, Any]], ValidationResult]


class Validator:
    """Validates documents by one schema, from any thread.

    The compiled check accepts nearly all that comes, in a fiftieth of marshmallow's time, and says
    no more than that it does not accept the rest. Only for these marshmallow says what is wrong.
    """

    def __init__(self, schema: OpenRtbObject, check: Check | None = None) -> None:
        """Compile the schema; raises NotCompilable for what the compiler does not know.

        `check` stands in for the compiled check.
        """
        self._check = check or Compiled(schema).check
        self._schema = build_focused(schema)

    def validate(self, document: Mapping[str, object]) -> ValidationResult:
        """Return the result; never raises for what a JSON parser returns.

        The work is bounded as `build_focused` and `violations` say.
        """
        try:
            return ValidationResult(warnings=self._check(document))
        except Rejected as rejected:
            found = violations(document, self._schema)
            if found:
                return ValidationResult(found)
            return ValidationResult(compiled_mismatch=str(rejected))

    def enforce(self, document: Mapping[str, object]) -> ValidationResult:
        """Do the same, but raise InvalidBidRequest where a rule is broken."""
        result = self.validate(document)
        if result.violations:
            raise InvalidBidRequest(result.violations)
        return result


def enforce(schema: OpenRtbObject) -> Validation:
    """Refuse what breaks a rule. Raises NotCompilable."""
    return Validator(schema).enforce


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
