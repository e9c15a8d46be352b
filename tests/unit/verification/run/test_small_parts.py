"""The small parts of the local run: messages, pump, settings, banner."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from common.settings import SettingsError
from tests.support.fakes.local_units import Terminal
from verification.run.banner import Facts, banner, sample
from verification.run.local_settings import RunSettings, reachable, read_settings
from verification.run.messages import Messages
from verification.run.pump import HELD_LINES, Pump

pytestmark = pytest.mark.promise("two-commands")


@pytest.mark.parametrize(
    ("stream", "written"),
    [
        (Terminal(), "one\ntwo\n\r\x1b[Ka\r\x1b[Ka\r\x1b[Kb\r\x1b[Kdone\n"),
        (io.StringIO(), "one\ntwo\na\nb\ndone\n"),
    ],
    ids=["terminal", "file"],
)
def test_messages(stream: io.StringIO, written: str) -> None:
    """Lines stay; a status is erased by what comes next on a terminal, comes once elsewhere."""
    messages = Messages(stream)
    messages.say("one")
    messages.say("two")
    for text in ("a", "a", "b"):
        messages.show(text)
    messages.say("done")
    assert stream.getvalue() == written


class Place:
    """Takes `room` lines, then nobody reads any more."""

    def __init__(self, room: int = HELD_LINES) -> None:
        self.room = room
        self.lines: list[bytes] = []
        self.broken = 0
        self.pump = Pump(self.write, self.note)

    def write(self, line: bytes) -> None:
        """Take the line or fail."""
        if len(self.lines) == self.room:
            raise BrokenPipeError
        self.lines.append(line)

    def note(self) -> None:
        """Count how often it was told that nobody reads."""
        self.broken += 1

    def copy(self, data: bytes) -> None:
        """Have the pump copy `data` to its end."""
        self.pump.attach(io.BytesIO(data)).join(5)


class TestPump:
    """Whole lines, after the banner."""

    def test_holds_lines_back_until_released(self) -> None:
        """Nothing is written before release; then all in order, what is unfinished as a line."""
        place = Place()
        place.copy(b"one\ntwo\n")
        assert place.lines == []
        place.pump.release()
        place.copy(b"three\nhalf a li")
        assert place.lines == [b"one\n", b"two\n", b"three\n", b"half a li\n"]

    @pytest.mark.promise("bounded")
    def test_what_is_held_is_bounded(self) -> None:
        """Only the newest lines are kept."""
        place = Place()
        place.copy(b"".join(b"%d\n" % number for number in range(HELD_LINES + 5)))
        place.pump.release()
        assert len(place.lines) == HELD_LINES
        assert place.lines[0] == b"5\n"

    def test_tells_once_when_nobody_reads(self) -> None:
        """A broken place is reported once, and what follows is dropped."""
        place = Place(room=1)
        place.pump.release()
        place.copy(b"1\n2\n3\n")
        assert (place.lines, place.broken) == ([b"1\n"], 1)

    def test_does_not_mind_at_the_end(self) -> None:
        """After `finish` a broken place is no event any more."""
        place = Place(room=0)
        place.pump.finish()
        place.copy(b"1\n")
        assert place.broken == 0


@pytest.mark.promise("configured")
class TestRunSettings:
    """What the local run reads from the environment."""

    def test_defaults_keep_to_this_machine(self) -> None:
        """Without settings all listens on loopback at its documented port; services are told."""
        settings = read_settings({})
        expected = RunSettings(9092, ".data/kafka", "127.0.0.1", 8080, 8082, "127.0.0.1", 8081)
        assert settings == expected
        assert settings.service_environ() == {
            "INGEST_HOST": "127.0.0.1",
            "INGEST_PORT": "8080",
            "INGEST_ADMIN_PORT": "8082",
            "CONSUMER_HEALTH_HOST": "127.0.0.1",
            "CONSUMER_HEALTH_PORT": "8081",
        }

    @pytest.mark.parametrize(
        ("name", "value"), [("RUN_KAFKA_PORT", "x"), ("INGEST_PORT", "0"), ("RUN_KAFKA_PROT", "1")]
    )
    def test_wrong_settings_are_named(self, name: str, value: str) -> None:
        """A wrong value or an unknown name of ours is refused by name."""
        with pytest.raises(SettingsError, match=f"^{name}"):
            read_settings({name: value})

    @pytest.mark.parametrize(
        ("host", "address"),
        [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.1", "10.0.0.1")],  # noqa: S104  not bound
    )
    def test_a_server_is_reached_where_it_listens(self, host: str, address: str) -> None:
        """Who listens everywhere is reached on loopback."""
        assert reachable(host) == address


def test_banner() -> None:
    """Each address and command fits the settings, and what is the default needs none."""

    def text(**environ: str) -> str:
        settings, brokers = read_settings(environ), "127.0.0.1:9092"
        return banner(Facts(settings, brokers, True, "bids", "samples/a.json", "py", 2.25))  # noqa: FBT003  a fact

    assert "make send\n" in text()
    told = text(INGEST_PORT="8888", INGEST_ADMIN_PORT="8889")
    assert "ready after 2.2 s" in told
    assert "--data-binary @samples/a.json http://localhost:8888/bid\n" in told
    assert "make send INGEST_PORT=8888\n" in told
    assert "  http://localhost:8889/docs\n" in told
    assert "py -m verification topic show bids --brokers 127.0.0.1:9092\n" in told


def test_the_banner_names_a_sample_that_is_there(tmp_path: Path) -> None:
    """The curl line posts an existing file: banner.json, or the first by name."""
    folder = tmp_path / "samples"
    folder.mkdir()
    for name, named in ((".none", "banner"), ("video.json", "video"), ("banner.json", "banner")):
        (folder / name).touch()
        assert sample(tmp_path) == f"samples/{named}.json"
