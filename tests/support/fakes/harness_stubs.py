"""Stub executables that misbehave, in a folder that is the whole PATH."""

from __future__ import annotations

import sys
from pathlib import Path

_DOCKER_INFO = '{"ServerVersion": "29.0.0", "CgroupVersion": "2"}'
_CLIENT = '{"clientVersion": {"gitVersion": "v1.34.3"}}'

# What each executable prints when it is well.
WELL = {
    "docker": f"import sys; print('{_DOCKER_INFO}' if 'info' in sys.argv else '{{\"Id\": \"x\"}}')",
    "kind": "import sys; print('kind v0.33.0' if 'version' in sys.argv else '')",
    "kubectl": f"import sys; print('{_CLIENT}')",
}


class Stubs:
    """A folder of executables, each a line of Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, code in WELL.items():
            self.write(name, code)

    def write(self, name: str, code: str) -> Path:
        file = self.folder / name
        file.write_text(f"#!{sys.executable} -IS\n{code}\n", encoding="utf-8")
        file.chmod(0o755)
        return file

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def environ(self, state: Path) -> dict[str, str]:
        """Return an environment in which these are all the executables there are."""
        return {"PATH": str(self.folder), "VERIFY_DIR": str(state), "INGEST_PORT": "1"}
