"""What validation costs: `python -m bench.validation` prints the figures, and fails over a limit.

Ratios are of medians of alternating rounds in one run, so that a machine that is slow, or busy
with other things, does not change them much. CPU times are of this process alone.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.gunicorn_worker.client_socket import READ_BYTES
from app.gunicorn_worker.request_parser import RequestParser
from app.http.body import inflate
from app.openrtb import bid_request
from app.problems import InvalidBidRequest, Problem
from app.validation import strict_json
from app.validation.compiled_check import Compiled
from app.validation.explain import violations
from app.validation.validator import Validator
from bench.hostile import SIZE, hostile_bodies, hostile_requests, hostile_streams
from common.gc import tune_gc

SAMPLES = Path(__file__).parents[1] / "samples"
ROUNDS = 41
CPU_LIMIT_MS = 50
MOST = 1.5  # times json.loads, or times marshmallow
QUIET_US = 55.0  # json.loads of `videos` on the machine on which the CPU limit is held

Act = Callable[[], object]


@dataclass(frozen=True)
class Result:
    """One line: a figure and its limit; over 1 of `share`, the limit is missed.

    With slack, a limit in seconds is stretched by the machine's `slowness`: a cost that doubled is
    told from a machine that is half as fast.
    """

    line: str
    share: float
    slowness: float = 1.0

    def failed(self, slack: float) -> bool:
        """Say whether the limit is missed by more than `slack` times."""
        return self.share > (slack * self.slowness if slack > 1 else slack)


def compact(document: object) -> bytes:
    """Return a document as a partner's serializer would write it."""
    return json.dumps(document, separators=(",", ":")).encode()


def two_imps() -> bytes:
    """Return a request with a banner and a video impression, of somewhat less than a kilobyte."""
    return compact(json.loads((SAMPLES / "two-imps.json").read_bytes()))


def videos() -> bytes:
    """Return a request of 6 KiB: an ad pod with as many video impressions as fit."""
    document: dict[str, Any] = json.loads((SAMPLES / "video.json").read_bytes())
    (imp,) = document["imp"]
    while len(compact(document)) < 6 * 1024:
        document["imp"].append({**imp, "id": str(len(document["imp"]) + 1)})
    return compact(document)


def broken(raw: bytes) -> bytes:
    """Return the request with three things wrong, one of them in its last impression."""
    document = json.loads(raw)
    last = document["imp"][-1]
    document["tmax"], last["bidfloor"], last["video"]["mimes"] = "120", -1, []
    return compact(document)


def seconds(act: Act, times: int) -> float:
    """Return how long one of several runs takes, the collector having nothing of before to do."""
    started = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - started) / times


def medians(*acts: Act) -> Sequence[float]:
    """Return the median time of each, taken in turns; microseconds."""
    times = [max(1, round(0.002 / seconds(act, 20))) for act in acts]
    rounds = [[seconds(*each) for each in zip(acts, times, strict=True)] for _ in range(ROUNDS)]
    return [statistics.median(column) * 1e6 for column in zip(*rounds, strict=True)]


def slowness() -> float:
    """Return how many times as long as on a quiet machine something takes just now; at least 1."""
    raw = videos()
    least = min(seconds(lambda: json.loads(raw), 50) for _ in range(ROUNDS))
    return max(1.0, least * 1e6 / QUIET_US)


def speed(name: str, raw: bytes, at_least: float) -> Iterator[Result]:
    """Compare a valid request's check with marshmallow's load, and all of it with json.loads."""
    document = strict_json.parse(raw)
    schema, check = bid_request(), Compiled(bid_request()).check

    def read_and_check() -> None:
        check(strict_json.parse(raw))

    slow, fast = medians(lambda: schema.load(document), lambda: check(document))
    yield Result(
        f"{name}, {len(raw)} bytes: marshmallow load {slow:.0f} us, compiled check {fast:.1f} us:"
        f" {slow / fast:.0f} times as fast (at least {at_least:.0f})",
        at_least * fast / slow,
    )
    ours, bare, read = medians(
        read_and_check, lambda: json.loads(raw), lambda: strict_json.parse(raw)
    )
    yield Result(
        f"{name}: json.loads {bare:.1f} us, read {read:.1f} us, read and check {ours:.1f} us:"
        f" {ours / bare:.2f} times json.loads (at most {MOST})",
        ours / bare / MOST,
    )


def refusal(name: str, raw: bytes) -> Result:
    """Compare what a refusal takes, explanation included, with marshmallow alone."""
    document = strict_json.parse(raw)
    validator = Validator(bid_request())
    ours, alone = medians(
        lambda: InvalidBidRequest(validator.validate(document).violations).document(),
        lambda: violations(document),
    )
    return Result(
        f"{name}, refused: marshmallow alone {alone:.0f} us, check and explanation {ours:.0f} us:"
        f" {ours / alone:.2f} times (at most {MOST})",
        ours / alone / MOST,
    )


def hostile(name: str, raw: bytes, read: Callable[[bytes], str]) -> Result:
    """Measure the CPU time that a hostile body costs, when its neighbours disturb it least."""
    least, answer = math.inf, ""
    for _ in range(7):
        started = time.process_time()
        answer = read(raw)
        least = min(least, (time.process_time() - started) * 1000)
    line = f"{least:5.1f} ms CPU (at most {CPU_LIMIT_MS}): {name}, {len(raw)} bytes, {answer}"
    return Result(line, least / CPU_LIMIT_MS, slowness())


def _answer(validator: Validator, raw: bytes, inflated: int | None = None) -> str:
    try:
        body = raw if inflated is None else inflate(raw, inflated)
        found = validator.validate(strict_json.parse(body)).violations
        if not found:
            return "accepted"
        json.dumps(InvalidBidRequest(found).document())
    except Problem as refused:
        return refused.code
    return f"{len(found)} violations"


def _framed(raw: bytes) -> str:
    parser = RequestParser(SIZE)
    try:
        for start in range(0, len(raw), READ_BYTES):
            parser.feed(raw[start : start + READ_BYTES])
    except Problem as refused:
        return refused.code
    return f"complete: {parser.complete}"


def results() -> Iterator[Result]:
    """Measure everything."""
    tune_gc()  # as the worker processes do
    yield from speed("two impressions", two_imps(), 50)
    yield from speed("videos", videos(), 40)
    yield refusal("two impressions", broken(two_imps()))
    yield refusal("videos", broken(videos()))
    validator = Validator(bid_request())
    for name, raw in hostile_bodies().items():
        yield hostile(name, raw, lambda raw: _answer(validator, raw))
    for name, stream in hostile_streams().items():
        yield hostile(name, stream, lambda stream: _answer(validator, stream, SIZE))
    for name, raw in hostile_requests().items():
        yield hostile(name, raw, _framed)


def main(arguments: Sequence[str]) -> int:
    """Print each line; return 1 if a limit was missed, or with `--slack 2` by twice as much."""
    parser = argparse.ArgumentParser(prog="python -m bench.validation", description=__doc__)
    parser.add_argument("--slack", type=float, default=1.0, help="times the limit that may pass")
    slack: float = parser.parse_args(arguments).slack
    failed = False
    for result in results():
        sys.stdout.write(f"{'ok    ' if result.share <= 1 else 'MISSED'} {result.line}\n")
        sys.stdout.flush()
        failed |= result.failed(slack)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
