"""Every object against the JSON schema of its kind."""

from __future__ import annotations

from kubernetes_validate import SchemaNotFoundError, ValidationError, validate

from verification.rules.manifests import Manifests, Object, finding, title
from verification.rules.rule import RENDER, StaticRule

KUBERNETES = "1.34"


def _valid_objects(manifests: Manifests) -> list[str]:
    found = (_objection(item) for item in manifests.objects)
    return [text for text in found if text is not None]


def _objection(item: Object) -> str | None:
    try:
        validate(dict(item), KUBERNETES, strict=True)
    except ValidationError as error:
        path = ".".join(str(part) for part in error.absolute_path) or "(root)"
        return finding(item, path, expected="what the schema allows", found=error.message)
    except SchemaNotFoundError:
        return f"{title(item)} apiVersion: expected a kind of Kubernetes {KUBERNETES}, found none"
    return None


RULES = (
    StaticRule(
        "static.schema-valid",
        "Every object is valid against the JSON schema of its kind in Kubernetes 1.34, with "
        "unknown fields refused.",
        (f"{RENDER} > /tmp/rtb.yaml", "kubernetes-validate --strict -k 1.34 /tmp/rtb.yaml"),
        "The finding names the field; `kubectl explain` tells what may stand there.",
        _valid_objects,
    ),
)
