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


class HarnessError(CannotRunError):
    """The run cannot go on; the message says what happened, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message, and the hint on a line of its own."""
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class ToolError(HarnessError):
    """An executable did not do what it was asked to."""


class ToolMissingError(ToolError):
    """The executable is not on the PATH."""


class ToolTimeoutError(ToolError):
    """The executable was ended because it did not finish in time."""


class ToolFailedError(ToolError):
    """The executable ended with a status other than 0."""


class ToolOutputError(ToolError):
    """The executable ended well and printed something that cannot be understood."""


class RolloutError(HarnessError):
    """The deployment does not come up: the product's fault, not the machine's."""

    exit_code = 1
