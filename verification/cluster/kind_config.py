"""The configuration that the kind cluster is made of."""

from __future__ import annotations

import hashlib
from typing import Any

import yaml

from verification.settings import HarnessSettings

NODE_PORT = 30080
# How often the controller manager looks at autoscalers, and the kubelet at what containers use:
# the defaults, 15 s and 10 s, are for large clusters. A Kubernetes whose kubeadm has left v1beta3
# behind keeps them.
_OFTEN = "5s"
_KUBEADM = {"apiVersion": "kubeadm.k8s.io/v1beta3"}
_PATCHES = (
    {
        **_KUBEADM,
        "kind": "ClusterConfiguration",
        "controllerManager": {"extraArgs": {"horizontal-pod-autoscaler-sync-period": _OFTEN}},
    },
    {
        **_KUBEADM,
        "kind": "InitConfiguration",
        "nodeRegistration": {"kubeletExtraArgs": {"housekeeping-interval": _OFTEN}},
    },
)
HASH_LABEL = "rtb-verify/configuration"


def kind_config(settings: HarnessSettings) -> str:
    """Return kind's YAML; the node carries its configuration's hash as a label."""
    config = _config(settings)
    config["nodes"][0]["labels"] = {HASH_LABEL: config_hash(settings)}
    return yaml.safe_dump(config, sort_keys=False)


def config_hash(settings: HarnessSettings) -> str:
    """Return what tells one cluster from another: node image, configuration, and what runs in it.

    A Kafka of one broker does not become one of three, so each overlay has a cluster of its own.
    """
    text = f"{settings.node_image}\n{settings.overlay}\n{yaml.safe_dump(_config(settings))}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _config(settings: HarnessSettings) -> dict[str, Any]:
    """One node that looks often, and one port of 127.0.0.1 that leads to the ingest."""
    mapping = {
        "containerPort": NODE_PORT,
        "hostPort": settings.ingest_port,
        "listenAddress": "127.0.0.1",
        "protocol": "TCP",
    }
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane", "extraPortMappings": [mapping]}],
        "kubeadmConfigPatches": [yaml.safe_dump(patch) for patch in _PATCHES],
    }
