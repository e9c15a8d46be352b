"""The context of the cluster's commands, from the environment."""

from __future__ import annotations

import uuid

from common.settings import load
from verification.checklist.support.context import Context
from verification.checklist.support.host import LocalHost
from verification.cli import Console
from verification.clock import SystemClock
from verification.cluster.tools.process import SubprocessRunner
from verification.cluster.waiting import Progress
from verification.project import ROOT
from verification.settings import PREFIXES, HarnessSettings
from verification.traffic.http import IngestHttp


def context_of(console: Console, progress: Progress) -> Context:
    """Build the context of a run from the environment."""
    settings = load(HarnessSettings, console.environ, PREFIXES)
    # kubectl would keep what it has learnt of the cluster in the user's ~/.kube/cache
    own = {"KUBECACHEDIR": str(settings.folder(ROOT) / "kubectl-cache")}
    return Context(
        root=ROOT,
        settings=settings,
        runner=SubprocessRunner({**console.environ, **own}, ROOT),
        clock=SystemClock(),
        progress=progress,
        host=LocalHost(),
        http=IngestHttp(settings.ingest_port),
        run_id=f"v{uuid.uuid4().hex[:8]}",
    )
