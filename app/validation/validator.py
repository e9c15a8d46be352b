"""What is wrong with a document: nothing, by the compiled check, or what marshmallow finds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from app.schema.base import OpenRtbObject
from app.schema.violation import Violation
from app.validation.compile_rules import Rejected
from app.validation.compiled_check import Compiled, build_focused
from app.validation.explain import violations

Check = Callable[[object], Collection[str]]


@dataclass(frozen=True)
class ValidationResult:
    """What is to be said about a document.

    `violations` are the rules that it breaks, in the order of the document (none: it is valid);
    `warnings` the soft rules that a valid one breaks. `compiled_mismatch` says where the compiled
    check rejected what marshmallow then found nothing wrong with: a defect of the compiler.
    """

    violations: Sequence[Violation] = ()
    warnings: Collection[str] = ()
    compiled_mismatch: str | None = None


class Validator:
    """Validates documents by one schema, from any thread."""

    def __init__(self, schema: OpenRtbObject, check: Check | None = None) -> None:
        """Compile the schema; raises NotCompilable for what the compiler does not know.

        `check` stands in for the compiled check.
        """
        self._check = check or Compiled(schema).check
        self._schema = build_focused(schema)

    def validate(self, document: Mapping[str, object]) -> ValidationResult:
        """Return the result; never raises for what a JSON parser returns.

        The work is bounded as `focused` and `violations` say.
        """
        try:
            return ValidationResult(warnings=self._check(document))
        except Rejected as rejected:
            found = violations(document, self._schema)
            return (
                ValidationResult(violations=found)
                if found
                else ValidationResult(compiled_mismatch=str(rejected))
            )
