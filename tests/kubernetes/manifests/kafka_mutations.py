"""Wrong brokers and topics."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kubernetes.manifests.changes import CONTAINER, Path, drop, put, remove, replace, setting
from tests.kubernetes.manifests.mutation import KAFKA, TOPICS, Mutation


def _kafka() -> Iterator[Mutation]:
    """Yield brokers that could lose records or not start, on one broker and on three."""
    for overlay in ("kind", "ha"):
        for name, value in (
            ("KAFKA_DEFAULT_REPLICATION_FACTOR", "2"),
            ("KAFKA_MIN_INSYNC_REPLICAS", "3"),
            ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "2"),
            ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "2"),
            ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "3"),
            ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "2"),
            ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "3"),
        ):
            change = setting("kafka", name, value)
            yield Mutation(f"{overlay}: {name}={value}", "static.kafka-copies", change, overlay)
        more = put(*KAFKA, ("spec", "replicas"), 5)
        yield Mutation(f"{overlay}: more brokers than voters", "static.kafka-quorum", more, overlay)
        one = setting("kafka", "KAFKA_CONTROLLER_QUORUM_VOTERS", "1@kafka-1.kafka-headless:9093")
        yield Mutation(f"{overlay}: other voters", "static.kafka-quorum", one, overlay)
        for name, rule in (
            ("KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE", "static.kafka-clean-elections"),
            ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "static.topics-declared"),
        ):
            on, unset = setting("kafka", name, "true"), setting("kafka", name, None)
            yield Mutation(f"{overlay}: {name}=true", rule, on, overlay)
            yield Mutation(f"{overlay}: {name} not stated", rule, unset, overlay)
    alone = setting("kafka", "KAFKA_MIN_INSYNC_REPLICAS", "1")
    yield Mutation("ha: one copy acknowledges", "static.kafka-copies", alone, "ha")
    fewer = put(*KAFKA, ("spec", "replicas"), 1)
    yield Mutation("ha: one broker", "static.kafka-copies", fewer, "ha")
    yield from _disks()
    yield from _topics()


def _disks() -> Iterator[Mutation]:
    """Yield brokers that forget, or that write where they should not."""
    claims: Path = ("spec", "volumeClaimTemplates")
    yield Mutation("no claim", "static.kafka-on-disk", drop(*KAFKA, claims))
    elsewhere = setting("kafka", "KAFKA_LOG_DIRS", "/tmp/log")  # noqa: S108  the fault itself
    yield Mutation("log on scratch", "static.kafka-on-disk", elsewhere)
    unset = setting("kafka", "KAFKA_LOG_DIRS", None)
    yield Mutation("log where it likes", "static.kafka-on-disk", unset)
    yield Mutation("no StatefulSet", "static.kafka-is-stateful", remove(*KAFKA))
    deployment = put(*KAFKA, ("kind",), "Deployment")
    yield Mutation("brokers of a Deployment", "static.kafka-is-stateful", deployment)
    writable = drop(*KAFKA, (*CONTAINER, "volumeMounts", 4, "readOnly"))
    yield Mutation("writable image volume", "static.kafka-image-volumes", writable)
    bare = drop(*TOPICS, (*CONTAINER, "volumeMounts"))
    yield Mutation("uncovered image volumes", "static.kafka-image-volumes", bare)
    for value in ("-Xmx1g", "-Xmx900m", "-XX:+UseSerialGC"):
        change = setting("kafka", "KAFKA_HEAP_OPTS", value)
        yield Mutation(f"heap {value}", "static.kafka-heap-fits", change)
    orderly = put(*KAFKA, ("spec", "podManagementPolicy"), "OrderedReady")
    yield Mutation("brokers one by one", "static.kafka-quorum", orderly, "ha")
    for field in ("publishNotReadyAddresses", "clusterIP"):
        change = drop("Service", "kafka-headless", ("spec", field))
        yield Mutation(f"headless without {field}", "static.kafka-quorum", change)


def _topics() -> Iterator[Mutation]:
    """Yield lists of topics that are not those of the services."""
    rows: Path = ("data", "topics.txt")
    for name, old, new in (
        ("a topic misspelt", "bid_decisions ", "bid_decision  "),
        ("no dead letters", "bid_requests.dlq", "# bid_requests.dlq"),
        ("no retention", "604800000", ""),
        ("partitions in words", "6", "six"),
    ):
        change = replace("ConfigMap", "kafka-topics", rows, old, new)
        if name == "no dead letters":
            change = replace("ConfigMap", "kafka-topics", rows, f"\n{old}", f"\n{new}")
        yield Mutation(name, "static.topics-declared", change)
    other = setting("pipeline", "KAFKA_TOPIC_BID_REQUESTS", "bids")
    yield Mutation("services use another topic", "static.topics-declared", other)
    copies = replace(
        "ConfigMap", "kafka-topics", rows, " 3                   2 ", " 2                   1 "
    )
    yield Mutation("ha: topics with two copies", "static.kafka-copies", copies, "ha")


MUTATIONS = (*_kafka(),)
