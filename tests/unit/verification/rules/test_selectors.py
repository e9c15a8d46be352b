"""Label selectors match as in Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from verification.rules.selectors import selects

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, True),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}],
            },
            False,
        ),
    ],
)
def test_selects(selector: dict[str, Any], expected: bool) -> None:  # noqa: FBT001  a table's column
    """Labels and expressions must all hold; an empty selector matches everything."""
    assert selects(selector, LABELS) is expected


def test_an_unknown_operator_is_an_error() -> None:
    """A selector that Kubernetes would refuse is not taken for one that matches nothing."""
    with pytest.raises(ValueError, match="Like is not an operator"):
        selects({"matchExpressions": [{"key": "app", "operator": "Like"}]}, LABELS)
