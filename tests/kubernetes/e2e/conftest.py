"""One session for all end-to-end tests: the same cluster that `make verify` would use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from verification.checklist.support.check import Needs
from verification.checklist.support.context import Context
from verification.cli import Console
from verification.cluster.waiting import SilentProgress
from verification.commands.cluster_context import context_of
from verification.errors import HarnessError
from verification.session import Session


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these tests out unless `-m e2e` asks for them: they take a cluster and minutes."""
    wanted = "e2e" in str(config.option.markexpr)
    return None if wanted or collection_path.is_dir() else True


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    """Prepare nothing yet; afterwards remove the cluster, if these tests have made it."""
    console = Console(os.environ, sys.stdout, sys.stderr, sys.stdout.buffer)
    session = Session(context_of(console, SilentProgress()))
    yield session
    session.context.underway.close()
    if session.made_cluster:
        session.take_down()
        assert not session.context.kind.exists()
        assert not session.context.kubeconfig.exists()


@pytest.fixture
def deployed(session: Session) -> Context:
    """Bring the deployment up, once; fail without a traceback where it does not come up."""
    try:
        return session.prepare(Needs.DEPLOYMENT)
    except HarnessError as error:
        pytest.fail(f"there is no deployment to look at: {error}", pytrace=False)
