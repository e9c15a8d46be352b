"""The validator: its threads, and how much marshmallow does for an explanation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.openrtb import bid_request
from app.schema.fields import VIOLATIONS_PER_ARRAY
from app.validation.compiled_check import build_focused
from app.validation.explain import violations
from app.validation.validator import Validator

pytestmark = pytest.mark.promise("bounded")

VALID: dict[str, Any] = {"id": "1", "imp": [{"id": "1", "native": {"request": ""}}], "site": {}}


def test_threads_that_share_a_validator_get_each_its_own_result() -> None:
    """Of valid and invalid documents alike."""
    validator = Validator(bid_request())
    documents = [{**VALID, "tmax": value} for value in (1, "1", -1, None)] * 50
    alone = [validator.validate(each) for each in documents]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(validator.validate, documents)) == alone


class CountedSchema:
    """Counts how many elements of an array marshmallow looks at."""

    def __init__(self, array: str) -> None:
        self.schema = build_focused(bid_request())
        self.looked_at = 0
        field: Any = self.schema.fields[array]
        self._suspects = field.suspects
        field.suspects = self._counted

    def _counted(self, values: list[Any]) -> Iterator[tuple[int, Any]]:
        for each in self._suspects(values):
            self.looked_at += 1
            yield each


IMP: dict[str, Any] = {"id": "1", "banner": {}}


class TestFocus:
    """How much marshmallow does for an explanation."""

    @pytest.mark.parametrize(
        ("imps", "looked_at"),
        [
            ([{**IMP, "id": str(n)} for n in range(5000)], 0),
            ([*({**IMP, "id": str(n)} for n in range(5000)), {}], 1),
            ([{}, *({**IMP, "id": str(n)} for n in range(5000)), {}], 2),
            (
                [{**IMP, "id": str(n), "exp": n % 70 - 1} for n in range(5000)],
                VIOLATIONS_PER_ARRAY,
            ),
            ([{}] * 5000, VIOLATIONS_PER_ARRAY // 2),
        ],
    )
    def test_elements(self, imps: list[Any], looked_at: int) -> None:
        """Only elements that break a rule are explained, until the array has enough problems."""
        counted = CountedSchema("imp")
        document = {"id": "1", "imp": imps}
        assert violations(document, counted.schema) == violations(document)
        assert counted.looked_at == looked_at

    def test_plain_elements(self) -> None:
        """The same holds for arrays of strings."""
        counted = CountedSchema("bcat")
        document = {**VALID, "bcat": ["IAB1"] * 1000 + [1] + ["IAB1"] * 1000}
        assert [each.path for each in violations(document, counted.schema)] == ["bcat[1000]"]
        assert counted.looked_at == 1
