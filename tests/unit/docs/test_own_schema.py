"""The examples in docs/validation.md: a refusal, and a schema of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.problems import InvalidBidRequest
from app.settings import build_validation, load_settings
from tests.support.pages import blocks
from tests.unit.app.openrtb.full_request import full


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saved as ours.py, it accepts and refuses what the page says."""
    (code,) = blocks("docs/validation.md", "python")
    (tmp_path / "ours.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    judge = build_validation(load_settings({"BID_SCHEMA": "ours:OurRequest"}))
    for seats in ({"names": ["a"]}, {"group": "b"}, {"group": "b", "more": 1}):
        judge({**full(), "ext": seats})
    for ext, path in ((None, "ext"), ({}, "ext"), ({"names": []}, "ext"), ("a", "ext")):
        with pytest.raises(InvalidBidRequest) as refused:
            judge({**full(), "ext": ext})
        assert refused.value.violations[0].path == path
    with pytest.raises(InvalidBidRequest) as refused:
        judge({**full(), "ext": {"names": [""]}})
    assert refused.value.violations[0].path == "ext.names[0]"


def test_the_refusal() -> None:
    """A video without its mimes is refused in the words of the page."""
    (shown,) = blocks("docs/validation.md", "json")
    judge = build_validation(load_settings({}))
    request = full()
    del request["imp"][0]["video"]["mimes"]
    with pytest.raises(InvalidBidRequest) as refused:
        judge(request)
    assert refused.value.document() == json.loads(shown)
