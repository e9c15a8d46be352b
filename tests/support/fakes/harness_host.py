"""A machine whose facts are chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class FakeHost:
    """Enough of everything, and the port is free."""

    memory_mib: int = 16_000
    disk_mib: int = 50_000
    inotify: dict[str, int] = field(
        default_factory=lambda: {"max_user_instances": 128, "max_user_watches": 8192}
    )
    owner: str | None = None

    def memory_available_mib(self) -> int:
        """Return the memory."""
        return self.memory_mib

    def disk_free_mib(self, folder: Path) -> int:
        """Return the space."""
        assert folder
        return self.disk_mib

    def inotify_limits(self) -> dict[str, int]:
        """Return the limits."""
        return self.inotify

    def port_owner(self, port: int) -> str | None:
        """Return who holds the port."""
        assert port
        return self.owner
