"""Become a command that does not outlive its parent, kill -9 of the parent included.

Run as a script by `processes.py`, before anything else of the child:

    python -I -S lifeline.py parent=PID COMMAND...    Linux: the kernel kills when the parent dies
    python -I -S lifeline.py pipe=FD COMMAND...       elsewhere: a second process waits for the end
                                                      of a pipe that the parent holds, and kills

Standard library only, and little of it: this runs at each start of each process.
"""

from __future__ import annotations

import os
import select
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Arrange for the end, then become the command."""
    tie, *command = argv
    kind, _, number = tie.partition("=")
    if kind == "parent":
        _tie_to_parent(int(number))
    else:
        _watch_pipe(int(number))
    os.execvp(command[0], command)  # noqa: S606  becomes the command, no shell


def _tie_to_parent(parent: int) -> None:
    import ctypes  # noqa: PLC0415  slow to load and of no use elsewhere

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def _watch_pipe(pipe: int) -> None:
    watched = os.getpid()
    if os.fork() != 0:
        os.close(pipe)
        return
    os.setsid()  # out of reach of what is sent to the command's process group
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    select.select([pipe], [], [])
    if os.getppid() == watched:
        os.kill(watched, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
