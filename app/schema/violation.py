"""A broken rule of a bid request, as a partner reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """A broken rule, and where: `imp[0].video.mimes`; empty for the request as a whole.

    `rule` is a stable slug for machines, `message` a sentence for people that continues the path.
    Neither ever holds anything of the request's own values. Fields, constraints and relations
    raise it without its path: only who walks the document knows that. `section` is the section of
    OpenRTB 2.6 that states the rule; empty: that of the object in which it was broken.
    """

    rule: str
    message: str
    path: str = ""
    section: str = ""
