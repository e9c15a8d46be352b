"""No new connection while a server ends, so that it can serve every one that it has.

Between the last look into the listen backlog and the close of the listening socket, a client can
still be connected by the kernel, and is then reset with its request unread.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from contextlib import suppress

from gunicorn.arbiter import Arbiter

_SO_ATTACH_FILTER = 26  # Linux, asm-generic/socket.h; Python's socket module does not name it
# Classic BPF (struct sock_filter: code, jump if true, jump if false, operand), which the kernel
# runs on each segment that comes for the listening socket, from its TCP header on.
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte with the flags (RFC 9293 section 3.1)
    (0x45, 0, 1, 0x02),  # SYN set? the next instruction, else the one after
    (0x06, 0, 0, 0),  # keep no byte of the segment
    (0x06, 0, 0, 0xFFFFFFFF),  # keep all of it
)


def turn_newcomers_away(listener: socket.socket) -> None:
    """Let no further connection be made; those that are made stay in the listen backlog.

    A newcomer's SYN is dropped. It comes again after a second, and is refused if the socket is
    closed by then. Only Linux does this; elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
    program = ctypes.create_string_buffer(code)
    with suppress(OSError):  # a sandbox may not know filters, and the end must not fail for it
        listener.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("HP", len(_DROP_SYN), ctypes.addressof(program)),  # struct sock_fprog
        )


class ServingArbiter(Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's arbiter, which ends only after every connection that was made is served."""

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002  gunicorn's own
        """Take no new connection, then end the workers."""
        # a socket that systemd or a successor after SIGUSR2 goes on with stays as it is
        if self.reexec_pid == self.master_pid == 0 and not self.systemd:
            for listener in self.LISTENERS:
                turn_newcomers_away(listener.sock)
        super().stop(graceful)
