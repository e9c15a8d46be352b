"""How to install what the harness needs."""

from __future__ import annotations

INSTALL_HINTS = {
    "docker": "install Docker Engine (https://docs.docker.com/engine/install/) and start it",
    "kind": (
        "install kind: `go install sigs.k8s.io/kind@v0.33.0`, or see "
        "https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
    ),
    "kubectl": "install kubectl 1.34: https://kubernetes.io/docs/tasks/tools/#kubectl",
}
