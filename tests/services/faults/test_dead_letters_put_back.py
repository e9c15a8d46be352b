"""`python -m consumer dlq`: a person looks at dead letters and puts them back."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.pipeline import Pipeline
from tests.support.scenario import scenario
from tests.support.topics import read_all
from tests.support.waiting import eventually
from verification.project import ROOT

pytestmark = pytest.mark.timing

POISON = [b"{%d" % number for number in range(5)]


def dlq(pipeline: Pipeline, *arguments: str) -> list[str]:
    """Run the command and return its lines; fail where it fails."""
    consumer = pipeline.consumer("-m", "consumer", "dlq", *arguments)
    run = subprocess.run(
        [sys.executable, "-m", "consumer", "dlq", *arguments],
        cwd=ROOT,
        env=consumer.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


class TestPutBack:
    """After the cause is mended."""

    @scenario(
        fault="A person replays the dead letters, twice",
        client="Nothing",
        kept="Each is put back once, with its bytes, key and headers",
        recovery="`python -m consumer dlq replay`",
    )
    def test_each_dead_letter_goes_back_once(self, pipeline: Pipeline) -> None:
        """Listed, shown and put back; a second replay finds nothing left to do."""
        pipeline.send(*POISON)
        with pipeline.consumer() as consumer:
            eventually(lambda: pipeline.committed() == 5, "the dead letters", 60)
            assert consumer.terminate() == 0
        listed = [json.loads(line) for line in dlq(pipeline, "list")]
        assert [line["reason"] for line in listed] == ["not-json"] * 5
        partition, offset = listed[2]["at"].split(":")
        assert dlq(pipeline, "show", partition, offset)[-1] == POISON[2].decode()
        replayed = [json.loads(dlq(pipeline, "replay")[0])["replayed"] for _ in range(2)]
        assert replayed == [5, 0]
        records = read_all(pipeline.brokers, pipeline.requests)
        assert sorted(record.value for record in records) == sorted(POISON * 2)
        back = [record for record in records if "dlq-replayed" in dict(record.headers)]
        assert len(back) == 5
        assert {record.key for record in back} == {b"r-1"}
        assert all(
            {name for name, _ in record.headers} == {"received-at", "dlq-replayed"}
            for record in back
        )
