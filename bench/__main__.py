"""`python -m bench`: measure everybody in one run, print the table, fail where a goal is missed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import backlog, crowded, goals, latency, machine, rounds, silence, wrk
from bench.backlog import Pace
from bench.body import numbered, template
from bench.goals import Goal
from bench.open_loop import Paced
from bench.peers import BARE, GO, NAIVE, OURS, Peer, all_peers, ours
from bench.results import Results, read, write
from bench.rounds import Figures, Load
from bench.server import Server
from bench.table import of_goals, of_peaks
from tests.support.crowds import many_descriptors
from tests.support.topics import make_topic
from verification.errors import CannotRunError
from verification.kafka.broker import EmbeddedKafka


@dataclass(frozen=True)
class Extent:
    """How much is measured, in rounds, seconds and records."""

    rounds: int = 5
    seconds: int = 3
    shares: Sequence[float] = latency.SHARES
    paced_seconds: float = 5
    crowd: int = 1000
    records: int = 100_000
    backlog_rounds: int = 3
    drained: Sequence[int] = (100_000, 1_000_000)


SHORT = Extent(1, 2, shares=(latency.HALF,), paced_seconds=2, crowd=0, records=0, drained=())
_COMPARED, _MAIN = {BARE, OURS}, {BARE, NAIVE, OURS, GO}


class Bench:
    """A Kafka and a topic, with the servers on the first core and all else on the second."""

    def __init__(self, stack: ExitStack, folder: Path, cores: Sequence[int]) -> None:
        if len(cores) < 2:  # noqa: PLR2004  one for the server, one for all else
            raise CannotRunError("not run: the server and its load need a core each, on Linux")
        self.core, other = cores[:2]
        self.cores = cores[:2]
        machine.pin(other)
        self._folder = folder
        self._kafka = stack.enter_context(EmbeddedKafka(folder / "kafka"))
        self.brokers = self._kafka.bootstrap_servers
        self.topic = make_topic(self.brokers, "bids")
        self.body_file = folder / "body.json"
        self.body_file.write_bytes(template())

    def server(self, peer: Peer, *, pinned: bool = True) -> Server:
        """Prepare a server on the first core, or on both."""
        kafka = {"KAFKA_BROKERS": self.brokers, "KAFKA_TOPIC_BID_REQUESTS": self.topic}
        log = self._folder / f"{peer.name}.log"
        cores = (self.core,) if pinned else self.cores
        return Server(peer, cores, log, kafka, numbered(template(), 0))

    @contextmanager
    def started(self, peers: Sequence[Peer], *, pinned: bool = True) -> Iterator[dict[str, Server]]:
        """Have all there that can be run."""
        with ExitStack() as stack:
            yield {
                peer.name: stack.enter_context(self.server(peer, pinned=pinned))
                for peer in peers
                if not peer.why_not
            }

    def peaks(self, peers: Sequence[Peer], extent: Extent) -> dict[str, Figures]:
        """Measure everybody on a core, then what is compared in other places."""
        compared = named(peers, _COMPARED)
        few = Load(self.body_file, extent.rounds, extent.seconds)
        many = replace(few, connections=wrk.MANY, where=rounds.WIDE)
        free, two = (replace(few, where=it) for it in (rounds.NOT_PINNED, rounds.TWO_WORKERS))
        with self.started(peers) as servers:
            found = rounds.alternated(servers, few, say)
        with self.started(compared) as servers:
            found |= rounds.alternated(servers, many, say)
        with self.started(compared, pinned=False) as servers:
            found |= rounds.alternated(servers, free, say)
        with self.started([ours(INGEST_WORKERS="2")], pinned=False) as servers:
            found |= rounds.alternated(servers, two, say)
        return found

    def crowded(self, extent: Extent) -> dict[str, Paced]:
        """Measure innocent requests beside crowds."""
        if not extent.crowd:
            return {}
        with many_descriptors(8 * extent.crowd), self.server(ours()) as server:
            return crowded.by_crowd(server.port, extent.crowd, extent.paced_seconds, say)

    def late_ms(self, times: int) -> float:
        """Measure how late the ingest answers when Kafka falls silent."""
        peer, body = ours(deadline_s=silence.DEADLINE_S), numbered(template(), 0)
        broker = self._kafka.pid
        assert broker is not None  # noqa: S101  it runs until the stack ends
        with self.server(peer) as server:
            late = silence.late_ms(server.port, broker, body, times)
        say(f"Kafka silent: {peer.name} answers {late:.0f} ms after the deadline at the latest")
        return late


def named(peers: Sequence[Peer], names: Collection[str]) -> Sequence[Peer]:
    """Return those of them."""
    return [peer for peer in peers if peer.name in names]


def measured(bench: Bench, peers: Sequence[Peer], extent: Extent, folder: Path) -> Results:
    """Measure one thing after another."""
    peaks = bench.peaks(peers, extent)
    with bench.started(named(peers, _MAIN)) as servers:
        rate = peaks[OURS].rate
        paced = latency.over_load(servers, rate, extent.shares, extent.paced_seconds, say)
    acknowledgement = latency.acknowledgement_p99_ms(bench.brokers, bench.topic)
    crowds = bench.crowded(extent)
    late = {OURS: bench.late_ms(extent.rounds)}
    pace = {}
    if extent.records:
        work = backlog.Backlog.made(bench.brokers, extent.records, bench.core)
        pace = backlog.paces(work, extent.backlog_rounds, folder, say)
    drained = backlog.drained(bench.brokers, bench.core, extent.drained, folder, say)
    return Results(
        machine=machine.described(),
        peaks=peaks,
        not_run={peer.name: peer.why_not for peer in peers if peer.why_not},
        goals=[*_goals(peaks, paced, acknowledgement, late, pace, drained)],
        latency=paced,
        crowded=crowds,
        acknowledgement_p99_ms=acknowledgement,
        backlog=pace,
        drained={f"{records:,}": one for records, one in drained.items()},
    )


def _goals(  # noqa: PLR0913, PLR0917  everything that was measured
    peaks: Mapping[str, Figures],
    paced: Mapping[str, Sequence[Paced]],
    acknowledgement_ms: float,
    late_ms: Mapping[str, float],
    pace: Mapping[str, Pace],
    drained: Mapping[int, Pace],
) -> Iterator[Goal]:
    yield from goals.of_peaks(peaks)
    half_rate = round(peaks[OURS].rate * latency.HALF)
    half = {name: one for name, each in paced.items() for one in each if one.rate == half_rate}
    yield from goals.of_latency(half, acknowledgement_ms)
    yield from goals.of_silence(late_ms)
    if pace:
        yield from goals.of_backlog(pace)
    yield from goals.of_drained(drained)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(slack: float, out: Callable[[str], None]) -> int:
    """Measure, print and keep what was found; return 1 where a goal is missed by too much."""
    cores = machine.cores()
    extent = Extent() if slack == 1 else SHORT
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        peers = all_peers(folder) if extent is not SHORT else named(all_peers(folder), _MAIN)
        results = measured(Bench(stack, folder, cores), peers, extent, folder)
    out(f"\n{of_peaks(results)}\n{of_goals(results.goals)}")
    if extent is SHORT:
        return int(bool(goals.fallen(results.goals, read().goals, slack)))
    write(results)
    return int(bool(goals.missed(results.goals)))


def main(arguments: Sequence[str]) -> int:
    """Run, in full or with `--slack 2` in short; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--slack",
        type=float,
        default=1.0,
        help="2: in short; fail only where half of what results/latest.json reached is lost",
    )
    try:
        return run(parser.parse_args(arguments).slack, say)
    except CannotRunError as error:
        say(str(error))
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
