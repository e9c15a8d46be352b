"""Strategies and sinks that are not ours: by entry point, or by module and class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from marshmallow import fields

from common.settings import SettingsError, setting
from consumer.plugins import NoSuchPluginError, load_plugin

pytestmark = pytest.mark.promise("configured")

HERE = __name__


@dataclass(frozen=True)
class CountSettings:
    """What Counting is told."""

    least: int = setting("OURS_LEAST", fields.Integer(), doc="Least.", default="3")


@dataclass(frozen=True)
class Counting:
    """A plug-in with settings of its own."""

    settings: CountSettings
    name: str = "counting"
    Settings = CountSettings


class Broken:
    """A plug-in that cannot be made."""

    def __init__(self) -> None:
        raise LookupError("no model file")


def test_an_entry_point_of_an_installed_package_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `pip install` leaves behind is enough: nothing of ours is changed."""
    (tmp_path / "theirs.py").write_text('class Theirs:\n    name = "theirs"\n')
    installed = tmp_path / "theirs-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[rtb.x]\nby_name = theirs:Theirs\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_plugin("rtb.x", "by_name", ("name",), {}).name == "theirs"
    with pytest.raises(NoSuchPluginError, match="no entry point of rtb.y"):
        load_plugin("rtb.y", "by_name", ("name",), {})


def test_a_class_of_a_module_is_made_with_settings_of_its_own() -> None:
    """The environment is typed and checked like ours."""
    plugin = load_plugin("rtb.x", f"{HERE}:Counting", ("name",), {"OURS_LEAST": "5"})
    assert plugin == Counting(CountSettings(5))
    with pytest.raises(SettingsError, match="^OURS_LEAST='five'"):
        load_plugin("rtb.x", f"{HERE}:Counting", ("name",), {"OURS_LEAST": "five"})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("unheard_of", "is not shipped, no entry point of rtb.x and not package.module:Class"),
        (":Class", "is not shipped"),
        ("no.such.module:Class", "ModuleNotFoundError"),
        (f"{HERE}:Missing", "AttributeError"),
        (f"{HERE}:Broken", "LookupError: no model file"),
        (f"{HERE}:Counting", "Counting has no decide, no close"),
    ],
)
def test_what_cannot_be_had_is_said_with_why(name: str, why: str) -> None:
    """Whatever the author's module does, it is one error with one reason."""
    with pytest.raises(NoSuchPluginError, match=why):
        load_plugin("rtb.x", name, ("name", "decide", "close"), {})
