"""Prometheus's API as the check of the monitoring component asks it."""

from __future__ import annotations

import json

_NAME = "ingest:in_flight:ratio"


def prometheus_page(url: str, faults: set[str]) -> str:
    """Answer for a Prometheus with two targets, one recorded query and one alert."""
    if "/api/v1/targets" in url:
        health = "down" if "scrapes nothing" in faults else "up"
        jobs = ("ingest", "bidding-logic", "prometheus")
        return _data(activeTargets=[{"labels": {"job": job}, "health": health} for job in jobs])
    if "/api/v1/rules" in url:
        error = {"health": "err", "lastError": "many-to-many matching"}
        alert = {"name": "TargetMissing", "type": "alerting", "health": "ok"}
        alert |= error if "a broken rule" in faults else {}
        rules = [{"name": _NAME, "type": "recording", "health": "ok"}, alert]
        return _data(groups=[] if "no rules" in faults else [{"rules": rules}])
    value = "NaN" if "records NaN" in faults else "0.25"
    series = {"metric": {"__name__": _NAME}, "value": [1.0, value]}
    return _data(result=[] if "records nothing" in faults else [series])


def _data(**data: object) -> str:
    return json.dumps({"status": "success", "data": data})
