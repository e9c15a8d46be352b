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
from consumer.health.server import answer, serve
from consumer.metrics import TABLE, ConsumerMetrics
from tests.support.fakes.consumer_clock import FakeTime

pytestmark = [pytest.mark.timing, pytest.mark.promise("observable")]


@pytest.fixture
def time() -> FakeTime:
    """Have a clock of one's own."""
    return FakeTime()


@pytest.fixture
def health(time: FakeTime) -> Health:
    """Begin alive and ready."""
    return Health(60, time.clock.monotonic)


def test_it_is_alive_as_long_as_it_beats(health: Health, time: FakeTime) -> None:
    """Silence of a minute is borne, more is not, and a beat mends it; no reason plays a part."""
    health.set_not_ready("kafka", "away")
    time.now_s += 60
    assert health.alive()
    time.now_s += 1
    assert not health.alive()
    health.beat()
    assert health.alive()


def test_reasons_are_named_until_they_are_cleared(health: Health) -> None:
    """The latest word on each counts."""
    health.set_not_ready("kafka", "away")
    health.set_not_ready("sinks", "slow")
    health.set_not_ready("kafka", "still away")
    assert health.not_ready() == ["kafka: still away", "sinks: slow"]
    health.set_ready("kafka")
    health.set_ready("never there")
    assert health.not_ready() == ["sinks: slow"]


def test_reasons_are_logged_as_they_change(health: Health) -> None:
    """Not ready, and ready again, with what and why; what every start has is no line."""
    with capture_logs() as logged:
        health.set_not_ready("partitions", "not yet", expected=True)
        health.set_ready("partitions")
        for _ in range(100):
            health.set_not_ready("kafka", "away")
        health.set_ready("kafka")
    told = [(line["event"], line["what"]) for line in logged]
    assert told == [("not ready", "kafka"), ("ready again", "kafka")]
    assert (logged[0]["why"], logged[1]["times"]) == ("away", 100)


def test_brokers_that_are_not_reached_are_named_beside_other_reasons(health: Health) -> None:
    """One of several is no reason by itself, and all are, also while nothing is to be done."""
    troubles = BrokerTroubles()
    health.watch(troubles)
    troubles.note_reached("a:1")
    troubles.note_failed("b:1", "refused")
    assert health.not_ready() == []
    with capture_logs() as logged:
        health.set_not_ready("commit", "no answer")
        assert health.not_ready() == ["commit: no answer", "broker b:1: refused"]
        health.set_ready("commit")
        health.watch(troubles := BrokerTroubles())
        troubles.note_failed("a:1", "refused")
        health.beat()
        assert health.not_ready() == ["broker a:1: refused"]
        troubles.note_reached("a:1")
        health.beat()
    assert health.not_ready() == []
    assert logged[0]["brokers"] == ["b:1: refused"]
    assert [(line["event"], line["what"]) for line in logged] == [
        ("not ready", "commit"),
        ("ready again", "commit"),
        ("not ready", "brokers"),
        ("ready again", "brokers"),
    ]


@pytest.mark.parametrize(
    ("path", "silent_s", "reason", "status", "body"),
    [
        ("/healthz?verbose=1", 0, "away", 200, {"status": "alive"}),
        (
            "/healthz",
            61,
            "",
            503,
            {"status": "stuck", "reasons": ["the poll loop has not gone round for 61 s"]},
        ),
        ("/readyz", 0, "", 200, {"status": "ready"}),
        ("/readyz", 0, "away", 503, {"status": "not ready", "reasons": ["kafka: away"]}),
        ("/", 0, "", 404, {"status": "not found"}),
    ],
)
def test_a_probe_is_answered_with_the_reasons(  # noqa: PLR0913, PLR0917  the members of a table
    health: Health, time: FakeTime, path: str, silent_s: int, reason: str, status: int, body: object
) -> None:
    """Whatever the query; there is nothing at other paths."""
    time.now_s += silent_s
    if reason:
        health.set_not_ready("kafka", reason)
    given = answer(path, health, CollectorRegistry())
    assert (given.status, json.loads(given.body)) == (status, body)


@pytest.mark.promise("documented")
def test_metrics_hold_every_row_of_the_table(health: Health) -> None:
    """What is documented is exposed, under the same name."""
    registry = CollectorRegistry()
    ConsumerMetrics(registry)
    exposed = answer("/metrics", health, registry).body.decode()
    for row in TABLE:
        assert f"# HELP {row.name} {row.doc}" in exposed


def ask(host: str, port: int) -> tuple[int, bytes, str | None] | None:
    """Return the answer of /readyz, None where the connection ends without one."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, response.read(), response.getheader("Content-Type")
    except http.client.RemoteDisconnected:
        return None
    finally:
        connection.close()


READY = (HTTPStatus.OK, b'{"status": "ready"}', "application/json")


class TestServing:
    """The server answers beside the loop."""

    @pytest.mark.parametrize(
        ("error", "event", "level"),
        [
            (BrokenPipeError("gone"), "probe not answered", "debug"),
            (ZeroDivisionError(), "probe failed", "error"),
        ],
    )
    def test_a_probe_that_fails_is_a_line_of_the_log(  # noqa: PLR0913, PLR0917  with fixtures
        self,
        health: Health,
        error: Exception,
        event: str,
        level: str,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """The thread that accepts goes on, and standard error has no traceback."""
        failing = iter([error])

        def fail_once() -> list[str]:
            for each in failing:
                raise each
            return []

        monkeypatch.setattr(health, "not_ready", fail_once)  # what a probe asks
        with capture_logs() as logged, serve("127.0.0.1", 0, health, CollectorRegistry()) as at:
            assert ask(*at) is None
            assert ask(*at) == READY
        assert (event, level) in {(line["event"], line["log_level"]) for line in logged}
        assert capfd.readouterr() == ("", "")

    def test_it_serves_over_http_and_stops(
        self, health: Health, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A request is logged for debugging alone; a port is taken, and free afterwards."""
        registry = CollectorRegistry()
        with capture_logs() as logged, serve("127.0.0.1", 0, health, registry) as at:
            assert ask(*at) == READY
            with pytest.raises(OSError, match="in use"), serve(*at, health, registry):
                pass
        assert capfd.readouterr() == ("", "")
        assert [line["log_level"] for line in logged] == ["debug"]
        with pytest.raises(OSError, match="refused"):
            ask(*at)

    @pytest.mark.ipv6
    @pytest.mark.parametrize("address", ["::1", "::"])
    def test_an_ipv6_address_is_listened_on(self, health: Health, address: str) -> None:
        """Its family is the address's own."""
        with serve(address, 0, health, CollectorRegistry()) as (host, port):
            assert (host, ask("::1", port)) == (address, READY)
