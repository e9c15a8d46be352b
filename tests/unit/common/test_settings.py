"""Settings: one table, read from the environment that is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from marshmallow import fields, validate

from common.settings import SettingsError, load, setting

pytestmark = pytest.mark.promise("configured")

SIZE = fields.Integer(validate=validate.Range(min=1))


@dataclass(frozen=True)
class Inner:
    """A table within a table."""

    password: str = setting("DEMO_PASSWORD", fields.String(), doc="Secret.", secret=True)


@dataclass(frozen=True)
class Demo:
    """Three rows, one nested."""

    inner: Inner
    size: int = setting("DEMO_SIZE", SIZE, doc="Bytes.", default="3")
    pin: int = setting("DEMO_PIN", fields.Integer(), doc="Pin.", default="1", secret=True)


def read(**environ: str) -> Demo:
    """Load the demo table from an environment with a password in it."""
    return load(Demo, {"DEMO_PASSWORD": "s3cret", **environ}, ("DEMO_", "KAFKA_"))


def test_the_environment_comes_before_the_default() -> None:
    """A row that is not in it has its documented default, typed."""
    assert read() == Demo(Inner("s3cret"), 3, 1)
    assert read(DEMO_SIZE="7").size == 7


@pytest.mark.parametrize("text", ["0", "seven", "", "1.5"])
def test_a_wrong_value_is_refused_in_one_line_that_names_it(text: str) -> None:
    """It holds the name and the text."""
    with pytest.raises(SettingsError) as refused:
        read(DEMO_SIZE=text)
    assert str(refused.value).startswith(f"DEMO_SIZE={text!r}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"PATH": "/bin", "DEMOGRAPHY": "x"},
        {"KAFKA_HOME": "/opt/kafka"},
        {"DEMO_SERVICE_HOST": "10.0.0.1"},
        {"DEMO_SERVICE_PORT": "9092"},
        {"DEMO_SERVICE_PORT_CLIENTS": "9092"},
        {"DEMO_PORT": "tcp://10.0.0.1:9092"},
        {"DEMO_PORT_9092_TCP": "tcp://10.0.0.1:9092"},
        {"DEMO_PORT_9092_TCP_PROTO": "tcp"},
        {"DEMO_PORT_9092_TCP_PORT": "9092"},
        {"DEMO_PORT_9092_TCP_ADDR": "10.0.0.1"},
    ],
)
def test_the_variables_of_others_are_passed_over(environ: dict[str, str]) -> None:
    """Those of Kafka's own scripts too, and what Kubernetes says of a Service named like us."""
    assert read(**environ) == read()


@pytest.mark.parametrize(("name", "text"), [("DEMO_SIZES", "7"), ("DEMO_PORT", "9092")])
def test_an_unknown_name_with_our_prefix_is_refused(name: str, text: str) -> None:
    """A misspelt one, or a port that somebody has typed and that is no address of a Service."""
    with pytest.raises(SettingsError, match=f"^{name}: unknown setting"):
        read(**{name: text})


def test_what_is_required_is_said() -> None:
    """A row without default that is not given is refused by name."""
    with pytest.raises(SettingsError, match="^DEMO_PASSWORD: is required"):
        load(Demo, {}, ("DEMO_",))


@pytest.mark.promise("secured")
def test_a_secret_is_read_from_a_file_and_never_shown(tmp_path: Path) -> None:
    """`<name>_FILE` wins, and its last line break is not part of it; one that is away is named."""
    path = tmp_path / "password"
    path.write_text("from-file\n")
    assert read(DEMO_PASSWORD_FILE=str(path)).inner.password == "from-file"
    with pytest.raises(SettingsError, match="^DEMO_PASSWORD_FILE="):
        read(DEMO_PASSWORD_FILE=str(tmp_path / "absent"))
    with pytest.raises(SettingsError, match="^DEMO_PIN=") as refused:
        read(DEMO_PIN="hunter2")
    assert "hunter2" not in str(refused.value)
