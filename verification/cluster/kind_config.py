"""The configuration that the kind cluster is made of."""

from __future__ import annotations

import hashlib
from typing import Any

import yaml

from verification.settings import HarnessSettings

NODE_PORT = 30080


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
    """One node, and one port of 127.0.0.1 that leads to the ingest."""
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
    }
