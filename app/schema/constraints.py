"""The constraints on single values: marshmallow's validators, each under the rule it checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, validate

from app.schema.violation import Violation


@dataclass(frozen=True)
class Constraint:
    """A validator of marshmallow's and the violation that its error is reported as.

    Everything a constraint means can be read off it: `validator` is a plain Range, OneOf or
    Length, without code of its own.
    """

    violation: Violation
    validator: validate.Range | validate.OneOf | validate.Length

    def __call__(self, value: Any) -> None:  # noqa: ANN401  each validator takes a type of its own
        """Raise ValidationError with the violation where `value` breaks the rule."""
        try:
            self.validator(value)
        except ValidationError:
            raise ValidationError([self.violation]) from None


NOT_EMPTY = Constraint(Violation("not-empty", "must not be empty"), validate.Length(min=1))
NOT_NEGATIVE = Constraint(Violation("range", "must not be negative"), validate.Range(min=0))
ZERO_OR_ONE = Constraint(Violation("one-of", "must be 0 or 1"), validate.OneOf((0, 1)))
LATITUDE = Constraint(
    Violation("range", "must be between -90 and 90"), validate.Range(min=-90, max=90)
)
LONGITUDE = Constraint(
    Violation("range", "must be between -180 and 180"), validate.Range(min=-180, max=180)
)
