"""Strategies and sinks of other people's: found by name, made, and looked at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from common.settings import SettingsError, read


class NoSuchPluginError(Exception):
    """A setting names nothing that is there and can be used; the message says why."""


def load_plugin(group: str, name: str, members: Collection[str], environ: Mapping[str, str]) -> Any:  # noqa: ANN401  the caller knows the protocol, and `members` are its own
    """Return an object of the class called `name`; raise NoSuchPluginError or SettingsError.

    `package.module:Class` is imported; any other name is one of the entry points of `group` that
    installed packages have. A class with an attribute `Settings`, a dataclass of rows as
    common.settings reads them, is given these; any other is given nothing.
    """
    entry = _entry(group, name)
    try:
        cls = entry.load()
        plugin = cls(read(cls.Settings, environ)) if hasattr(cls, "Settings") else cls()
    except SettingsError:
        raise
    except Exception as error:  # the module is its author's, and may do anything
        raise NoSuchPluginError(f"{type(error).__name__}: {error}") from error
    if lacking := [member for member in members if not hasattr(plugin, member)]:
        raise NoSuchPluginError(f"{type(plugin).__name__} has no {', no '.join(lacking)}")
    return plugin


def _entry(group: str, name: str) -> EntryPoint:
    module, colon, cls = name.partition(":")
    if module and colon and cls:
        return EntryPoint(name, name, group)
    found = entry_points(group=group, name=name)
    if not found:
        raise NoSuchPluginError(
            f"is not shipped, no entry point of {group} and not package.module:Class"
        )
    return next(iter(found))
