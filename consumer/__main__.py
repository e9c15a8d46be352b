"""`python -m consumer`: decide on bid requests until SIGTERM; `dlq`: look after dead letters."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TextIO

from kafka.errors import FencedInstanceIdError
from prometheus_client import CollectorRegistry

from common.addresses import join_host_port
from common.gc import tune_gc
from common.logs import configure_logs, get_logger
from common.settings import SettingsError
from common.tracing import tracer_maker
from consumer.bootstrap import Bootstrap, load_extensions
from consumer.dlq import command
from consumer.dlq.limit import DlqLimitExceeded
from consumer.health.health import Health
from consumer.health.server import serve
from consumer.kafka.clients import KafkaClients, connect
from consumer.metrics import ConsumerMetrics
from consumer.processing.decision_log import DecisionLog
from consumer.processing.timeout import AlarmTimeout, Timeout
from consumer.runtime import Clock, Runtime, Stop
from consumer.service import Service
from consumer.settings.consumer import ConsumerSettings, load_settings

_SERVICE = "bidding-logic-service"
_CRASHED = 1


def main(  # noqa: PLR0913  what a process is given by the system, so that tests can give it
    environ: Mapping[str, str],
    stdout: TextIO,
    stderr: TextIO,
    *,
    on_stop_signal: Callable[[Callable[[], None]], None],
    connect: Callable[[ConsumerSettings], KafkaClients] = connect,
    timeout: Callable[[float], Timeout] = AlarmTimeout,
) -> int:
    """Run and return the exit code: 0 after a stop, 2 for a wrong setting, 1 for a crash."""
    clock = Clock()
    registry = CollectorRegistry()
    metrics = ConsumerMetrics(registry)
    try:
        settings = load_settings(environ)
        extensions = load_extensions(settings, environ, metrics, clock)
        tracer = tracer_maker(_SERVICE, settings.tracing, stdout)()
    except SettingsError as error:
        print(error, file=stderr)
        return error.exit_code
    configure_logs(_SERVICE, settings.logs, stdout)
    decision_log = DecisionLog(settings.logs, _SERVICE, stdout, clock)
    stop = Stop(clock)
    on_stop_signal(stop.request)
    health = Health(settings.liveness_timeout_ms / 1000, clock.monotonic)
    with ExitStack() as stack:
        try:
            host, port = stack.enter_context(
                serve(settings.health_host, settings.health_port, health, registry)
            )
        except OSError as error:
            where = join_host_port(settings.health_host, settings.health_port)
            print(f"CONSUMER_HEALTH_PORT: cannot listen on {where}: {error}", file=stderr)
            return SettingsError.exit_code
        get_logger().info("health served", host=host, port=port)
        metrics.ready.set_function(lambda: not health.not_ready())
        runtime = Runtime(clock, stop, health, metrics, tracer)
        bootstrap = Bootstrap(settings, connect, runtime, extensions, decision_log, timeout)
        return _run(bootstrap.build_service())


def _run(service: Service) -> int:
    try:
        service.run()
    except DlqLimitExceeded as error:
        get_logger().error("stopped: too many dead letters", error=str(error))
        return _CRASHED
    except FencedInstanceIdError:
        get_logger().error("stopped: another process has this member's name")
        return _CRASHED
    except Exception:  # noqa: BLE001  the last resort: logged, and the exit code tells
        get_logger().exception("crashed")
        return _CRASHED
    get_logger().info("stopped")
    return 0


def _on_stop_signal(request: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: request())


def dlq(arguments: list[str], environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Run a command on the dead letters and return the exit code: 2 for a wrong setting."""
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        print(error, file=err)
        return error.exit_code
    return command.run(arguments, settings, out, err)


if __name__ == "__main__":
    if sys.argv[1:2] == ["dlq"]:
        sys.exit(dlq(sys.argv[2:], os.environ, sys.stdout, sys.stderr))
    tune_gc()
    sys.exit(main(os.environ, sys.stdout, sys.stderr, on_stop_signal=_on_stop_signal))
