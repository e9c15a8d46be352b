"""Label selectors, as Kubernetes matches them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tell whether a LabelSelector matches; an empty one matches everything."""
    exact = selector.get("matchLabels", {})
    return is_subset(exact, labels) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions", [])
    )


def is_subset(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether `labels` has each label wanted."""
    return all(labels.get(key) == value for key, value in wanted.items())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    message = f"{expression['operator']} is not an operator of label selectors"
    raise ValueError(message)
