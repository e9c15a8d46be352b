"""All checks, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType

from verification.checklist import (
    cluster,
    configuration,
    images,
    metrics,
    metrics_lag,
    monitoring,
    pipeline,
    pipeline_logs,
    pipeline_refusals,
    preflight,
    resilience,
    rollout,
    scaling,
    security,
    static,
)
from verification.checklist.support.check import Check
from verification.errors import UsageError

CATEGORIES = {
    "preflight": "Can this machine run the verification?",
    "static": "Are manifests and Dockerfiles right as they are written?",
    "images": "Are the two service images fit for a cluster?",
    "cluster": "Is the cluster itself in order?",
    "rollout": "Has all that the manifests ask for come up?",
    "pipeline": "Does a bid request become a record and a decision?",
    "configuration": "Does configuration come from ConfigMaps, and a change take effect safely?",
    "security": "Can the pods do no more than they must?",
    "metrics": "Are the metrics there, and do they add up?",
    "monitoring": "Does Prometheus, switched on, see all of it?",
    "resilience": "Is nothing lost while pods come and go under load?",
    "scaling": "Does the ingest grow under load by itself, and shrink again?",
}
_MODULES = (
    *(preflight, static, images, cluster, rollout, pipeline, pipeline_refusals, pipeline_logs),
    *(configuration, security, metrics, metrics_lag, monitoring, resilience, scaling),
)


def _defined_in(module: ModuleType) -> Iterator[Check]:
    """Yield the checks of a module in the order in which they stand there."""
    for value in vars(module).values():
        if isinstance(value, Check):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Check))


CHECKS = tuple(check for module in _MODULES for check in _defined_in(module))


def select(names: Sequence[str], checks: Sequence[Check] = CHECKS) -> list[Check]:
    """Return the checks whose id or category is named, in registry order; all without names.

    Raises UsageError for a name that is neither.
    """
    known = {check.id for check in checks} | {check.category for check in checks}
    if unknown := [name for name in names if name not in known]:
        told = f"no such check or category: {', '.join(unknown)} (`checks` lists them)"
        raise UsageError(told)
    return [item for item in checks if not names or {item.id, item.category} & set(names)]
