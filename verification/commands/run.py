"""`run`: Kafka, ingest and bidding logic, until Ctrl-C or until one of them cannot be kept up."""

from __future__ import annotations

import _thread
import argparse
import dataclasses
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NoReturn

from common.kafka import KafkaSettings
from common.settings import read
from verification.cli import Console
from verification.clock import SystemClock
from verification.kafka.broker import EmbeddedKafka
from verification.kafka.properties import HOST
from verification.kafka.runtime import prepare
from verification.kafka.training import train
from verification.project import ROOT
from verification.run.banner import Facts, banner, sample
from verification.run.endings import Endings, endings_interrupt
from verification.run.live.log_lines import Notable
from verification.run.live.page import read_page
from verification.run.live.view import LiveView, Observer
from verification.run.local_settings import RunSettings, reachable, read_settings
from verification.run.messages import Messages
from verification.run.ports import Port, refuse_taken
from verification.run.pump import Pump
from verification.run.service import Service, ServicePlan
from verification.run.started import noted
from verification.run.supervisor import Supervisor
from verification.run.topics import create_topics

KAFKA_START_S = 60.0
SERVICES_START_S = 60.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What runs, decided before anything is started."""

    settings: RunSettings
    kafka: KafkaSettings
    embedded: bool
    environ: Mapping[str, str]
    ingest: tuple[str, ...] = (sys.executable, "-m", "app")
    consumer: tuple[str, ...] = (sys.executable, "-m", "consumer")

    def services(self) -> tuple[ServicePlan, ServicePlan]:
        """Return the services in the order of their start."""
        settings = self.settings
        consumer_host = reachable(settings.consumer_host)
        ingest_host = reachable(settings.ingest_host)
        return (
            ServicePlan(
                "consumer", self.consumer, self.environ, consumer_host, settings.consumer_port
            ),
            ServicePlan(
                "ingest", self.ingest, self.environ, ingest_host, settings.ingest_admin_port
            ),
        )

    def topics(self) -> dict[str, int]:
        """Return the topics and their numbers of partitions."""
        kafka = self.kafka
        return {
            kafka.topic_bid_requests: 3,
            kafka.topic_bid_decisions: 3,
            kafka.topic_dead_letters: 1,
        }


@dataclasses.dataclass(frozen=True)
class Output:
    """Where everything goes: our messages, the services' logs, their standard error."""

    messages: Messages
    logs: Pump
    errors: Pump

    @classmethod
    def of(cls, write: Callable[[bytes], object], messages: Messages) -> Output:
        """Hold the logs for `write` back for the banner; errors come at once."""

        def say(line: bytes) -> None:
            messages.say(line.decode(errors="backslashreplace").rstrip("\n"))

        stop = _thread.interrupt_main
        errors = Pump(say, stop)
        errors.release()
        return cls(messages, Pump(write, stop), errors)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take --plain: all settings come from the environment."""
    parser.add_argument(
        "--plain", action="store_true", help="log lines, on a terminal as well as elsewhere"
    )
    parser.epilog = (
        "KAFKA_BROKERS=host:port uses that cluster; RUN_KAFKA_PORT, RUN_KAFKA_DATA, INGEST_PORT, "
        "INGEST_ADMIN_PORT and CONSUMER_HEALTH_PORT move what is in the way. A process that dies "
        "is started again, at most 5 times a minute; then everything stops with status 1."
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Run until told to stop (0) or until something cannot be kept up (1) or started (2)."""
    with endings_interrupt() as endings, suppress(KeyboardInterrupt):
        keep_up(args, console, endings)
    return 0


def keep_up(args: argparse.Namespace, console: Console, endings: Endings) -> NoReturn:
    """Run until interrupted, or until something cannot be kept up or started, and stop it all."""
    terminal = console.out.isatty()
    live = terminal and not args.plain and console.environ.get("TERM") != "dumb"
    messages = Messages(console.out if terminal else console.err)
    notable = Notable()
    environ = {**console.environ, "LOG_FORMAT": "json"} if live else console.environ
    plan = make_plan(environ, terminal=terminal)
    write = notable.take if live else functools.partial(write_raw, console)
    output = Output.of(write, messages)
    supervisor = Supervisor(messages, SystemClock())
    try:
        with noted(plan.environ):
            bring_up(plan, supervisor, output)
            with shown(plan, console, messages, notable) if live else nullcontext():
                supervisor.watch()
    finally:
        endings.hold()
        output.logs.finish()
        output.errors.finish()
        supervisor.stop(endings.hurried())


def write_raw(console: Console, line: bytes) -> None:
    """Write a line as it is, at once."""
    console.raw.write(line)
    console.raw.flush()


@contextmanager
def shown(plan: Plan, console: Console, messages: Messages, notable: Notable) -> Iterator[None]:
    """Show the live view; what is said meanwhile comes above it."""
    consumer, ingest = (
        lambda service=service: read_page(service.host, service.port, time.monotonic())
        for service in plan.services()
    )
    observer = Observer(ingest, consumer, notable)
    with (
        LiveView(console.out, console.environ, observer.look) as view,
        messages.through(view.say),
    ):
        yield


def make_plan(environ: Mapping[str, str], *, terminal: bool) -> Plan:
    """Decide what runs where; refuses wrong settings, unknown names and taken ports."""
    settings = read_settings(environ)
    kafka = read(KafkaSettings, environ)
    embedded = "KAFKA_BROKERS" not in environ
    if embedded:
        kafka = dataclasses.replace(kafka, brokers=f"{HOST}:{settings.kafka_port}")
    refuse_taken(_ports(settings, embedded=embedded))
    own = {"LOG_FORMAT": "console" if terminal else "json"}
    given = {**settings.service_environ(), "KAFKA_BROKERS": kafka.brokers}
    return Plan(settings, kafka, embedded, {**own, **environ, **given})


def bring_up(plan: Plan, supervisor: Supervisor, output: Output) -> None:
    """Start everything in order, then print the banner and let the logs through."""
    messages = output.messages
    began = time.monotonic()
    if plan.embedded:
        runtime = prepare(plan.environ, train, messages.say)
        data = ROOT / plan.settings.kafka_data
        port = plan.settings.kafka_port
        broker = EmbeddedKafka(data, runtime, port=port, environ=plan.environ)
        supervisor.start([broker], KAFKA_START_S)
    messages.show(f"creating the topics on {plan.kafka.brokers}")
    create_topics(plan.kafka.client_options(), plan.topics())
    supervisor.start(
        [Service(x, output.logs, output.errors, ROOT) for x in plan.services()], SERVICES_START_S
    )
    facts = Facts(
        settings=plan.settings,
        brokers=plan.kafka.brokers,
        embedded=plan.embedded,
        topic=plan.kafka.topic_bid_requests,
        sample=sample(ROOT),
        python=shown_path(Path(sys.executable), Path.cwd()),
        seconds=time.monotonic() - began,
    )
    messages.say(banner(facts))
    output.logs.release()


def shown_path(path: Path, folder: Path) -> str:
    """Return `path` as one would type it in `folder`."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else os.fspath(path)


def _ports(settings: RunSettings, *, embedded: bool) -> Iterator[Port]:
    if embedded:
        yield Port(HOST, settings.kafka_port, "RUN_KAFKA_PORT")
    yield Port(settings.ingest_host, settings.ingest_port, "INGEST_PORT")
    yield Port(settings.ingest_host, settings.ingest_admin_port, "INGEST_ADMIN_PORT")
    yield Port(settings.consumer_host, settings.consumer_port, "CONSUMER_HEALTH_PORT")
