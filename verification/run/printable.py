"""Text from elsewhere, made harmless for a terminal."""

from __future__ import annotations


def printable(text: str | bytes | None, also: str = "") -> str:
    """Return the text with everything but printable characters and those of `also` escaped."""
    if text is None:
        return "-"
    if isinstance(text, bytes):
        text = text.decode(errors="backslashreplace")
    return "".join(x if x.isprintable() or x in also else ascii(x)[1:-1] for x in text)
