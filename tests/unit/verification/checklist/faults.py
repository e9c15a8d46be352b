"""Every fault that we know for the checks of a cluster, by category."""

from __future__ import annotations

from tests.unit.verification.checklist import machine_faults as machine
from tests.unit.verification.checklist import pod_faults as pods
from tests.unit.verification.checklist.fault import Fault

FAULTS: dict[str, tuple[Fault, ...]] = {
    "preflight": machine.PREFLIGHT,
    "images": machine.IMAGES,
    "cluster": machine.CLUSTER,
    "rollout": machine.ROLLOUT,
    "configuration": pods.CONFIGURATION,
    "security": pods.SECURITY,
    "metrics": pods.METRICS,
    "monitoring": pods.MONITORING,
    "resilience": pods.RESILIENCE,
    "scaling": pods.SCALING,
}
