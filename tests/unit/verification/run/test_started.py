"""What a run was started with is known in another terminal, for as long as it lives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from verification.run.started import in_force, noted

pytestmark = [pytest.mark.timing, pytest.mark.promise("two-commands")]

_RUN = """
import json, sys, time
from pathlib import Path
from verification.run.started import noted
with noted(json.loads(sys.argv[1]), Path(sys.argv[2])):
    print("noted", flush=True)
    time.sleep(60)
"""


@contextmanager
def another(folder: Path, **environ: str) -> Iterator[None]:
    """Note the settings in another process; kill it afterwards."""
    command = [sys.executable, "-c", _RUN, json.dumps(environ), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.kill()


def test_settings_of_a_run(tmp_path: Path) -> None:
    """Names and ports of a run are in force until it ends, the terminal's own settings besides."""
    folder = tmp_path / "runs"
    started = {"KAFKA_TOPIC_BID_REQUESTS": "bids", "INGEST_PORT": "1234"}
    own = {"PATH": "/bin", "BIDDING_PRICE": "2"}
    assert in_force(own, folder) == own
    with noted({**started, "PATH": "/other"}, folder):
        found = in_force(own, folder)
        assert {name: found[name] for name in (*started, *own)} == {**started, **own}
        assert found["KAFKA_CONSUMER_GROUP"] == "bidding-logic"
    assert in_force(own, folder) == own


@pytest.mark.promise("secured")
def test_secrets_are_not_noted(tmp_path: Path) -> None:
    """No password is written down."""
    with noted({"KAFKA_SASL_PASSWORD": "hush", "KAFKA_SSL_PASSWORD_FILE": "hush"}, tmp_path):
        (file,) = tmp_path.iterdir()
        assert "hush" not in file.read_text(encoding="utf-8")
        assert not {name for name in in_force({}, tmp_path) if "PASSWORD" in name}


def test_a_run_that_was_killed_is_forgotten(tmp_path: Path) -> None:
    """What kill -9 has left is not believed, and removed by the next run."""
    with another(tmp_path, INGEST_PORT="1"):
        assert in_force({}, tmp_path)["INGEST_PORT"] == "1"
    assert len([*tmp_path.iterdir()]) == 1
    assert in_force({}, tmp_path) == {}
    with noted({"INGEST_PORT": "2"}, tmp_path):
        assert len([*tmp_path.iterdir()]) == 1


@pytest.mark.parametrize(("port", "topic"), [("", "second"), ("1", "first"), ("3", None)])
def test_of_several_runs(tmp_path: Path, port: str, topic: str | None) -> None:
    """The newest run is meant, but never one that was started otherwise than one says."""
    own = {"INGEST_PORT": port} if port else {}
    with (
        another(tmp_path, INGEST_PORT="1", KAFKA_TOPIC_BID_REQUESTS="first"),
        noted({"INGEST_PORT": "2", "KAFKA_TOPIC_BID_REQUESTS": "second"}, tmp_path),
    ):
        assert in_force(own, tmp_path).get("KAFKA_TOPIC_BID_REQUESTS") == topic
