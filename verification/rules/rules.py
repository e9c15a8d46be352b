"""The table of static rules."""

from __future__ import annotations

from verification.rules import (
    brokers,
    disruption,
    environment,
    image_tags,
    network,
    pod_security,
    probes,
    resources,
    schema,
    shutdown,
    topic_names,
    update_strategy,
    wiring,
)
from verification.rules.rule import StaticRule

STATIC_RULES: tuple[StaticRule, ...] = (
    *schema.RULES,
    *pod_security.RULES,
    *resources.RULES,
    *image_tags.RULES,
    *probes.RULES,
    *update_strategy.RULES,
    *shutdown.RULES,
    *wiring.RULES,
    *disruption.RULES,
    *environment.RULES,
    *network.RULES,
    *topic_names.RULES,
    *brokers.RULES,
)
