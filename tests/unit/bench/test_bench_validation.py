"""What `python -m bench.validation` fails for."""

from __future__ import annotations

import pytest

from app.http.body import inflate
from bench.hostile import SIZE, hostile_requests, hostile_streams
from bench.validation import Result, slowness

pytestmark = pytest.mark.promise("fast")


@pytest.mark.parametrize(
    ("share", "slowed", "slack", "failed"),
    [
        (1.1, 3.0, 1.0, True),
        (0.9, 1.0, 1.0, False),
        (1.9, 1.0, 2.0, False),
        (2.1, 1.0, 2.0, True),
        (5.9, 3.0, 2.0, False),
        (6.1, 3.0, 2.0, True),
    ],
)
def test_slack_alone_is_stretched_by_a_slow_machine(
    share: float, slowed: float, slack: float, *, failed: bool
) -> None:
    """Without slack the limit is what it says; with it, what doubled fails on any machine."""
    assert Result("a line", share, slowed).failed(slack) == failed


def test_a_machine_is_never_taken_for_faster_than_the_quiet_one() -> None:
    """A fast machine does not lower the limit."""
    assert slowness() >= 1


@pytest.mark.parametrize("name", hostile_streams())
def test_hostile_streams_are_read_to_their_end(name: str) -> None:
    """Each is as large as may be and valid: what it costs is not cut short by a refusal."""
    stream = hostile_streams()[name]
    assert SIZE - 100 < len(stream) <= SIZE
    assert len(inflate(stream, SIZE)) < SIZE // 20


def test_hostile_requests_have_bodies_within_the_limit() -> None:
    """None is refused for its size alone, before its chunks are gone through."""
    for raw in hostile_requests().values():
        assert raw.count(b" ") <= SIZE + 4  # four are in the head
        assert raw.endswith(b"\r\n0\r\n\r\n")
