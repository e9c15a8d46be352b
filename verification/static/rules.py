"""The table of static rules."""

from __future__ import annotations

from verification.static import (
    configuration,
    disruption,
    image_tags,
    kafka,
    network,
    probes,
    resources,
    rollout,
    schema,
    security,
    shutdown,
    topics,
    wiring,
)
from verification.static.rule import StaticRule

STATIC_RULES: tuple[StaticRule, ...] = (
    *schema.RULES,
    *security.RULES,
    *resources.RULES,
    *image_tags.RULES,
    *probes.RULES,
    *rollout.RULES,
    *shutdown.RULES,
    *wiring.RULES,
    *disruption.RULES,
    *configuration.RULES,
    *network.RULES,
    *topics.RULES,
    *kafka.RULES,
)
