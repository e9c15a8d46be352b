"""Settings as one typed table per service, read from an environment that is passed in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints, runtime_checkable

from marshmallow import ValidationError
from marshmallow.fields import Field
from marshmallow.validate import Range

S = TypeVar("S")

MOST = 2_147_483_647  # what the system and Kafka take for a number
POSITIVE = Range(1, MOST)  # of whole numbers

# Variables of Apache Kafka's own scripts, found on many machines that have it installed.
NOT_OURS = frozenset(
    {
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_HEAP_OPTS",
        "KAFKA_HOME",
        "KAFKA_JMX_OPTS",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_OPTS",
    }
)
# What Kubernetes gives every pod for each Service of its namespace: one named kafka, for instance.
_SERVICE_LINK = re.compile(
    r"_SERVICE_HOST=|_SERVICE_PORT(_\w+)?=\d+$|_PORT=\w+://|_PORT_\d+_[A-Z]+(_PROTO|_PORT|_ADDR)?="
)


class SettingsError(Exception):
    """The environment holds a wrong value or an unknown name; the message is one line."""

    exit_code: ClassVar[int] = 2


@runtime_checkable
class Checked(Protocol):
    """A settings class whose rows depend on each other."""

    def check(self) -> None:
        """Raise SettingsError where the settings do not go together."""


@dataclass(frozen=True)
class Setting:
    """One row of a settings table.

    `name` is the environment variable, `parse` turns its text into the value, `default` is that
    value's text (None: must be given) and `secret` says that `<name>_FILE` is read as well.
    """

    name: str
    parse: Field[Any]
    doc: str
    default: str | None = None
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The environment variables that set this row."""
        return (self.name, f"{self.name}_FILE") if self.secret else (self.name,)

    def read(self, environ: Mapping[str, str]) -> Any:  # noqa: ANN401  the row's own type
        """Return the typed value; raise SettingsError naming the variable when it is wrong."""
        text = self._text(environ)
        if text is None:
            raise SettingsError(f"{self.name}: is required ({self.doc})")
        try:
            return self.parse.deserialize(text)
        except ValidationError as error:
            shown = "(secret)" if self.secret else repr(text)
            raise SettingsError(
                f"{self.name}={shown}: {' '.join(map(str, error.messages))}"
            ) from error

    def _text(self, environ: Mapping[str, str]) -> str | None:
        file = environ.get(f"{self.name}_FILE") if self.secret else None
        if file is None:
            return environ.get(self.name, self.default)
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.name}_FILE={file!r}: cannot be read: {error}") from error


def setting(
    name: str,
    parse: Field[Any],
    *,
    doc: str,
    default: str | None = None,
    secret: bool = False,
) -> Any:  # noqa: ANN401  stands for the annotated field, as dataclasses.field does
    """Declare a dataclass field that is read from the environment variable `name`."""
    return field(metadata={"setting": Setting(name, parse, doc, default, secret)})


def table(cls: type[Any]) -> Iterator[Setting]:
    """Yield the rows of a settings class, nested classes included, in the order written."""
    hints = get_type_hints(cls)
    for item in fields(cls):
        row = item.metadata.get("setting")
        if row is not None:
            yield row
        elif is_dataclass(hints[item.name]):
            yield from table(hints[item.name])


def read(cls: type[S], environ: Mapping[str, str]) -> S:
    """Build a settings class from the environment; raise SettingsError at the first wrong value."""
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    for item in fields(cls):  # type: ignore[arg-type]  # S is always a dataclass here
        row: Setting | None = item.metadata.get("setting")
        if row is not None:
            values[item.name] = row.read(environ)
        elif item.default is MISSING and item.default_factory is MISSING:
            values[item.name] = read(hints[item.name], environ)
    settings = cls(**values)
    if isinstance(settings, Checked):
        settings.check()
    return settings


def refuse_unknown(
    environ: Mapping[str, str], rows: Iterator[Setting], prefixes: tuple[str, ...]
) -> None:
    """Raise SettingsError for a variable with one of our prefixes that no row knows."""
    known = {name for row in rows for name in row.names} | NOT_OURS
    for name in sorted(environ):
        link = _SERVICE_LINK.search(f"{name}={environ[name]}")
        if name.startswith(prefixes) and name not in known and link is None:
            raise SettingsError(f"{name}: unknown setting (docs/configuration.md lists them all)")


def load(cls: type[S], environ: Mapping[str, str], prefixes: tuple[str, ...]) -> S:
    """Read `cls` from the environment and refuse unknown names that start with `prefixes`."""
    refuse_unknown(environ, table(cls), prefixes)
    return read(cls, environ)


def to_markdown(rows: Iterator[Setting]) -> str:
    """Render rows as a Markdown table for docs/configuration.md."""
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for row in rows:
        names = " or ".join(f"`{name}`" for name in row.names)
        default = "(required)" if row.default is None else f"`{row.default}`" if row.default else ""
        lines.append(f"| {names} | {default} | {row.doc} |")
    return "\n".join(lines) + "\n"
