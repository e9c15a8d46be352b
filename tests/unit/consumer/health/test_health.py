"""What probes and scrapers are answered."""

from __future__ import annotations

import http.client
import json
from http import HTTPStatus

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from common.kafka_reasons import BrokerTroubles
from consumer.health.health import Health
from consumer.health.server import Answer, answer, serve
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
        self.health.set_not_ready("kafka", "away")
        self.health.set_not_ready("sinks", "slow")
        self.health.set_not_ready("kafka", "still away")
        assert self.health.not_ready() == ["kafka: still away", "sinks: slow"]
        self.health.set_ready("kafka")
        self.health.set_ready("never there")
        assert self.health.not_ready() == ["sinks: slow"]

    def test_hindrances_are_logged_as_they_change(self) -> None:
        """Not ready, and ready again, with what and why; what every start has is no line."""
        with capture_logs() as logged:
            self.health.set_not_ready("partitions", "not yet", expected=True)
            self.health.set_ready("partitions")
            for _ in range(100):
                self.health.set_not_ready("kafka", "away")
            self.health.set_ready("kafka")
        assert [(line["event"], line["what"]) for line in logged] == [
            ("not ready", "kafka"),
            ("ready again", "kafka"),
        ]
        assert (logged[0]["why"], logged[1]["times"]) == ("away", 100)

    def test_brokers_that_are_not_reached_are_named_beside_what_they_hinder(self) -> None:
        """One of several is no reason by itself; it may well be the cause of another."""
        troubles = BrokerTroubles()
        self.health.watch(troubles)
        troubles.note_reached("a:1")
        troubles.note_failed("b:1", "connection refused")
        assert self.health.not_ready() == []
        with capture_logs() as logged:
            self.health.set_not_ready("commit", "no answer")
        assert logged[0]["brokers"] == ["b:1: connection refused"]
        assert self.health.not_ready() == ["commit: no answer", "broker b:1: connection refused"]

    def test_without_any_broker_it_is_not_ready(self) -> None:
        """Also while there is nothing to do, and so nothing that fails."""
        troubles = BrokerTroubles()
        self.health.watch(troubles)
        troubles.note_failed("a:1", "connection refused")
        with capture_logs() as logged:
            self.health.beat()
            assert self.health.not_ready() == ["broker a:1: connection refused"]
            troubles.note_reached("a:1")
            self.health.beat()
        assert self.health.not_ready() == []
        assert [(line["event"], line["what"]) for line in logged] == [
            ("not ready", "brokers"),
            ("ready again", "brokers"),
        ]

    def test_hindrances_do_not_touch_liveness(self) -> None:
        """A Kafka that is away must not get the process killed."""
        self.health.set_not_ready("kafka", "away")
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
        self.health.set_not_ready("kafka", "away")
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

    @pytest.mark.parametrize(
        ("error", "event", "level"),
        [
            (BrokenPipeError("gone"), "probe not answered", "debug"),
            (ZeroDivisionError(), "probe failed", "error"),
        ],
    )
    def test_a_probe_that_fails_is_a_line_of_the_log(
        self, error: Exception, event: str, level: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The thread that accepts goes on, and standard error has no traceback."""
        health = Health(60, FakeTime().clock.monotonic)
        failing = iter([error])

        def fail_once() -> list[str]:
            for each in failing:
                raise each
            return []

        health.not_ready = fail_once  # type: ignore[method-assign]  # what a probe asks
        with (
            capture_logs() as logged,
            serve("127.0.0.1", 0, health, CollectorRegistry()) as (host, port),
        ):
            assert answered(host, port) is None
            assert answered(host, port) == HTTPStatus.OK
        assert (event, level) in {(line["event"], line["log_level"]) for line in logged}
        assert capfd.readouterr() == ("", "")

    def test_it_serves_over_http_and_stops(self, capfd: pytest.CaptureFixture[str]) -> None:
        """A request is answered, logged for debugging alone, and the port free afterwards."""
        health = Health(60, FakeTime().clock.monotonic)
        with (
            capture_logs() as logged,
            serve("127.0.0.1", 0, health, CollectorRegistry()) as (host, port),
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

    @pytest.mark.ipv6
    @pytest.mark.parametrize("address", ["::1", "::"])
    def test_an_ipv6_address_is_listened_on(self, address: str) -> None:
        """Its family is the address's own."""
        health = Health(60, FakeTime().clock.monotonic)
        with serve(address, 0, health, CollectorRegistry()) as (host, port):
            assert (host, answered("::1", port)) == (address, HTTPStatus.OK)

    def test_a_taken_port_is_an_os_error(self) -> None:
        """The composition root turns it into a line that names the setting."""
        health = Health(60, FakeTime().clock.monotonic)
        with (
            serve("127.0.0.1", 0, health, CollectorRegistry()) as (host, port),
            pytest.raises(OSError, match="in use"),
            serve(host, port, health, CollectorRegistry()),
        ):
            pass


def answered(host: str, port: int) -> int | None:
    """Return the status of /readyz, None where the connection ends without an answer."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except http.client.RemoteDisconnected:
        return None
    finally:
        connection.close()
