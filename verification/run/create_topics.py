"""The topics of the pipeline, created where they are missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from verification.errors import CannotRunError
from verification.run.reach import require_answer

TIMEOUT_MS = 15_000
# By the brokers' clock: with a wrong one, a client's records would be refused as too far ahead, or
# deleted as too old.
_CONFIGS = {"message.timestamp.type": "LogAppendTime"}


def create_topics(client_options: Mapping[str, Any], partitions: Mapping[str, int]) -> list[str]:
    """Create the topics that are missing and return their names; existing ones are left alone.

    `client_options` are kafka-python's, `partitions` maps a topic's name to its number of
    partitions. Raises CannotRunError when the cluster cannot be reached or refuses.
    """
    require_answer(client_options)
    try:
        admin = KafkaAdminClient(**client_options, bootstrap_timeout_ms=TIMEOUT_MS)
        try:
            there = set(admin.list_topics())
            missing = [name for name in partitions if name not in there]
            for name in missing:
                create_one(admin, name, partitions[name])
        finally:
            admin.close()
    except KafkaError as error:
        where = client_options.get("bootstrap_servers")
        message = f"Kafka at {where}: topics cannot be created: {error}"
        raise CannotRunError(message) from error
    return missing


def create_one(admin: KafkaAdminClient, name: str, partitions: int) -> None:
    """Create a topic, unless somebody has just been quicker."""
    options = {"num_partitions": partitions, "configs": _CONFIGS}
    try:
        admin.create_topics({name: options}, timeout_ms=TIMEOUT_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return
