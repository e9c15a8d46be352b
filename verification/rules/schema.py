"""Every object against the JSON schema of its kind."""

from __future__ import annotations

from collections.abc import Iterator

from kubernetes_validate import SchemaNotFoundError, ValidationError, validate

from verification.rules.manifests import Manifests, finding, title
from verification.rules.rule import RENDER, rule

KUBERNETES = "1.34"


@rule(
    f"{RENDER} > /tmp/rtb.yaml",
    "kubernetes-validate --strict -k 1.34 /tmp/rtb.yaml",
    hint="The finding names the field; `kubectl explain` tells what may stand there.",
)
def schema_valid(manifests: Manifests) -> Iterator[str]:
    """Each object is valid by Kubernetes 1.34's JSON schema of its kind, unknown fields refused."""
    for item in manifests.objects:
        try:
            validate(dict(item), KUBERNETES, strict=True)
        except ValidationError as error:
            path = ".".join(str(part) for part in error.absolute_path) or "(root)"
            yield finding(item, path, expected="what the schema allows", found=error.message)
        except SchemaNotFoundError:
            kind = f"a kind of Kubernetes {KUBERNETES}"
            yield f"{title(item)} apiVersion: expected {kind}, found none"


RULES = (schema_valid,)
