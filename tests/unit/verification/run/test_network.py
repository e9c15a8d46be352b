"""Ports, readiness and posting: what the local run does over HTTP and TCP."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.fakes.http_answers import Answer, HttpAnswers
from tests.support.waiting import eventually
from verification.cli import Console, main
from verification.errors import CannotRunError, UsageError
from verification.run.ports import Port, free_port, refuse_taken
from verification.run.posting import expected_status, post_all, sample_files
from verification.run.pump import Pump
from verification.run.service import Service, ServicePlan

pytestmark = pytest.mark.timing


class TestRefuseTaken:
    """A port in use is told before anything starts."""

    def test_no_two_who_ask_are_given_the_same(self) -> None:
        """Whoever is slow to listen finds its port free: it is given to nobody else meanwhile."""
        assert len({free_port() for _ in range(1000)}) == 1000

    def test_free_ports_are_fine(self) -> None:
        """Nothing is said about free ports, and they are free afterwards."""
        port = Port("127.0.0.1", free_port(), "A_PORT")
        refuse_taken([port])
        refuse_taken([port])

    def test_a_taken_port_names_who_and_the_setting(self) -> None:
        """The refusal has the port, its holder where the system tells, and what to set."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            number = server.getsockname()[1]
            with pytest.raises(CannotRunError) as error:
                refuse_taken([Port("127.0.0.1", number, "A_PORT")])
        text = str(error.value)
        assert text.startswith(f"port {number} is taken")
        assert text.endswith("stop that or set A_PORT to another port")
        if sys.platform == "linux":
            assert f"(pid {os.getpid()})" in text

    def test_a_taken_port_without_a_listener_names_nobody(self) -> None:
        """A port that is held and not listened on is taken all the same."""
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            number = holder.getsockname()[1]
            with pytest.raises(CannotRunError, match=f"^port {number} is taken: stop that or"):
                refuse_taken([Port("127.0.0.1", number, "A_PORT")])

    def test_two_of_ours_must_differ(self) -> None:
        """The same port twice is refused, naming the second setting."""
        number = free_port()
        with pytest.raises(CannotRunError, match=f"^A and B_PORT are both {number}: set B_PORT"):
            refuse_taken([Port("127.0.0.1", number, "A"), Port("127.0.0.1", number, "B_PORT")])

    def test_another_reason_is_told(self) -> None:
        """An address that is not this machine's is refused with the system's words."""
        with pytest.raises(CannotRunError, match=r"^cannot listen on 192\.0\.2\.1:\d+ \(A_PORT\)"):
            refuse_taken([Port("192.0.2.1", free_port(), "A_PORT")])

    def test_an_ipv6_address_is_understood(self) -> None:
        """A colon in the host means IPv6."""
        with pytest.raises(CannotRunError, match=r"^cannot listen on \[2001:db8::1\]:"):
            refuse_taken([Port("2001:db8::1", free_port(), "A_PORT")])


