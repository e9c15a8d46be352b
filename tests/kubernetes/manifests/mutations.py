"""Every way in which we know the manifests could be wrong, and the rule that must say so."""

from __future__ import annotations

from tests.kubernetes.manifests import kafka_mutations, pod_mutations, wiring_mutations
from tests.kubernetes.manifests.mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = (
    *pod_mutations.MUTATIONS,
    *wiring_mutations.MUTATIONS,
    *kafka_mutations.MUTATIONS,
)
