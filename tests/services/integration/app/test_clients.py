"""HTTP clients of other languages, each with its own idea of keep-alive and of `Expect`."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.services.conftest import Kafka
from tests.services.integration.app.conftest import Service
from tests.support.topics import read_all

CLIENTS = Path(__file__).parents[2] / "clients"
BIDS = 50
_PATIENCE_S = 120


def posted(service: Service, prefix: str, *program: str) -> list[str]:
    """Return what a client prints: the statuses of its answers; fail with what it complains of."""
    argv = [*program, str(service.ingest.port), prefix, str(BIDS)]
    done = subprocess.run(
        argv, cwd=CLIENTS, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def assert_all_taken(service: Service, kafka: Kafka, prefix: str, statuses: list[str]) -> None:
    """Each bid was answered with 202 and lies on the topic once."""
    assert statuses == ["202"] * BIDS
    keys = [r.key.decode() for r in read_all(kafka.bootstrap_servers, service.topic)]
    own = Counter(key for key in keys if key.startswith(f"{prefix}-"))
    assert own == Counter(f"{prefix}-{number}" for number in range(BIDS))


def test_python_waits_for_100_continue(service: Service, kafka: Kafka) -> None:
    """Bids of Python's http.client are taken over one connection, after one 100 Continue each."""
    statuses = posted(service, "python", sys.executable, "post.py")
    assert_all_taken(service, kafka, "python", statuses)


@pytest.mark.usefixtures("nodejs")
def test_node_waits_for_100_continue(service: Service, kafka: Kafka) -> None:
    """Bids of Node's http are taken over one connection, after one 100 Continue each."""
    assert_all_taken(service, kafka, "node", posted(service, "node", "node", "post.js"))


@pytest.mark.usefixtures("golang")
def test_go_waits_for_100_continue(service: Service, kafka: Kafka) -> None:
    """Bids of Go's net/http are taken over one connection, after one 100 Continue each."""
    assert_all_taken(service, kafka, "go", posted(service, "go", "go", "run", "post.go"))


@pytest.mark.usefixtures("jdk")
def test_java_waits_for_100_continue(service: Service, kafka: Kafka) -> None:
    """Bids of Java's HttpClient, which trips over a second 100 Continue, are taken."""
    assert_all_taken(service, kafka, "java", posted(service, "java", "java", "Post.java"))
