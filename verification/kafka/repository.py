"""Where jars come from: the Maven repository that the user or jgo's defaults name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from jgo.maven import MavenContext, ProfileConstraints, PythonResolver

from verification.errors import CannotRunError

_TIMEOUT_S = 30
# Pins must not depend on the machine that resolved them.
_NEUTRAL = ProfileConstraints(jdk="17", os_name="Linux", os_family="unix", os_arch="amd64")


def repository_url(environ: Mapping[str, str], home: Path) -> str | None:
    """Return the repository that the user asks for; None: the one that jgo knows.

    `MAVEN_REPO_URL` wins over a mirror of central in `~/.m2/settings.xml`.
    """
    if given := environ.get("MAVEN_REPO_URL"):
        return given.rstrip("/")
    settings = home / ".m2" / "settings.xml"
    try:
        text = settings.read_text(encoding="utf-8")
        root = ET.fromstring(text)  # noqa: S314  the user's own file, no entity is fetched
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ET.ParseError) as error:
        message = f"{settings}: cannot be read as Maven settings: {error}"
        raise CannotRunError(message) from error
    return _mirror(root)


def _mirror(root: ET.Element) -> str | None:
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        patterns = (mirror.findtext("{*}mirrorOf") or "").replace(" ", "").split(",")
        url = (mirror.findtext("{*}url") or "").strip()
        if url and {"*", "external:*", "central"} & set(patterns) and "!central" not in patterns:
            return url.rstrip("/")
    return None


def maven(store: Path, url: str | None) -> MavenContext:
    """Return a Maven client that stores what it downloads under `store`."""
    return MavenContext(
        resolver=PythonResolver(_NEUTRAL),
        repo_cache=store,
        remote_repos=None if url is None else {"chosen": url},
        timeout=_TIMEOUT_S,
    )
