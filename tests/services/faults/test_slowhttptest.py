"""slowhttptest, which knows four ways to be slow: the service stays available through each."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.ingest import PATIENT
from tests.support.scenario import scenario
from tests.support.stage import Stage

pytestmark = [pytest.mark.timing, pytest.mark.usefixtures("slowhttptest")]

SECONDS = 6
CONNECTIONS = 500
ATTACKS = {
    "headers": ["-H", "-i", "1", "-t", "GET", "-x", "24"],
    "body": ["-B", "-i", "1", "-t", "POST", "-s", "8192", "-x", "10"],
    "ranges": ["-R", "-a", "10", "-b", "3000", "-t", "HEAD"],
    "reading": ["-X", "-n", "2", "-w", "1", "-y", "16", "-z", "4", "-k", "10"],
}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_AVAILABLE = re.compile(r"service available:\s+(\w+)")


@pytest.mark.parametrize("options", ATTACKS.values(), ids=ATTACKS)
@scenario(
    fault="slowhttptest: slow headers, slow bodies, ranges, slow reading",
    client="The attackers are sent away in time; everybody else gets 202",
    kept="Everything accepted",
    recovery="None needed",
)
def test_the_service_stays_available(stage: Stage, options: list[str]) -> None:
    """Its own probe finds the service available all the time, and so does everybody else."""
    with stage.ingest(**PATIENT) as ingest:
        workers = ingest.wait_until_ready().worker_pids()
        path = "bid" if "-B" in options else "healthz"
        argv = ["slowhttptest", *options, "-u", f"http://127.0.0.1:{ingest.port}/{path}"]
        many = ["-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", str(SECONDS), "-p", "3"]
        with stage.load(ingest) as load:
            run = subprocess.run([*argv, *many], capture_output=True, text=True, check=False)
            load.until_accepted(50)
        assert ingest.worker_pids() == workers
        assert len(stage.ledger) == len(stage.ledger.accepted)
    said = _COLOUR.sub("", run.stdout)
    assert set(_AVAILABLE.findall(said)) == {"YES"}, said[-3_000:] + run.stderr
