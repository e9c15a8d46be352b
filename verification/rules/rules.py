"""The table of static rules."""

from __future__ import annotations

from verification.rules import (
    brokers,
    containers,
    network,
    pod_security,
    rollouts,
    schema,
    wiring,
)
from verification.rules.rule import StaticRule

STATIC_RULES: tuple[StaticRule, ...] = (
    *schema.RULES,
    *pod_security.RULES,
    *containers.RULES,
    *rollouts.RULES,
    *wiring.RULES,
    *network.RULES,
    *brokers.RULES,
)
