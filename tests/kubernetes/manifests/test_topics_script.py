"""The script that creates the topics, with tools that only note how they are called."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from verification.project import ROOT

pytestmark = pytest.mark.promise("deployed")

_SCRIPT = ROOT / "manifests" / "base" / "kafka" / "create-topics.sh"
_TOOL = """\
#!/bin/sh
echo "$0 $*" >> "{folder}/calls"
{body}
"""
_ROW = "# a comment\nbids 6 1 1 1000\n"
_CONFIG = "min.insync.replicas=1 --config retention.ms=1000 --config message.timestamp.type="


class Tools:
    """The script beside tools of ours, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        text = _SCRIPT.read_text(encoding="utf-8").replace("/opt/kafka/bin", str(folder))
        (folder / "create-topics.sh").write_text(text, encoding="utf-8")
        (folder / "topics.txt").write_text(_ROW, encoding="utf-8")
        self.write("kafka-topics.sh", "")
        self.write("kafka-configs.sh", "")

    def write(self, name: str, body: str) -> None:
        """Let a tool do something."""
        file = self._folder / name
        file.write_text(_TOOL.format(folder=self._folder, body=body), encoding="utf-8")
        file.chmod(0o755)

    def run(self) -> tuple[list[str], list[str]]:
        """Run the script; return the calls, and the events that it logged."""
        script = self._folder / "create-topics.sh"
        environ = {"PATH": "/usr/bin:/bin", "KAFKA_BROKERS": "kafka:1"}
        done = subprocess.run(
            ["/bin/sh", script], env=environ, capture_output=True, timeout=60, check=True
        )
        calls = (self._folder / "calls").read_text(encoding="utf-8").splitlines()
        return calls, [json.loads(line)["event"] for line in done.stdout.splitlines()]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """Have one topic to create."""
    return Tools(tmp_path)


def test_a_new_topic_has_its_configuration_at_once(tools: Tools) -> None:
    """A topic that is created is not configured a second time, and what was done is logged."""
    tools.write("kafka-topics.sh", "echo 'Created topic \"bids\".'")
    calls, events = tools.run()
    assert len(calls) == 1
    assert "--create --if-not-exists --topic bids --partitions 6 --replication-factor 1" in calls[0]
    assert _CONFIG in calls[0]
    assert events == ['Created topic "bids".']


@pytest.mark.parametrize("said", ["", "echo WARNING: periods"])
def test_a_topic_that_is_there_gets_its_configuration(tools: Tools, said: str) -> None:
    """A topic that was there before is configured as the list says now."""
    tools.write("kafka-topics.sh", said)
    calls, events = tools.run()
    assert "--alter --entity-type topics --entity-name bids --add-config" in calls[1]
    assert "retention.ms=1000" in calls[1]
    assert events == [said.removeprefix("echo ")] * bool(said)


@pytest.mark.parametrize("tool", ["kafka-topics.sh", "kafka-configs.sh"])
def test_repeated_until_taken(tools: Tools, tmp_path: Path, tool: str) -> None:
    """As long as one of the tools fails, all is tried again, and why is logged."""
    again = f'[ -e "{tmp_path}/again" ] || {{ touch "{tmp_path}/again"; echo no broker; exit 1; }}'
    tools.write(tool, again)
    calls, events = tools.run()
    assert sum("--create" in call for call in calls) == 2
    assert sum("--alter" in call for call in calls) == 1 + (tool == "kafka-configs.sh")
    assert events == ["no broker"]


def test_a_list_without_topics_is_a_fault(tools: Tools, tmp_path: Path) -> None:
    """Without a list nothing is created, and that is no success."""
    (tmp_path / "topics.txt").write_text("", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        tools.run()
