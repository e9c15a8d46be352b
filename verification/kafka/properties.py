"""The broker's configuration: one node, both roles, on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"
NODE_ID = 1


def server_properties(
    log_dir: Path, port: int, controller_port: int, further: Mapping[str, str]
) -> str:
    """Return a `server.properties` for one combined KRaft node that keeps its data in `log_dir`.

    `further` adds to the settings of every node, or replaces them; its `listeners` come beside the
    node's own two, BROKER and CONTROLLER.
    """
    listeners = [f"BROKER://{HOST}:{port}", f"CONTROLLER://{HOST}:{controller_port}"]
    if "listeners" in further:
        listeners.append(further["listeners"])
    settings = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "BROKER",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": _escaped(log_dir),
        "auto.create.topics.enable": "false",
        # One node holds one copy of everything.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # Small and quick rather than fit for a fleet.
        "group.initial.rebalance.delay.ms": 0,
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
        **further,
        "listeners": ",".join(listeners),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\")