class Lines:
    """Pumps that collect what a service writes."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.err: list[bytes] = []
        self.pumps = (Pump(self.out.append, bool), Pump(self.err.append, bool))
        for pump in self.pumps:
            pump.release()


def service(lines: Lines, folder: Path, script: str, port: int = 9) -> Service:
    """Return a service that runs a shell script."""
    plan = ServicePlan("fake", ("sh", "-c", script), os.environ, "127.0.0.1", port)
    return Service(plan, *lines.pumps, folder)


class TestService:
    """A service is a process with a readiness endpoint."""

    @pytest.fixture(autouse=True)
    def _patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Machines that run tests stand still at times."""
        for name in ("_PROBE_S", "_DRAIN_S"):
            monkeypatch.setattr(f"verification.run.service.{name}", 30)

    def test_its_lines_arrive_where_they_belong(self, tmp_path: Path) -> None:
        """Standard output and error each have their pump, complete once it was stopped."""
        lines = Lines()
        unit = service(lines, tmp_path, "echo log; echo oops >&2; exit 3")
        unit.launch()
        assert unit.pid is not None
        assert eventually(unit.poll, "the end") == 3
        assert unit.stop(1) == 3
        assert (lines.out, lines.err) == ([b"log\n"], [b"oops\n"])

    def test_before_its_start_there_is_nothing_to_stop(self, tmp_path: Path) -> None:
        """A service that was never launched has no status and can be stopped and killed."""
        unit = service(Lines(), tmp_path, "true")
        assert (unit.pid, unit.poll(), unit.stop(1)) == (None, None, None)
        unit.kill()

    def has(self, lines: Lines, count: int) -> bool:
        """Say whether so many lines have come."""
        return len(lines.out) == count

    def test_it_can_be_killed_and_launched_again(self, tmp_path: Path) -> None:
        """A second launch is a new process."""
        lines = Lines()
        unit = service(lines, tmp_path, "echo up; exec sleep 60")
        for count in (1, 2):
            unit.launch()
            eventually(partial(self.has, lines, count), "its line")
            unit.kill()
            assert unit.poll() == -9

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (Answer(200), None),
            (Answer(503, b'{"status":"not ready","reasons":["a","b"]}'), "/readyz says a, b"),
            (Answer(503, b"<html>"), "/readyz says b'<html>'"),
            (Answer(404, b"[]"), "/readyz says b'[]'"),
        ],
    )
    def test_says_why_it_is_not_ready(
        self, answer: Answer, reason: str | None, tmp_path: Path
    ) -> None:
        """200 is ready; else the reasons of the endpoint, or what it said, are given."""
        with HttpAnswers({"/readyz": answer}) as server:
            assert service(Lines(), tmp_path, "", server.port).blocked_by() == reason

    def test_no_answer_is_a_reason(self, tmp_path: Path) -> None:
        """A closed port is named."""
        port = free_port()
        unit = service(Lines(), tmp_path, "", port)
        assert unit.blocked_by() == f"127.0.0.1:{port} does not answer (ConnectionRefusedError)"


ACCEPTED = {"id": "x", "status": "accepted", "topic": "bids", "partition": 1, "offset": 7}
REFUSED = {"title": "Bad", "errors": [{"path": "id", "rule": "required", "message": "is required"}]}


