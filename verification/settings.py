"""The harness's settings, read from the environment as the services' are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from marshmallow import fields, validate

from common.settings import setting

PREFIXES = ("VERIFY_",)
NAMESPACE = "rtb"
# The overlay as it runs on one machine: with a port for the host, and a Kafka that waits less.
_ON_KIND = {"kind": "kind", "ha": "kind-ha"}


@dataclass(frozen=True)
class HarnessSettings:
    """Which cluster, from which images, reached through which port."""

    cluster: str = setting(
        "VERIFY_CLUSTER",
        fields.String(
            validate=validate.Regexp(re.compile(r"^[a-z0-9][a-z0-9.-]*\Z"), error="Not a name.")
        ),
        doc="Name of the kind cluster that the harness makes, uses and removes.",
        default="rtb-verify",
    )
    overlay: str = setting(
        "VERIFY_OVERLAY",
        fields.String(validate=validate.OneOf(["kind", "ha"])),
        doc="What is deployed: `kind` (one broker) or `ha` (three, as `overlays/kind-ha`).",
        default="kind",
    )
    state_dir: str = setting(
        "VERIFY_DIR",
        fields.String(validate=validate.Length(min=1)),
        doc="Folder for the kubeconfig, the reports and the diagnostics.",
        default=".verification",
    )
    node_image: str = setting(
        "KIND_NODE_IMAGE",
        fields.String(validate=validate.Length(min=1)),
        doc="Kubernetes node image, always passed to kind explicitly.",
        default="kindest/node:v1.34.3",
    )
    ingest_port: int = setting(
        "INGEST_PORT",
        fields.Integer(validate=validate.Range(1, 65_535)),
        doc="Port on 127.0.0.1 that leads to the ingest in the cluster.",
        default="8080",
    )
    python_image: str = setting(
        "PYTHON_IMAGE",
        fields.String(validate=validate.Length(min=1)),
        doc="Base image of the two service images.",
        default="python:3.13-slim-bookworm",
    )

    @property
    def context(self) -> str:
        """The kubeconfig context that kind gives the cluster."""
        return f"kind-{self.cluster}"

    @property
    def overlay_path(self) -> Path:
        """The folder that is deployed, below the project's root."""
        return Path("manifests") / "overlays" / _ON_KIND[self.overlay]

    @property
    def namespace(self) -> str:
        """The namespace that the manifests create."""
        return NAMESPACE

    def folder(self, root: Path) -> Path:
        """Return the state folder; a relative one lies in the project's `root`."""
        return root / self.state_dir
