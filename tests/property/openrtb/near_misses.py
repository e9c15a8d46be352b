"""Documents that are a bid request but for one thing, at any depth."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.property.openrtb.documents import (
    NAMES,
    READABLE_SCALARS,
    REQUESTS,
    Members,
    familiar_json,
)

_TRAPS: list[Any] = [
    *(None, True, False, 0, 1, 2, -1, 90, 91, -181, 2**53 + 1, -(2**63) - 1, 10**400, -(10**400)),
    *(-0.0, 1.0, 1.5, 2.0**53, 1e308, 5e-324, float("nan"), float("inf"), -float("inf")),
    *("", "1", "id", "NLD", "0", "\0", "é\u202e😀", "x" * 1000),
    *([], [None], [1], ["1"], [[]], [{}], [True], [1.5], {}, {"id": "1"}, {"schain": 1}),
]


FAMILIAR_JSON = familiar_json(READABLE_SCALARS)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), FAMILIAR_JSON, max_size=4)


def _deep(levels: int) -> Any:  # noqa: ANN401  lists of lists
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


VALUES = (
    st.sampled_from(_TRAPS).map(copy.deepcopy)
    | READABLE_SCALARS
    | st.integers(1, 60).map(_deep)
    | FAMILIAR_JSON
)


def _containers(value: object) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _containers(each)


def _put(draw: st.DrawFn, container: Any) -> None:  # noqa: ANN401  a dict or a list
    if isinstance(container, dict):
        names = st.sampled_from(NAMES)
        if container:
            names |= st.sampled_from(list(container))
        container[draw(names)] = draw(VALUES)
    else:
        container.insert(draw(st.integers(0, len(container))), draw(VALUES))


def _take(draw: st.DrawFn, container: Any) -> None:  # noqa: ANN401  a dict or a list
    if container:
        places = list(container) if isinstance(container, dict) else range(len(container))
        del container[draw(st.sampled_from(places))]


def _repeat(draw: st.DrawFn, container: Any) -> None:  # noqa: ANN401  a dict or a list
    if isinstance(container, list) and container:
        each = draw(st.sampled_from(container))
        container += [copy.deepcopy(each) for _ in range(draw(st.sampled_from([1, 30, 70])))]


@st.composite
def near_misses(draw: st.DrawFn) -> Members:
    """Draw a valid request, then put, take or repeat something in one of its containers."""
    request = draw(REQUESTS)
    change = draw(st.sampled_from([_put, _put, _put, _take, _repeat]))
    change(draw, draw(st.sampled_from(list(_containers(request)))))
    return request
