"""What inflates, and how far."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import cramjam
import pytest
from kafka.errors import UnsupportedCodecError

from consumer.kafka.compression import CODECS, TooLargeError, decompress
from verification.project import ROOT

pytestmark = pytest.mark.promise("bounded")

GZIP, SNAPPY, LZ4, ZSTD = CODECS
MOST = 1 << 20
CONTENT = bytes(range(256)) * 2_000


def xerial(content: bytes, block: int = 32_768) -> bytes:
    """Return what Java's clients write: a header, and blocks with their lengths before them."""
    blocks = (content[at : at + block] for at in range(0, len(content), block))
    packed = [bytes(cramjam.snappy.compress_raw(each)) for each in blocks]
    framed = b"".join(len(each).to_bytes(4) + each for each in packed)
    return b"\x82SNAPPY\x00" + bytes(3) + b"\x01" + bytes(3) + b"\x01" + framed


WRITERS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "gzip": (GZIP, gzip.compress),
    "snappy": (SNAPPY, lambda content: bytes(cramjam.snappy.compress_raw(content))),
    "snappy-xerial": (SNAPPY, xerial),
    "lz4": (LZ4, lambda content: bytes(cramjam.lz4.compress(content))),
    "zstd": (ZSTD, lambda content: bytes(cramjam.zstd.compress(content))),
}
LIMIT = 16 << 20
INFLATE = """
import sys
from consumer.kafka.compression import TooLargeError, decompress
def peak():
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if "VmHWM" in line)
bomb = sys.stdin.buffer.read()
print(peak())
try:
    decompress(int(sys.argv[1]), memoryview(bomb), int(sys.argv[2]))
except TooLargeError:
    print(peak())
"""
Write = Callable[[bytes], bytes]


def inflate(codec: int, written: bytes) -> Any:  # noqa: ANN401  bytes, or like them
    """Return the content."""
    return decompress(codec, memoryview(written), MOST)


@pytest.mark.parametrize(("codec", "write"), WRITERS.values(), ids=WRITERS)
class TestCodecs:
    """All that Kafka knows, as their own libraries write them."""

    def test_what_was_compressed_comes_back(self, codec: int, write: Write) -> None:
        """Whether it is nothing, as large as it may be, or shrinks beyond the first guess."""
        for content in (b"", b"x", CONTENT, bytes(MOST)):
            assert inflate(codec, write(content)) == content

    def test_a_byte_more_than_allowed_is_too_large(self, codec: int, write: Write) -> None:
        """The error names the setting to raise."""
        with pytest.raises(TooLargeError, match="CONSUMER_MAX_BATCH_BYTES=1048576"):
            inflate(codec, write(bytes(MOST + 1)))

    def test_a_bomb_takes_no_more_memory_than_allowed(self, codec: int, write: Write) -> None:
        """A process that meets 256 MiB grows by the limit and what a codec looks back on."""
        argv = [sys.executable, "-c", INFLATE, str(codec), str(LIMIT)]
        bomb = write(bytes(256 << 20))
        run = subprocess.run(argv, input=bomb, capture_output=True, check=True, cwd=ROOT)
        before, after = (int(line) for line in run.stdout.split())
        assert after - before < 3 * LIMIT

    def test_what_is_cut_short_is_no_content(self, codec: int, write: Write) -> None:
        """It raises, and does not return what came before the cut."""
        with pytest.raises((cramjam.DecompressionError, ValueError)):
            inflate(codec, write(CONTENT)[:-9])


@pytest.mark.parametrize("size", [-4, 0, -(1 << 31), 1 << 30])
def test_a_block_of_an_impossible_length_is_an_end(size: int) -> None:
    """A reader that goes back by four bytes would go round for ever."""
    with pytest.raises(ValueError, match="snappy block"):
        inflate(SNAPPY, xerial(b"")[:16] + size.to_bytes(4, signed=True) + b"rest")


def test_a_codec_that_is_none_is_named() -> None:
    """Three bits have room for more than there are."""
    with pytest.raises(UnsupportedCodecError, match="compression type 7"):
        inflate(7, b"")
