"""Answers that are written before there is a request to answer with Flask."""

from __future__ import annotations

import json

from app.problems import Refusal

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def raw_answer(refusal: Refusal) -> bytes:
    """Return the refusal as a whole HTTP response (RFC 9112) that ends the connection."""
    body = json.dumps(refusal.problem()).encode("ascii")
    fields = {
        **refusal.headers(),
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    head = [f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}"]
    head += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*head, "", ""]).encode("ascii") + body
