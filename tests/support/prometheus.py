"""Prometheus itself and its promtool, from the Debian package `prometheus`."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from tests.support.waiting import eventually
from verification.project import ROOT
from verification.run.ports import free_port

MONITORING = ROOT / "manifests" / "components" / "monitoring"


def promtool(*arguments: str, stdin: str = "", folder: Path | None = None) -> tuple[int, str]:
    argv = ["promtool", *arguments]
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, cwd=folder
    )
    return done.returncode, done.stdout + done.stderr


class PrometheusProcess:
    """Prometheus with the rules and jobs of the manifests, for services on this machine."""

    def __init__(self, folder: Path, targets: Mapping[str, str]) -> None:
        self._folder = folder
        self._port = free_port()
        text = (MONITORING / "prometheus.yaml").read_text(encoding="utf-8")
        configuration = yaml.safe_load(text)
        configuration["global"] |= dict.fromkeys(("scrape_interval", "evaluation_interval"), "1s")
        configuration["global"]["scrape_timeout"] = "1s"
        configuration["rule_files"] = [str(MONITORING / "rules" / "*.yaml")]
        configuration["scrape_configs"] = [
            {"job_name": job["job_name"], "static_configs": [{"targets": [address]}]}
            for job in configuration["scrape_configs"]
            if (address := targets.get(job["job_name"])) is not None
        ]
        self._configuration = folder / "prometheus.yaml"
        self._configuration.write_text(yaml.safe_dump(configuration), encoding="utf-8")

    def __enter__(self) -> Self:
        """Start it; returns once it answers."""
        with (self._folder / "prometheus.log").open("wb") as out:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._configuration}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stderr=out,
                stdout=out,
            )
        eventually(self._ready, "Prometheus to be ready", 60)
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop it."""
        self._process.terminate()
        assert self._process.wait(timeout=60) == 0

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401  JSON
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def _ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            url = f"http://127.0.0.1:{self._port}/-/ready"
            with urllib.request.urlopen(url, timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
