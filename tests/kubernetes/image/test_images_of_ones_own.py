"""The Dockerfiles that the pages show build upon ours, and do what the pages say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.pages import blocks
from verification.project import ROOT

pytestmark = pytest.mark.promise("documented")

TRACES = """
import os, sys
from common.settings import read
from common.tracing import TracingSettings, tracer_maker
print(type(tracer_maker("ours", read(TracingSettings, os.environ), sys.stdout)()).__name__)
"""
DECIDES = """
import os
from consumer.plugins import load_plugin
from consumer.bidding.strategies import ENTRY_POINTS
print(load_plugin(ENTRY_POINTS, os.environ["BIDDING_STRATEGY"], ["decide"], {}).name)
"""


def built(page: str, base: str, folder: Path) -> str:
    """Build the only Dockerfile of a page upon the image under test; return the new one's id."""
    (text,) = blocks(page, "dockerfile")
    assert f"FROM {base}\n" in text
    done = subprocess.run(
        ["docker", "build", "--quiet", "--file", "-", folder],
        input=text.replace(f"FROM {base}\n", f"FROM {base}:test\n"),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def told(image: str, script: str) -> str:
    """Return what a script of Python prints inside the image, under the settings that it has."""
    arguments = ["docker", "run", "--rm", "--entrypoint", "python", image, "-c", script]
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.usefixtures("ingest_image")
def test_tracing() -> None:
    """The ingest with OpenTelemetry in it makes spans, as it is told to."""
    assert told(built("docs/operations.md", "rtb/ingest", ROOT), TRACES) == "OtelTracer"


@pytest.mark.usefixtures("consumer_image")
def test_a_strategy_of_ones_own(tmp_path: Path) -> None:
    """The bidding logic with the page's strategy in it finds it by the name that is set."""
    (tmp_path / "ours").mkdir()
    code, *_ = blocks("docs/strategies.md", "python")
    (tmp_path / "ours" / "strategy.py").write_text(code, encoding="utf-8")
    assert told(built("docs/strategies.md", "rtb/consumer", tmp_path), DECIDES) == "first_only"
