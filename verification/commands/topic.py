"""`topic show`: the records of a topic, for a person or byte for byte."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping

from common.kafka import KafkaSettings
from common.settings import read
from verification.cli import Console
from verification.kafka.properties import HOST
from verification.run.local_settings import read_settings
from verification.run.started import in_force
from verification.run.topics import Selection, render, select

_LIMIT = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer show."""
    what = parser.add_subparsers(metavar="WHAT", dest="what", required=True)
    show = what.add_parser("show", help="print records, the newest by default")
    show.add_argument("topic")
    show.add_argument("--limit", type=_positive, default=_LIMIT, help=f"at most ({_LIMIT})")
    show.add_argument("--from-beginning", action="store_true", help="the oldest, not the newest")
    show.add_argument("--key", help="only records with this key, the bid request's id")
    show.add_argument("--raw", action="store_true", help="the values' bytes and nothing else")
    show.add_argument("--brokers", help="host:port; by default KAFKA_BROKERS or what `run` starts")


def run(args: argparse.Namespace, console: Console) -> int:
    """Print the records; none is no failure."""
    settings = kafka_settings(in_force(console.environ), args.brokers)
    key = None if args.key is None else args.key.encode()
    wanted = Selection(args.limit, args.from_beginning, key)
    for record in select(settings.client_options(), args.topic, wanted):
        if args.raw:
            console.raw.write(record.value or b"")
        else:
            console.out.write(render(record))
    console.raw.flush()
    return 0


def kafka_settings(environ: Mapping[str, str], brokers: str | None) -> KafkaSettings:
    """Return how to reach the cluster: as asked, as the environment says, or what `run` starts."""
    settings = read(KafkaSettings, environ)
    if brokers is None and "KAFKA_BROKERS" not in environ:
        brokers = f"{HOST}:{read_settings(environ).kafka_port}"
    return settings if brokers is None else dataclasses.replace(settings, brokers=brokers)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
