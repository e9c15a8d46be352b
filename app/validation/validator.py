"""The verdict on a document: the compiled check's where it accepts, else marshmallow's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from app.schema.base import OpenRtbObject
from app.schema.violation import Violation
from app.validation.compiled_check import Compiled, Refused, focused
from app.validation.explain import violations

Check = Callable[[object], Collection[str]]


@dataclass(frozen=True)
class Verdict:
    """What is to be said about a document.

    `violations` are the rules that it breaks, in the order of the document (none: it is valid);
    `warnings` the soft rules that a valid one breaks. `disputed` says where the compiled check
    refused what marshmallow then found nothing wrong with, which is a defect of the compiler.
    """

    violations: Sequence[Violation] = ()
    warnings: Collection[str] = ()
    disputed: str | None = None


class Validator:
    """Judges documents by one schema, from any thread."""

    def __init__(self, schema: OpenRtbObject, check: Check | None = None) -> None:
        """Compile the schema; raises NotCompilable for what the compiler does not know.

        `check` stands in for the compiled check.
        """
        self._check = check or Compiled(schema).check
        self._schema = focused(schema)

    def examine(self, document: Mapping[str, object]) -> Verdict:
        """Return the verdict; never raises for what a JSON parser returns.

        The work is bounded as `focused` and `violations` say.
        """
        try:
            return Verdict(warnings=self._check(document))
        except Refused as refused:
            found = violations(document, self._schema)
            return Verdict(violations=found) if found else Verdict(disputed=str(refused))
