"""What probes and scrapers are answered."""

from __future__ import annotations

import http.client
import json
from http import HTTPStatus

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from consumer.health.health import Health
from consumer.health.server import Answer, answer, serving
from consumer.metrics import TABLE, ConsumerMetrics
from tests.support.fakes.consumer_clock import FakeTime

pytestmark = pytest.mark.timing


class TestHealth:
    """Alive is who goes round; ready is who has no reason not to be."""

    def setup_method(self) -> None:
        """Begin with a beat."""
        self.time = FakeTime()
        self.health = Health(60, self.time.clock.monotonic)

    def test_it_is_alive_as_long_as_it_beats(self) -> None:
        """Silence of a minute is borne, more is not, and a beat mends it."""
        self.time.now_s += 60
        assert self.health.alive()
        self.time.now_s += 1
        assert not self.health.alive()
        self.health.beat()
        assert self.health.alive()

    def test_hindrances_are_named_until_they_are_cleared(self) -> None:
        """The latest word on each hindrance counts."""
        self.health.hinder("kafka", "away")
        self.health.hinder("sinks", "slow")
        self.health.hinder("kafka", "still away")
        assert self.health.reasons() == ["kafka: still away", "sinks: slow"]
        self.health.clear("kafka")
        self.health.clear("never there")
        assert self.health.reasons() == ["sinks: slow"]

    def test_hindrances_do_not_touch_liveness(self) -> None:
        """A Kafka that is away must not get the process killed."""
        self.health.hinder("kafka", "away")
        assert self.health.alive()


class TestAnswers:
    """Three paths and a 404."""

    def setup_method(self) -> None:
        """Begin alive and ready."""
        self.time = FakeTime()
        self.health = Health(60, self.time.clock.monotonic)
        self.registry = CollectorRegistry()

    def ask(self, path: str) -> Answer:
        """GET a path."""
        return answer(path, self.health, self.registry)

    def test_alive_is_200(self) -> None:
        """While it beats /healthz says so, whatever the query."""
        assert self.ask("/healthz?verbose=1").status is HTTPStatus.OK

    def test_stuck_is_503_and_says_for_how_long(self) -> None:
        """A loop that does not go round is named."""
        self.time.now_s += 61
        given = self.ask("/healthz")
        assert given.status is HTTPStatus.SERVICE_UNAVAILABLE
        assert "not gone round for 61 s" in json.loads(given.body)["reasons"][0]

    def test_ready_is_200(self) -> None:
        """Without hindrances /readyz says so."""
        assert (self.ask("/readyz").status, self.ask("/readyz").body) == (
            HTTPStatus.OK,
            b'{"status": "ready"}',
        )

    def test_not_ready_is_503_with_the_reasons(self) -> None:
        """Each reason is in the body."""
        self.health.hinder("kafka", "away")
        given = self.ask("/readyz")
        assert given.status is HTTPStatus.SERVICE_UNAVAILABLE
        assert json.loads(given.body) == {"status": "not ready", "reasons": ["kafka: away"]}

    def test_metrics_hold_every_row_of_the_table(self) -> None:
        """What is documented is exposed, under the same name."""
        ConsumerMetrics(self.registry)
        exposed = self.ask("/metrics").body.decode()
        for row in TABLE:
            assert f"# HELP {row.name} {row.doc}" in exposed

    def test_another_path_is_404(self) -> None:
        """There is nothing else."""
        assert self.ask("/").status is HTTPStatus.NOT_FOUND


class TestServing:
    """The server answers beside the loop."""

    def test_it_serves_over_http_and_stops(self, capfd: pytest.CaptureFixture[str]) -> None:
        """A request is answered, logged for debugging alone, and the port free afterwards."""
        health = Health(60, FakeTime().clock.monotonic)
        with (
            capture_logs() as logged,
            serving("127.0.0.1", 0, health, CollectorRegistry()) as (host, port),
        ):
            connection = http.client.HTTPConnection(host, port, timeout=5)
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b'{"status": "ready"}')
            assert response.getheader("Content-Type") == "application/json"
            connection.close()
        assert capfd.readouterr() == ("", "")
        assert [line["log_level"] for line in logged] == ["debug"]
        with pytest.raises(OSError, match="refused"):
            http.client.HTTPConnection(host, port, timeout=5).connect()

    def test_a_taken_port_is_an_os_error(self) -> None:
        """The composition root turns it into a line that names the setting."""
        health = Health(60, FakeTime().clock.monotonic)
        with (
            serving("127.0.0.1", 0, health, CollectorRegistry()) as (host, port),
            pytest.raises(OSError, match="in use"),
            serving(host, port, health, CollectorRegistry()),
        ):
            pass
