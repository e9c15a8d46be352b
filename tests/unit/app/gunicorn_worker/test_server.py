"""gunicorn: configured from the settings alone."""

from __future__ import annotations

import io
import logging
import os
from pathlib import Path

import pytest
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.sock import close_sockets, create_sockets
from prometheus_client import generate_latest
from werkzeug.test import Client

from app.__main__ import main, worker_tmp_dir
from app.bootstrap import build_server
from app.gunicorn_worker.server import ForwardingLogger, IngestServer, gunicorn_options
from app.gunicorn_worker.worker import GreenletWorker
from app.settings import load_settings
from app.validation.validator import enforce_openrtb26
from common.log_stream import LogStream

pytestmark = [pytest.mark.timing, pytest.mark.promise("configured"), pytest.mark.promise("secured")]

NOWHERE = Path("nowhere")


def built(folder: Path, **environ: str) -> IngestServer:
    """Return the server of an environment."""
    settings = load_settings(environ)
    return build_server(settings, folder, enforce_openrtb26(), LogStream(io.StringIO()))


def configured(**environ: str) -> Config:
    """Return gunicorn's configuration; no name and no value is one that it would reject."""
    config = Config()
    for name, value in gunicorn_options(load_settings(environ), NOWHERE).items():
        config.set(name, value)
    return config


def test_settings_reach_gunicorn() -> None:
    """Address, processes and the grace period are the environment's."""
    ports = {"INGEST_PORT": "18080", "INGEST_ADMIN_PORT": "18082"}
    config = configured(**ports, INGEST_WORKERS="3", INGEST_GRACEFUL_TIMEOUT_S="7")
    assert [port for _, port in config.address] == [18080, 18082]
    assert (config.worker_class, config.workers) == (GreenletWorker, 3)
    # the arbiter waits for a worker's own end: requests in flight, then the publisher's drain
    assert config.graceful_timeout > 7 + load_settings({}).drain_timeout_s


@pytest.mark.parametrize(
    ("host", "address"),
    [("::", "::"), ("::1", "::1"), ("[::1]", "::1"), ("127.0.0.1", "127.0.0.1"), ("a.b", "a.b")],
)
def test_any_kind_of_address(host: str, address: str) -> None:
    """IPv4, IPv6 with and without brackets, and a name reach gunicorn as host and port."""
    assert configured(INGEST_HOST=host).address == [(address, 8080), (address, 8082)]


def test_no_proxy_is_trusted() -> None:
    """No address, no header and no variable of the environment may say what a request is about."""
    config = configured()
    assert (config.forwarded_allow_ips, config.forwarder_headers) == ([], [])
    assert config.secure_scheme_headers == {}
    assert config.env == {"SCRIPT_NAME": ""}


def test_a_worker_gets_its_own_application(tmp_path: Path) -> None:
    """Loading builds the routes and an unconnected publisher; no command line is read."""
    server = built(tmp_path)
    server.load()
    assert server.service is not None
    public, admin = (
        {rule.rule for rule in app.url_map.iter_rules()}
        for app in (server.service.public, server.service.admin)
    )
    assert public == {"/bid", "/healthz", "/readyz"}
    docs = {"/openapi.json", "/docs", "/docs/<name>", "/docs/swagger-ui/<name>"}
    assert admin == {*public, "/metrics", *docs}
    assert server.service.publisher.not_ready() == ("kafka: not connected yet",)
    assert server.service.worker_state.not_ready() == (f"worker {os.getpid()}: starting",)


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_the_port_that_is_bound_decides(tmp_path: Path, host: str) -> None:
    """With 0 the server learns the real port from gunicorn's listeners, before the first fork."""
    environ = {"INGEST_HOST": host, "INGEST_PORT": "0", "INGEST_ADMIN_PORT": "0"}
    server = built(tmp_path, **environ)
    arbiter = Arbiter(server)
    arbiter.LISTENERS = create_sockets(server.cfg, arbiter.log)
    try:
        server.cfg.when_ready(arbiter)
        ports = [listener.getsockname()[1] for listener in arbiter.LISTENERS]
        assert server.admin_port == ports[1] != ports[0]
        client = Client(server.load())
        found = [
            client.get("/openapi.json", environ_overrides={"SERVER_PORT": str(p)}) for p in ports
        ]
        assert [answer.status_code for answer in found] == [404, 200]
    finally:
        close_sockets(arbiter.LISTENERS)


def test_a_stop_before_the_application_is_there(tmp_path: Path) -> None:
    """A signal that comes while a worker is still being built raises nothing."""
    server = built(tmp_path)
    server.note_stop()
    assert server.service is None


def test_the_limits_are_exposed(tmp_path: Path) -> None:
    """What may be in flight and may wait, by the settings of one worker."""
    server = built(tmp_path, INGEST_MAX_PENDING_RECORDS="8")
    server.load()
    assert server.service is not None
    text = generate_latest(server.service.metrics.registry).decode()
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
    "environ",
    [
        {"INGEST_PORT": "http"},
        {"INGEST_PROT": "8080"},
        {"INGEST_ADMIN_PORT": "8080"},
        {"KAFKA_BROKERS": "nowhere"},
    ],
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
    assert worker_tmp_dir() in {"/dev/shm", None}  # noqa: S108  the kernel's tmpfs
