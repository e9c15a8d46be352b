"""The runbook's commands, typed as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from verification.checklist.registry import CHECKS
from verification.checklist.support.check import Check
from verification.checklist.support.context import Context
from verification.checklist.support.under_load import recover
from verification.reports.runbook_page import PREAMBLE

pytestmark = [pytest.mark.e2e, pytest.mark.promise("documented")]

_DISTURBING = {"resilience", "configuration", "scaling"}
_TIMEOUT_S = 240


def script(check: Check, context: Context) -> str:
    """Return the commands for bash; the first one that does not end with status 0 ends them.

    What differs is what a setting has changed: the cluster's name, the port and the folder of its
    state. A whole run of the harness by itself would be this test in itself: its line is looked up
    only.
    """
    lines = [f"{{ {line}\n}} || exit 1" for line in check.by_hand]
    text = "\n".join([PREAMBLE, *lines])
    text = re.sub(
        r"python -m verification verify (\S+) --keep", r"python -m verification checks \1", text
    )
    settings = context.settings
    for written, meant in (
        ("$PWD/.verification/kubeconfig", str(context.kubeconfig)),
        (".verification/overlay", str(settings.folder(context.root) / "overlay")),
        ("$PWD/.venv/verify/bin", str(Path(sys.executable).parent)),
        ("rtb-verify", settings.cluster),
        ("localhost:8080", f"localhost:{settings.ingest_port}"),
        ("sport = :8080", f"sport = :{settings.ingest_port}"),
    ):
        text = text.replace(written, meant)
    return text


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_by_hand(check: Check, deployed: Context) -> None:
    """Every command of the check ends with status 0 in the deployment that is well."""
    done = subprocess.run(
        ["bash", "-c", script(check, deployed)],
        cwd=deployed.root,
        env={**os.environ, "KUBECACHEDIR": str(deployed.folder / "kubectl-cache")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if check.category in _DISTURBING:
        recover(deployed)
    said = (done.stdout[-1500:] + done.stderr[-1500:]).decode(errors="replace")
    if done.returncode != 0:
        pytest.fail("\n".join([*check.by_hand, said]), pytrace=False)
