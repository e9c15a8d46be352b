"""Why a command ends early, and with which exit code."""

from __future__ import annotations

from typing import ClassVar


class CommandError(Exception):
    """A command cannot go on; the message is what the user reads, without a traceback."""

    exit_code: ClassVar[int] = 1


class CheckFailedError(CommandError):
    """What was looked at is not as promised."""

    exit_code = 1


class CannotRunError(CommandError):
    """Something is missing or in the way; the message says how to mend it."""

    exit_code = 2


class UsageError(CommandError):
    """The command line makes no sense."""

    exit_code = 3
