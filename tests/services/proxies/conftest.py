"""Each test once behind nginx and once behind HAProxy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.proxies import Proxy

StartProxy = Callable[[int], Proxy]


@pytest.fixture(
    params=[
        pytest.param("nginx", marks=pytest.mark.nginx),
        pytest.param("haproxy", marks=pytest.mark.haproxy),
    ]
)
def start_proxy(request: pytest.FixtureRequest, tmp_path: Path) -> StartProxy:
    """Return what starts the proxy in front of a port."""
    request.getfixturevalue(request.param)
    folder = tmp_path / request.param
    folder.mkdir()
    return lambda upstream: Proxy(request.param, upstream, folder)
