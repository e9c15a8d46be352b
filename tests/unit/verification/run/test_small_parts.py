"""The small parts of the local run: messages, pump, printable, restarts, settings, banner."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from common.settings import SettingsError
from tests.support.fakes.local_units import Terminal
from verification.run.banner import Facts, banner, sample
from verification.run.local_settings import RunSettings, reachable, read_settings
from verification.run.messages import Messages
from verification.run.printable import printable
from verification.run.pump import HELD_LINES, Pump
from verification.run.restarts import RestartBudget


class TestMessages:
    """Lines stay, statuses pass."""

    def test_a_status_is_overwritten_on_a_terminal(self) -> None:
        """What comes next erases a passing status."""
        stream = Terminal()
        messages = Messages(stream)
        messages.show("waiting")
        messages.show("waiting")
        messages.say("done")
        assert stream.getvalue() == "\r\x1b[Kwaiting\r\x1b[Kwaiting\r\x1b[Kdone\n"

    def test_a_line_erases_nothing_that_is_not_there(self) -> None:
        """Without a status before it, a line comes plain."""
        stream = Terminal()
        messages = Messages(stream)
        messages.say("one")
        messages.say("two")
        assert stream.getvalue() == "one\ntwo\n"

    def test_elsewhere_a_status_comes_once_and_without_escapes(self) -> None:
        """In a file, repeated statuses do not pile up."""
        stream = io.StringIO()
        messages = Messages(stream)
        for text in ("a", "a", "b"):
            messages.show(text)
        messages.say("done")
        assert stream.getvalue() == "a\nb\ndone\n"


class BrokenPlace:
    """Accepts `left` lines, then nobody reads any more."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.written: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Take the line or fail."""
        if self.left == 0:
            raise BrokenPipeError
        self.left -= 1
        self.written.append(line)


def copy(pump: Pump, data: bytes) -> None:
    """Have the pump copy `data` to its end."""
    pump.attach(io.BytesIO(data)).join(5)


class TestPump:
    """Whole lines, after the banner."""

    def test_holds_lines_back_until_released(self) -> None:
        """Nothing is written before release, everything in order after it."""
        written: list[bytes] = []
        pump = Pump(written.append, lambda: None)
        copy(pump, b"one\ntwo\n")
        assert written == []
        pump.release()
        copy(pump, b"three\n")
        assert written == [b"one\n", b"two\n", b"three\n"]

    def test_ends_the_last_line(self) -> None:
        """What a killed process left unfinished does not swallow the next line."""
        written: list[bytes] = []
        pump = Pump(written.append, lambda: None)
        pump.release()
        copy(pump, b"half a li")
        assert written == [b"half a li\n"]

    def test_what_is_held_is_bounded(self) -> None:
        """Only the newest lines are kept."""
        written: list[bytes] = []
        pump = Pump(written.append, lambda: None)
        copy(pump, b"".join(b"%d\n" % number for number in range(HELD_LINES + 5)))
        pump.release()
        assert len(written) == HELD_LINES
        assert written[0] == b"5\n"

    def test_tells_once_when_nobody_reads(self) -> None:
        """A broken place is reported once, and what follows is dropped."""
        broken: list[str] = []
        place = BrokenPlace(1)
        pump = Pump(place.write, lambda: broken.append("broken"))
        pump.release()
        copy(pump, b"1\n2\n3\n")
        assert place.written == [b"1\n"]
        assert broken == ["broken"]

    def test_does_not_mind_at_the_end(self) -> None:
        """After `finish` a broken place is no event any more."""
        broken: list[str] = []
        pump = Pump(BrokenPlace(0).write, lambda: broken.append("broken"))
        pump.finish()
        copy(pump, b"1\n")
        assert broken == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, "-"),
        ("plain ü", "plain ü"),
        (b"\xff\x00", "\\xff\\x00"),
        ("a\x1b[31mb\r", "a\\x1b[31mb\\r"),
    ],
)
def test_printable_escapes_what_a_terminal_would_obey(given: bytes | str, shown: str) -> None:
    """Control characters and broken UTF-8 are shown, not obeyed."""
    assert printable(given) == shown


def test_printable_keeps_what_is_asked_for() -> None:
    """Line breaks survive where they are wanted."""
    assert printable("a\nb\x00", also="\n") == "a\nb\\x00"


class TestRestartBudget:
    """Five a minute, each pause twice the one before."""

    def test_pauses_double_and_end(self) -> None:
        """The sixth death within a minute is one too many."""
        budget = RestartBudget()
        pauses = [budget.after_death(float(second)) for second in range(6)]
        assert pauses == [0.5, 1, 2, 4, 8, None]
        assert budget.used == 5

    def test_old_deaths_are_forgotten(self) -> None:
        """A death a minute ago counts no more."""
        budget = RestartBudget()
        budget.after_death(0)
        assert budget.after_death(59.9) == 1
        assert budget.after_death(60.0) == 1
        assert budget.after_death(200.0) == 0.5


class TestRunSettings:
    """What the local run reads from the environment."""

    def test_defaults_keep_to_this_machine(self) -> None:
        """Without settings, everything listens on loopback at its documented port."""
        assert read_settings({}) == RunSettings(
            9092, ".data/kafka", "127.0.0.1", 8080, 8082, "127.0.0.1", 8081
        )

    def test_services_are_told(self) -> None:
        """What is read is what the services get."""
        given = {"INGEST_PORT": "1234", "INGEST_ADMIN_PORT": "1235"}
        environ = read_settings(given).service_environ()
        assert environ.items() >= given.items()
        assert environ["CONSUMER_HEALTH_HOST"] == "127.0.0.1"

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


def facts(**environ: str) -> Facts:
    """Return what a banner tells, with settings from `environ`."""
    settings = read_settings(environ)
    return Facts(settings, "127.0.0.1:9092", True, "bids", "samples/a.json", "py", 2.25)  # noqa: FBT003  a fact


class TestBanner:
    """The banner is what to type next."""

    def test_shows_commands_that_fit_the_settings(self) -> None:
        """Each address in the banner is the one in use."""
        text = banner(facts(INGEST_PORT="8888", INGEST_ADMIN_PORT="8889"))
        assert "ready after 2.2 s" in text
        assert "--data-binary @samples/a.json http://localhost:8888/bid\n" in text
        assert "make send INGEST_PORT=8888\n" in text
        assert "  http://localhost:8889/docs\n" in text
        assert "py -m verification topic show bids --brokers 127.0.0.1:9092\n" in text

    def test_defaults_need_no_setting(self) -> None:
        """With the default port, `make send` alone does it."""
        assert "make send\n" in banner(facts())

    def test_names_a_sample_that_is_there(self, tmp_path: Path) -> None:
        """The curl line posts an existing file: banner.json, or the first by name."""
        folder = tmp_path / "samples"
        folder.mkdir()
        assert sample(tmp_path) == os.path.join("samples", "banner.json")  # noqa: PTH118  as text
        (folder / "video.json").touch()
        assert sample(tmp_path).endswith("video.json")
        (folder / "banner.json").touch()
        assert sample(tmp_path).endswith("banner.json")
