"""Whether the gauges of the bidding logic's lag show what Kafka says."""

from __future__ import annotations

from dataclasses import dataclass

from verification.checklist.metrics import Samples, scrape_pods, total
from verification.checklist.support.bids import accepted
from verification.checklist.support.check import Evidence, check, expect
from verification.checklist.support.context import Context
from verification.checklist.support.inside_pods import ADMIN_PORTS, CONSUMER_APP
from verification.checklist.support.slow_member import slow_member
from verification.traffic.http import JSON_TYPE
from verification.traffic.steady import bid_request

_AT_REST_WITHIN_S = 45.0
_BURST = 200
_LOOKS = 2
_NEW_WITHIN_S = 15.0
_WORKED_OFF_WITHIN_S = 90.0
_MESSAGES, _SECONDS = "consumer_lag_messages", "consumer_lag_seconds"
_READINGS = "consumer_lag_readings_total"


@dataclass(frozen=True)
class _Look:
    """What the gauges showed, between what Kafka said just before and just after."""

    before: int
    messages: int
    seconds: float
    after: int

    def __str__(self) -> str:
        """Return the figures in the order in which they were read."""
        return f"{self.before} >= {self.messages} ({self.seconds:.1f} s) >= {self.after}"


@check(
    "kubectl get --raw "
    "/api/v1/namespaces/rtb/services/bidding-logic-service:http/proxy/metrics "
    "| grep consumer_lag",
    "python -m verification verify metrics.lag-true --keep",
    category="metrics",
    promise="observable",
    expected="consumer_lag_messages and consumer_lag_seconds, one line a partition, 0 at rest; "
    f"{_LOOKS} looks or more at which the gauge is above 0 and between Kafka's figures",
    hint="consumer/kafka/lag.py sets the gauges once a second, also while a round lasts",
    deadline_s=300,
)
def lag_true(context: Context) -> Evidence:
    """While a slow strategy works off a burst, the gauges show what Kafka says that waits.

    Once all is sent the lag only falls: gauges that were read between two questions to Kafka lie
    between its answers.
    """
    with slow_member(context) as member:
        _wait_at_rest(context, member)
        for number in range(_BURST):
            accepted(context, bid_request(f"{context.run_id}-burst-{number}"), JSON_TYPE)
        looks = _looks(context, member)
        _wait_at_rest(context, member)
    shown = "\n".join(map(str, looks)) or "none"
    above = [look.messages for look in looks if look.messages]
    expect(len(above) >= _LOOKS, expected=f"{_LOOKS} looks with a gauge above 0", found=shown)
    found = (
        f"{len(above)} looks at a burst of {_BURST}: gauge from {above[0]} to {above[-1]}, then 0"
    )
    return Evidence(found, {"Kafka before, gauge, Kafka after": shown})


def _looks(context: Context, member: str) -> list[_Look]:
    """Look at the gauges again and again until the group has committed all."""
    looks: list[_Look] = []

    def blocked_by() -> str | None:
        before = _behind(context, member)
        if before:
            looks.append(_look(context, member, before))
        return f"{before} records behind" if before else None

    context.waiter.until("the burst worked off", blocked_by, within=_WORKED_OFF_WITHIN_S)
    return looks


def _look(context: Context, member: str, before: int) -> _Look:
    """Wait for gauges that are newer than `before`, and hold them against what Kafka says now."""
    found = _gauges(context, member)
    newer = total(found, _READINGS) + 2  # the reading that goes on may have begun before

    def blocked_by() -> str | None:
        found.update(_gauges(context, member))
        readings = total(found, _READINGS)
        return f"{readings:.0f} of {newer:.0f} readings" if readings < newer else None

    context.waiter.until("the lag read anew", blocked_by, within=_NEW_WITHIN_S)
    ages = [value for name, value in found.items() if name.startswith(f"{_SECONDS}{{")]
    messages, oldest = int(total(found, _MESSAGES)), max(ages, default=0.0)
    look = _Look(before, messages, oldest, _behind(context, member))
    between = before >= look.messages >= look.after
    aged = look.seconds > 0 or not look.messages
    expected = f"{look.after} to {before} on the gauge, and an age"
    expect(between and aged, expected=expected, found=look)
    return look


def _behind(context: Context, group: str) -> int:
    return sum(row["lag"] for row in context.topics.lag(group=group))


def _gauges(context: Context, member: str) -> Samples:
    return scrape_pods(context, [member], ADMIN_PORTS[CONSUMER_APP])


def _wait_at_rest(context: Context, member: str) -> None:
    """Wait until the gauges of all partitions are there and show 0."""
    partitions = len(context.topics.lag(group=member))

    def blocked_by() -> str | None:
        samples = _gauges(context, member)
        lags = [value for name, value in samples.items() if name.startswith(f"{_MESSAGES}{{")]
        if len(lags) == partitions and not any(lags):
            return None
        return f"{_MESSAGES} of {len(lags)} of {partitions} partitions, sum {sum(lags)}"

    context.waiter.until(f"gauges of {member}", blocked_by, within=_AT_REST_WITHIN_S)
