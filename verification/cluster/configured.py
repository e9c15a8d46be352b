"""What a pod is configured with."""

from __future__ import annotations

from typing import Any

from verification.cluster.tools.kubectl import Kubectl


def configured(kubectl: Kubectl, pod: dict[str, Any]) -> dict[str, str]:
    """Return what the ConfigMaps say that the first container of a pod's spec takes whole."""
    values: dict[str, str] = {}
    for item in pod["containers"][0].get("envFrom", []):
        if "configMapRef" in item:
            values |= kubectl.get("configmap", item["configMapRef"]["name"])["data"]
    return values
