"""Which images run."""

from __future__ import annotations

import re

from verification.rules.manifests import Manifests, finding
from verification.rules.rule import StaticRule

_OURS = "rtb/"
_CONTENT_TAG = re.compile(r"[0-9a-f]{12,64}")


def _image_tags(manifests: Manifests) -> list[str]:
    return [
        finding(item, f"{path}.image", expected=expected, found=container["image"])
        for item in manifests.workloads
        for path, container in item.all_containers
        if (expected := _lacking(container["image"])) is not None
    ]


def _lacking(image: str) -> str | None:
    name, _, tag = image.rpartition(":")
    if not name or "/" in tag or tag == "latest":
        return "a tag that is not latest"
    if name.startswith(_OURS) and not _CONTENT_TAG.fullmatch(tag):
        return "a content tag (12 or more hexadecimal digits)"
    return None


RULES = (
    StaticRule(
        "static.image-tags",
        "Each image has a tag, never `latest`; ours have the digest of their content.",
        ("kubectl kustomize .verification/overlay | grep image:",),
        "`make up` writes an overlay that sets the tags.",
        _image_tags,
    ),
)
