"""The embedded Kafka, ready to be used from a test or a command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from verification.kafka.node import Node
from verification.kafka.runtime import Runtime, prepare
from verification.kafka.training import train


class EmbeddedKafka(Node):
    """A real Kafka broker on loopback; `with EmbeddedKafka(folder) as kafka:` runs one.

    Without a `runtime`, Java and the jars are provided first: from the user's cache, at the very
    first time from a Maven repository. Raises CannotRunError when they cannot be had.
    """

    def __init__(
        self,
        data_dir: Path,
        runtime: Runtime | None = None,
        *,
        port: int | None = None,
        environ: Mapping[str, str] | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Prepare a broker with its data in `data_dir`; without a port, a free one is taken.

        `settings` are further lines of its `server.properties`.
        """
        environ = os.environ if environ is None else environ
        runtime = runtime or prepare(environ, train)
        super().__init__(data_dir, runtime, port=port, environ=environ, settings=settings)
