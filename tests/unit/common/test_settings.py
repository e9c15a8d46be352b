"""Settings: one table, read from the environment that is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from marshmallow import fields, validate

from common.settings import SettingsError, load, setting, table, to_markdown


@dataclass(frozen=True)
class Inner:
    """A table within a table."""

    password: str = setting("DEMO_PASSWORD", fields.String(), doc="Secret.", secret=True)


@dataclass(frozen=True)
class Demo:
    """Two rows, one nested."""

    inner: Inner
    size: int = setting(
        "DEMO_SIZE", fields.Integer(validate=validate.Range(min=1)), doc="Bytes.", default="3"
    )


def read(**environ: str) -> Demo:
    """Load the demo table from an environment with a password in it."""
    return load(Demo, {"DEMO_PASSWORD": "s3cret", **environ}, ("DEMO_",))


class TestLoad:
    """Reading a table."""

    def test_takes_the_default_of_what_is_not_given(self) -> None:
        """A row that is not in the environment has its documented default, typed."""
        assert read() == Demo(Inner("s3cret"), 3)

    def test_takes_the_environment_before_the_default(self) -> None:
        """A row in the environment wins over its default."""
        assert read(DEMO_SIZE="7").size == 7

    @pytest.mark.parametrize("text", ["0", "seven", "", "1.5"])
    def test_refuses_a_wrong_value_in_one_line_that_names_it(self, text: str) -> None:
        """A wrong value is refused with one line that holds its name and its text."""
        with pytest.raises(SettingsError) as refused:
            read(DEMO_SIZE=text)
        assert str(refused.value).startswith(f"DEMO_SIZE={text!r}: ")
        assert "\n" not in str(refused.value)

    def test_refuses_an_unknown_name_with_our_prefix(self) -> None:
        """A misspelt name is refused instead of silently ignored."""
        with pytest.raises(SettingsError, match="^DEMO_SIZES: unknown setting"):
            read(DEMO_SIZES="7")

    def test_ignores_the_names_of_others(self) -> None:
        """What does not carry our prefix is none of our business."""
        assert read(PATH="/bin", DEMOGRAPHY="x") == read()

    def test_ignores_the_variables_of_kafkas_own_scripts(self) -> None:
        """A machine that has Kafka installed is no reason to refuse to start."""
        load(Demo, {"DEMO_PASSWORD": "x", "KAFKA_HOME": "/opt/kafka"}, ("DEMO_", "KAFKA_"))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DEMO_SERVICE_HOST", "10.0.0.1"),
            ("DEMO_SERVICE_PORT", "9092"),
            ("DEMO_SERVICE_PORT_CLIENTS", "9092"),
            ("DEMO_PORT", "tcp://10.0.0.1:9092"),
            ("DEMO_PORT_9092_TCP", "tcp://10.0.0.1:9092"),
            ("DEMO_PORT_9092_TCP_PROTO", "tcp"),
            ("DEMO_PORT_9092_TCP_PORT", "9092"),
            ("DEMO_PORT_9092_TCP_ADDR", "10.0.0.1"),
        ],
    )
    def test_ignores_what_kubernetes_says_of_a_service(self, name: str, value: str) -> None:
        """A Service whose name begins as ours do is no reason to refuse to start."""
        assert read(**{name: value}) == read()

    def test_refuses_what_only_looks_alike(self) -> None:
        """A port that somebody has typed is no address of a Service."""
        with pytest.raises(SettingsError, match="^DEMO_PORT: unknown setting"):
            read(DEMO_PORT="9092")

    def test_says_what_is_required(self) -> None:
        """A row without default that is not given is refused by name."""
        with pytest.raises(SettingsError, match="^DEMO_PASSWORD: is required"):
            load(Demo, {}, ("DEMO_",))


class TestSecrets:
    """Rows that may come from a file and are never shown."""

    def test_reads_a_secret_from_a_file(self, tmp_path: Path) -> None:
        """`<name>_FILE` wins, and the file's last line break is not part of the secret."""
        path = tmp_path / "password"
        path.write_text("from-file\n")
        assert read(DEMO_PASSWORD_FILE=str(path)).inner.password == "from-file"

    def test_says_which_file_cannot_be_read(self, tmp_path: Path) -> None:
        """A missing secret file is refused with the variable's name."""
        with pytest.raises(SettingsError, match="^DEMO_PASSWORD_FILE="):
            read(DEMO_PASSWORD_FILE=str(tmp_path / "absent"))

    def test_never_shows_a_wrong_secret(self) -> None:
        """The text of a secret is not in the error."""

        @dataclass(frozen=True)
        class Pin:
            pin: int = setting("DEMO_PIN", fields.Integer(), doc="Pin.", secret=True)

        with pytest.raises(SettingsError) as refused:
            load(Pin, {"DEMO_PIN": "hunter2"}, ("DEMO_",))
        assert "hunter2" not in str(refused.value)


def test_the_table_lists_nested_rows_in_order() -> None:
    """The documentation lists every row once, in the order written."""
    assert [row.name for row in table(Demo)] == ["DEMO_PASSWORD", "DEMO_SIZE"]


def test_the_markdown_shows_name_default_and_meaning() -> None:
    """The rendered table tells what a reader needs to set a row."""
    rendered = to_markdown(table(Demo))
    assert "| `DEMO_PASSWORD` or `DEMO_PASSWORD_FILE` | (required) | Secret. |" in rendered
    assert "| `DEMO_SIZE` | `3` | Bytes. |" in rendered