@pytest.fixture
def ingest() -> Iterator[HttpAnswers]:
    """Serve an ingest that accepts everything."""
    with HttpAnswers({"/bid": Answer(202, json.dumps(ACCEPTED).encode())}) as server:
        yield server


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Write two samples, one to accept and one to refuse, and a file that is none."""
    refused = tmp_path / "samples" / "refused"
    refused.mkdir(parents=True)
    (refused.parent / "good.json").write_bytes(b'{"id": "x"}')
    (refused / "400-id-missing.json").write_bytes(b"{}")
    (refused / "expected.json").write_bytes(b"{}")
    return refused.parent


class TestPosting:
    """Files go out as they are; names say what must come back."""

    def test_samples_are_found(self, samples: Path) -> None:
        """Those to accept come first; what is not named after a status is no refused sample."""
        assert [file.name for file in sample_files(samples)] == ["good.json", "400-id-missing.json"]

    def test_the_name_says_the_status(self, samples: Path) -> None:
        """202, or what a refused sample's name begins with."""
        assert [expected_status(file) for file in sample_files(samples)] == [202, 400]

    def test_a_refused_sample_without_a_status_is_an_error(self) -> None:
        """A name in refused/ that does not begin with a status is refused."""
        with pytest.raises(UsageError, match="starts with its status"):
            expected_status(Path("samples/refused/x.json"))

    def test_bytes_and_type_are_sent(self, samples: Path, ingest: HttpAnswers) -> None:
        """The body is the file, the type is JSON."""
        file = samples / "good.json"
        (outcome,) = post_all([file], f"{ingest.url}/bid")
        assert ingest.seen[0].body == file.read_bytes()
        assert ingest.seen[0].headers["Content-Type"] == "application/json"
        assert (outcome.status, outcome.detail) == (202, "bids[1]@7 x")
        assert outcome.as_expected
        assert 0 < outcome.seconds < 10

    def test_a_compressed_file_says_so(self, tmp_path: Path, ingest: HttpAnswers) -> None:
        """A .gz file goes out with its encoding; an unknown type as bytes."""
        packed = tmp_path / "a.json.gz"
        packed.write_bytes(gzip.compress(b"{}"))
        other = tmp_path / "what"
        other.touch()
        list(post_all([packed, other], f"{ingest.url}/bid"))
        assert ingest.seen[0].headers["Content-Encoding"] == "gzip"
        assert ingest.seen[0].headers["Content-Type"] == "application/json"
        assert ingest.seen[1].headers["Content-Type"] == "application/octet-stream"

    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            (json.dumps(REFUSED).encode(), "id: is required"),
            (b'{"title": "Service Unavailable"}', "Service Unavailable"),
            (b"plain", "plain"),
            (b"[]", "[]"),
        ],
    )
    def test_a_refusal_is_told_in_words(self, body: bytes, detail: str, samples: Path) -> None:
        """Errors are listed; without any the title; without that the body."""
        with HttpAnswers(otherwise=Answer(400, body)) as server:
            (outcome,) = post_all([samples / "good.json"], server.url)
        assert outcome.detail == detail
        assert not outcome.as_expected

    def test_nobody_there_is_told(self, samples: Path) -> None:
        """Without an ingest, the URL and `make run` are named."""
        with pytest.raises(CannotRunError, match="does not answer .* is `make run` up"):
            list(post_all([samples / "good.json"], f"http://127.0.0.1:{free_port()}/bid"))

    def test_a_wrong_url_is_told(self, samples: Path) -> None:
        """A URL without a usable port is a usage error."""
        with pytest.raises(UsageError, match=r"^http://localhost:x/bid"):
            list(post_all([samples / "good.json"], "http://localhost:x/bid"))

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path, ingest: HttpAnswers) -> None:
        """A missing file is a usage error with its path."""
        with pytest.raises(UsageError, match=r"nothing\.json: cannot be read"):
            list(post_all([tmp_path / "nothing.json"], ingest.url))


class TestSend:
    """`send` is the table of answers."""

    def send(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        """Run the command; return its status and what it wrote."""
        out, err = io.StringIO(), io.StringIO()
        code = main(["send", *arguments], Console(environ, out, err, io.BytesIO()))
        return code, out.getvalue(), err.getvalue()

    def test_prints_what_came_back(self, samples: Path, ingest: HttpAnswers) -> None:
        """A line for each file, then the sum; 0 when all is as expected."""
        code, out, err = self.send(str(samples / "good.json"), "--url", f"{ingest.url}/bid")
        assert (code, err) == (0, "")
        assert out.splitlines()[2].split()[:3] == ["good.json", "202", "202"]
        assert out.endswith("1 answers, all as expected\n")

    def test_an_unexpected_answer_fails(self, samples: Path, ingest: HttpAnswers) -> None:
        """An answer other than the name says is marked, named, and status 1."""
        bad = samples / "refused" / "400-id-missing.json"
        code, out, err = self.send(
            str(samples / "good.json"), str(bad), INGEST_PORT=str(ingest.port)
        )
        assert code == 1
        assert "202!" in out
        assert err == "1 of 2 not as expected: 400-id-missing.json\n"

    def test_posts_the_project_s_samples(self) -> None:
        """Without files, samples/ of the project is posted."""
        with HttpAnswers(otherwise=Answer(202)) as server:
            code, _, err = self.send("--url", server.url)
        assert code == 1  # the refused ones expect another status
        assert len(server.seen) > 20
        assert "not as expected: 400-" in err
