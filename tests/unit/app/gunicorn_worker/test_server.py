"""gunicorn: configured from the settings alone."""

from __future__ import annotations

import io
import logging
import os
from pathlib import Path

import pytest
from gunicorn.config import Config
from prometheus_client import generate_latest

from app.__main__ import main, memory_dir
from app.bootstrap import build_server
from app.gunicorn_worker.server import ForwardingLogger, gunicorn_options
from app.gunicorn_worker.worker import BufferingWorker
from app.settings import load_settings
from app.validation.modes import enforce_openrtb26

pytestmark = pytest.mark.timing

NOWHERE = Path("nowhere")


def test_every_option_is_known_to_gunicorn() -> None:
    """No option is a name or a value that gunicorn would reject."""
    config = Config()
    for name, value in gunicorn_options(load_settings({}), NOWHERE).items():
        config.set(name, value)
    assert config.worker_class is BufferingWorker


def test_settings_reach_gunicorn() -> None:
    """Address, processes, threads and the grace period are the environment's."""
    options = gunicorn_options(
        load_settings(
            {
                "INGEST_HOST": "127.0.0.1",
                "INGEST_PORT": "18080",
                "INGEST_WORKERS": "3",
                "INGEST_THREADS": "4",
                "INGEST_GRACEFUL_TIMEOUT_S": "7",
            }
        ),
        NOWHERE,
    )
    assert options["bind"] == "127.0.0.1:18080"
    assert (options["workers"], options["threads"]) == (3, 4)
    # the arbiter waits for a worker's own end: requests in flight, then the publisher's drain
    assert options["graceful_timeout"] > 7 + load_settings({}).drain_timeout_s


def test_no_proxy_is_trusted() -> None:
    """No address, no header and no variable of the environment may say what a request is about."""
    config = Config()
    for name, value in gunicorn_options(load_settings({}), NOWHERE).items():
        config.set(name, value)
    assert (config.forwarded_allow_ips, config.forwarder_headers) == ([], [])
    assert config.secure_scheme_headers == {}
    assert config.env == {"SCRIPT_NAME": ""}


def test_a_worker_gets_its_own_application(tmp_path: Path) -> None:
    """Loading builds the routes and an unconnected publisher; no command line is read."""
    server = build_server(load_settings({}), tmp_path, enforce_openrtb26())
    rules = {rule.rule for rule in server.load().url_map.iter_rules()}
    docs = {"/openapi.json", "/docs", "/docs/<name>", "/docs/swagger-ui/<name>"}
    assert rules == {"/bid", "/healthz", "/readyz", "/metrics", *docs}
    assert server.service is not None
    assert server.service.publisher.not_ready() == ("kafka: not connected yet",)
    assert server.service.lifecycle.not_ready() == (f"worker {os.getpid()}: starting",)


def test_a_stop_before_the_application_is_there(tmp_path: Path) -> None:
    """A signal that comes while a worker is still being built raises nothing."""
    server = build_server(load_settings({}), tmp_path, enforce_openrtb26())
    server.note_stop()
    assert server.service is None


def test_the_limits_are_exposed(tmp_path: Path) -> None:
    """What may be in flight and may wait, by the settings of one worker."""
    given = {"INGEST_THREADS": "7", "INGEST_MAX_PENDING_RECORDS": "8"}
    server = build_server(load_settings(given), tmp_path, enforce_openrtb26())
    server.load()
    assert server.service is not None
    text = generate_latest(server.service.metrics.registry).decode()
    assert "ingest_requests_in_flight_limit 7.0" in text
    assert "ingest_pending_records_limit 8.0" in text
    assert "ingest_pending_bytes_limit 1.6777216e+07" in text


def test_gunicorns_lines_go_to_the_root_logger(caplog: pytest.LogCaptureFixture) -> None:
    """Gunicorn keeps no handler of its own and writes no access log."""
    logger = ForwardingLogger(Config())
    with caplog.at_level(logging.INFO):
        logger.info("Listening at: %s", "here")
    assert caplog.messages == ["Listening at: here"]
    assert logger.error_log.handlers == []
    assert not logger.access_log_enabled


@pytest.mark.parametrize(
    "environ", [{"INGEST_PORT": "http"}, {"INGEST_PROT": "8080"}, {"KAFKA_BROKERS": "nowhere"}]
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(environ: dict[str, str]) -> None:
    """The process refuses to start and names the variable."""
    stdout, stderr = io.StringIO(), io.StringIO()
    assert main(environ, stdout, stderr) == 2
    (name,) = environ
    assert stderr.getvalue().startswith(name)
    assert stderr.getvalue().count("\n") == 1
    assert stdout.getvalue() == ""


def test_scratch_files_go_to_a_writable_place() -> None:
    """The directory in memory is writable, or the system's temporary directory is taken."""
    assert memory_dir() in {"/dev/shm", None}  # noqa: S108  the kernel's tmpfs
