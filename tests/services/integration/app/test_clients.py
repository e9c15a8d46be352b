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

pytestmark = pytest.mark.promise("acknowledged")

CLIENTS = Path(__file__).parents[2] / "clients"
BIDS = 50
_PATIENCE_S = 120


@pytest.mark.parametrize(
    "program",
    [
        pytest.param((sys.executable, "post.py"), id="python"),
        pytest.param(("node", "post.js"), id="node", marks=pytest.mark.nodejs),
        pytest.param(("go", "run", "post.go"), id="go", marks=pytest.mark.golang),
        # which trips over a second 100 Continue
        pytest.param(("java", "Post.java"), id="java", marks=pytest.mark.jdk),
    ],
)
def test_it_waits_for_100_continue(
    service: Service, kafka: Kafka, program: tuple[str, ...]
) -> None:
    """Bids are taken over one connection, after one 100 Continue each, and lie on the topic."""
    prefix = Path(program[0]).name
    done = subprocess.run(
        [*program, str(service.ingest.port), prefix, str(BIDS)],
        cwd=CLIENTS,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["202"] * BIDS), done.stderr
    keys = [r.key.decode() for r in read_all(kafka.bootstrap_servers, service.topic)]
    own = Counter(key for key in keys if key.startswith(f"{prefix}-"))
    assert own == Counter(f"{prefix}-{number}" for number in range(BIDS))
