"""Bodies of 256 KiB made to cost as much as they can, by name."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

SIZE = 262_144


def hostile_bodies() -> Mapping[str, bytes]:
    """Return each body under a name that says what it does."""
    return {
        "valid: objects in ext": _many(b'{"id":"1","imp":[%s],"ext":[' % _IMP, b"{}", b"]}"),
        "valid: arrays in ext": _many(b'{"id":"1","imp":[%s],"ext":[' % _IMP, b"[]", b"]}"),
        "valid: data objects": _many(_DATA, b"{}", b"]}}"),
        "valid: segments, one bad": _many(_DATA + b'{"id":1,"segment":[', b"{}", b"]}]}}"),
        "valid: impressions": _numbered(b'{"id":"%d","banner":{}}', b""),
        "impressions, the last bad": _numbered(b'{"id":"%d","banner":{}}', b",{}"),
        "impressions, all empty": _many(b'{"id":"1","imp":[', b"{}", b"]}"),
        "impressions, all null": _many(b'{"id":"1","imp":[', b"null", b"]}"),
        "impressions, all twice": _many(b'{"id":"1","imp":[', b'{"id":"1","banner":{}}', b"]}"),
        "impressions, every 64th bad": _numbered(b'{"id":"%d","banner":{}}', b"", every=64),
        "bad deals in bad impressions": _numbered(
            b'{"id":%d,"banner":{"format":[1]},"pmp":{"deals":[{},{"id":1},{"durfloors":[1]}]}}',
            b"",
        ),
        "deals of one impression, the last bad": _many(
            b'{"id":"1","imp":[{"id":"1","banner":{},"pmp":{"deals":[',
            b'{"id":"1"}',
            b',{"durfloors":[1]}]}}]}',
        ),
        "durfloors, the last bad": _many(
            b'{"id":"1","imp":[{"id":"1","banner":{},"pmp":{"deals":[{"id":"1","durfloors":[',
            b"{}",
            b",1]}]}}]}",
        ),
        "strings of an array, the last bad": _many(
            b'{"id":"1","imp":[%s],"bcat":[' % _IMP, b'""', b",1]}"
        ),
        "strings of an array, all bad": _many(b'{"id":"1","imp":[%s],"bcat":[' % _IMP, b"1", b"]}"),
        "every array bad": _every_array(),
        "unknown members": _numbered_members(),
        "a name twice, at the end": _many(
            b'{"id":"1","imp":[%s],"ext":[' % _IMP, b"{}", b',{"a":1,"a":2}]}'
        ),
        "NaN after many objects": _many(b'{"id":"1","ext":[', b"{}", b",NaN]}"),
        "half a surrogate after many objects": _many(
            b'{"id":"1","ext":[', b'{"":[]}', rb',"\ud800"]}'
        ),
        "half a surrogate after many nests": _many(
            b'{"id":"1","ext":[', b"[" * 62 + b"]" * 62, rb',"\ud800"]}'
        ),
        "nested arrays, closed": b'{"id":' + b"[" * (SIZE // 2) + b"]" * (SIZE // 2 - 8) + b"}",
        "nested arrays, open": b"[" * SIZE,
        "nested objects, open": b'{"a":' * (SIZE // 5),
        "many nests of 63": _many(b'{"id":"1","imp":1,"ext":[', b"[" * 62 + b"]" * 62, b"]}"),
        "a long integer": b'{"id":' + b"9" * (SIZE - 10) + b"}",
        "a long fraction": b'{"id":0.' + b"9" * (SIZE - 12) + b"}",
        "long integers": _many(b'{"id":"1","imp":1,"ext":[', b"9" * 4_300, b"]}"),
        "long fractions": _many(b'{"id":"1","imp":1,"ext":[', b"0." + b"9" * 700 + b"e-9", b"]}"),
        "a long string": b'{"id":"' + b"a" * (SIZE - 12) + b'","imp":1}',
        "a string of escapes": b'{"id":1,"ext":"' + rb"\u003a" * ((SIZE - 20) // 6) + b'"}',
        "a string of backslashes": b'{"id":1,"ext":"\\u003c' + rb"\\" * ((SIZE - 30) // 2) + b'"}',
        "a string of surrogates": b'{"id":1,"ext":"'
        + rb"\ud83d\ude00" * ((SIZE - 20) // 12)
        + b'"}',
        "half a surrogate, at the end": b'{"id":1,"ext":["'
        + rb"\u00e9" * ((SIZE - 40) // 6)
        + rb'","\ud800"]}',
        "not UTF-8, at the end": b'{"id":"' + b"a" * (SIZE - 12) + b'\xff"}',
        "colons": b'{"id":1,"ext":"' + b":" * (SIZE - 20) + b'"}',
    }


def hostile_streams() -> Mapping[str, bytes]:
    """Return gzip streams alike: what they inflate to is next to nothing."""
    return {
        "gzip: empty members": _members(b""),
        "gzip: members of one byte": _members(b"x"),
        "gzip: blocks that hold nothing": _blocks(bytes.fromhex("000000ffff")),
        "gzip: blocks that hold a table of codes": _blocks(_TWO_TABLES),
    }


def hostile_requests() -> Mapping[str, bytes]:
    """Return whole requests alike: how their bodies come is what costs."""
    return {
        "chunks of one byte, as many as are taken": _chunked(1, 13_000),
        "chunks of one byte, 54,000 of them": _chunked(1, 54_000),
        "chunks of 32 bytes": _chunked(32, SIZE // 32),
    }


_IMP = b'{"id":"1","banner":{}}'
_DATA = b'{"id":"1","imp":[%s],"user":{"data":[' % _IMP

# Two dynamic blocks (RFC 1951 section 3.2.7): the shortest tables that zlib takes, and their end.
_TWO_TABLES = bytes.fromhex("04c0810800000000207feb43001c880000000000f2b73e")


def _members(each: bytes) -> bytes:
    member, last = gzip.compress(each, mtime=0), gzip.compress(b"{", mtime=0)
    return member * ((SIZE - len(last)) // len(member)) + last


def _blocks(each: bytes) -> bytes:
    empty = gzip.compress(b"", mtime=0)
    head, end = empty[:10], empty[10:]
    return head + each * ((SIZE - len(empty)) // len(each)) + end


def _chunked(size: int, number: int) -> bytes:
    chunk = b"%x\r\n%b\r\n" % (size, b" " * size)
    head = b"POST /bid HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + chunk * number + b"0\r\n\r\n"


def _many(start: bytes, element: bytes, end: bytes) -> bytes:
    count = (SIZE - len(start) - len(end)) // (len(element) + 1)
    return start + b",".join([element] * count) + end


def _numbered(element: bytes, last: bytes, every: int = 0) -> bytes:
    count = (SIZE - 100) // (len(element) + 5)
    parts = [b"{}" if every and not n % every else element % n for n in range(count)]
    return b'{"id":"1","imp":[' + b",".join(parts) + last + b"]}"


def _numbered_members() -> bytes:
    parts = (b'"%d":0' % n for n in range((SIZE - 100) // 10))
    return b'{"id":"1","imp":1,' + b",".join(parts) + b"}"


def _every_array() -> bytes:
    bad: list[object] = [{}] * 400
    video = dict.fromkeys(("mimes", "protocols", "companionad", "api", "durfloors"), bad)
    banner = dict.fromkeys(("format", "btype", "battr", "mimes", "expdir", "api"), bad)
    imp = {"video": video, "banner": banner, "audio": video, "metric": bad, "iframebuster": bad}
    names = ("wseat", "bseat", "cur", "wlang", "wlangb", "acat", "bcat", "badv", "bapp")
    data = {"data": bad, "kwarray": bad, "eids": bad}
    content = {"content": {**data, "genres": bad, "cat": bad}, "cat": bad, "sectioncat": bad}
    document = dict.fromkeys(names, bad)
    contexts = {"site": content, "app": content, "dooh": content, "user": data}
    return json.dumps({"id": 1, "imp": [imp] * 6, **document, **contexts}).encode()[:SIZE]
