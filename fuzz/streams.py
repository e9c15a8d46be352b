"""Send mutated requests, in random pieces, to our worker and to gunicorn's own, and compare.

`python -m fuzz.streams --for SECONDS --seed N` stops at the first stream of which the two make
different things without a reason in fuzz.interpretations, and prints the smallest that it finds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import TextIO

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz.echo import OURS, STOCK
from fuzz.interpretations import Server, differs, explain
from tests.support.waiting import eventually
from verification.run.ports import free_port

ROOT = Path(__file__).parents[1]
_A_RUN = 300  # streams of one seed; the next run takes the next one

_GET = b"GET /healthz?a=b HTTP/1.1\r\nHost: x\r\nX-One: 1\r\n\r\n"
_POST = b"POST /bid HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
_CHUNKS = (
    b"POST /bid HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Two: 2\r\n\r\n"
)
_OLD = b"POST /bid HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"
_CLOSE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: x, close\r\n\r\n"
_EXPECT = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
REQUESTS = (_GET, _POST, _CHUNKS, _OLD, _CLOSE, _EXPECT)
WORDS = (
    *(b"%c" % c for c in b"\r\n\t\0 :;,0159afAFxX+-_\"'#?/\\\x0b\x7f\x80\xff\xb2"),
    *(b"\r\n", b"\r\n\r\n", b"\r\n ", b"0\r\n\r\n", b"00000000", b"18446744073709551616"),
    *(b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Host: y\r\n", b"Connection: close\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"chunked"),
    *(b" HTTP/1.1", b" HTTP/1.0", b"http://y/"),
)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Return a stream of a few requests, changed in a few places, in a few pieces."""
    stream = b"".join(draw(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 4))):
        stream = _changed(draw, stream)
    cuts = draw(st.lists(st.integers(1, max(len(stream) - 1, 1)), max_size=3, unique=True))
    return [stream[a:b] for a, b in pairwise([0, *sorted(cuts), len(stream)])]


def _changed(draw: st.DrawFn, stream: bytes) -> bytes:
    begin = draw(st.integers(0, len(stream)))
    end = begin + draw(st.sampled_from([0, 0, 1, 1, 2, 8, 30]))
    word = draw(st.sampled_from([b"", stream[begin:end] * 2, *WORDS]))
    return stream[:begin] + word + stream[end:]


class Unexplained(Exception):
    """The two made different things of a stream; the message says which of what."""


class Comparison:
    """The two servers, and how often which reason explained that they differ."""

    def __init__(self, ours: Server, stock: Server) -> None:
        self._ours, self._stock = ours, stock
        self.streams = 0
        self.reasons: Counter[str] = Counter()

    def compare(self, pieces: list[bytes]) -> None:
        """Fail where the two make different things of a stream, and nothing explains it."""
        self.streams += 1
        ours, stock = self._ours.interpret(pieces), self._stock.interpret(pieces)
        if not differs(ours, stock):
            return
        reason = explain(b"".join(pieces), ours, stock)
        if reason is None:
            raise Unexplained(f"{pieces}\nours:  {ours}\nstock: {stock}")
        self.reasons[reason] += 1

    def run(self, first_seed: int, deadline: float) -> None:
        """Compare streams of one seed after another until the deadline (monotonic)."""
        check = settings(
            max_examples=_A_RUN,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )(given(streams())(self.compare))
        for number in count(first_seed):
            if time.monotonic() > deadline:
                return
            seed(number)(check)()


@contextmanager
def server(which: str, *, steps: bool) -> Iterator[Server]:
    """Run one of the two as a process."""
    port = free_port()
    argv = [sys.executable, "-m", "fuzz.echo", which, str(port)]
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(argv, cwd=ROOT, stdout=nowhere, stderr=nowhere)  # noqa: S603  ours
    try:
        found = eventually(lambda: _reach(port, steps=steps), f"{which} to listen")
        assert found is not None  # noqa: S101  for the type checker
        with closing(found):
            yield found
    finally:
        process.terminate()
        process.wait(30)


def _reach(port: int, *, steps: bool) -> Server | None:
    try:
        found = Server(port, steps=steps)
        found.interpret([_GET])
    except OSError:
        return None
    return found


def main(argv: list[str], out: TextIO) -> int:
    """Compare, and print what was compared; return 1 where something is not explained."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.streams", description=__doc__)
    parser.add_argument("--for", dest="seconds", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    options = parser.parse_args(argv)
    failure: Unexplained | None = None
    with server(OURS, steps=True) as ours, server(STOCK, steps=False) as stock:
        comparison = Comparison(ours, stock)
        try:
            comparison.run(options.seed, time.monotonic() + options.seconds)
        except Unexplained as error:
            failure = error
    print(f"{comparison.streams} streams from seed {options.seed} on", file=out)
    for reason, times in comparison.reasons.most_common():
        print(f"{times:6d} differ: {reason}", file=out)
    if failure is not None:
        print(f"not explained, and the smallest that was found:\n{failure}", file=out)
    return int(failure is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
