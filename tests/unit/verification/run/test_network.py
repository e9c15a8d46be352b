"""Ports and posting: what the local run does over TCP and HTTP."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakes.http_answers import Answer, HttpAnswers
from verification.cli import Console, main
from verification.errors import CannotRunError, CommandError, UsageError
from verification.run.ports import Port, free_port, refuse_taken
from verification.run.posting import expected_status, post_all, sample_files

pytestmark = [pytest.mark.timing, pytest.mark.promise("two-commands")]


class TestPorts:
    """A port that cannot be had is told before anything starts."""

    def test_no_two_who_ask_are_given_the_same(self) -> None:
        """Whoever is slow to listen finds its port free: it is given to nobody else meanwhile."""
        assert len({free_port() for _ in range(1000)}) == 1000

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

    @pytest.mark.parametrize(
        ("host", "told"), [("192.0.2.1", r"192\.0\.2\.1"), ("2001:db8::1", r"\[2001:db8::1\]")]
    )
    def test_another_reason_is_told(self, host: str, told: str) -> None:
        """An address that is not this machine's is refused with the system's words."""
        with pytest.raises(CannotRunError, match=rf"^cannot listen on {told}:\d+ \(A_PORT\): \w"):
            refuse_taken([Port(host, free_port(), "A_PORT")])


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

    def test_samples_and_their_status(self, samples: Path) -> None:
        """Those to accept come first; what is not named after a status is no refused sample."""
        found = [(file.name, expected_status(file)) for file in sample_files(samples)]
        assert found == [("good.json", 202), ("400-id-missing.json", 400)]

    def test_what_is_sent(self, samples: Path, ingest: HttpAnswers) -> None:
        """The body is the file; its name says type and encoding, an unknown one is bytes."""
        packed, other = samples / "a.json.gz", samples / "what"
        packed.write_bytes(gzip.compress(b"{}"))
        other.touch()
        (outcome, *_) = post_all([samples / "good.json", packed, other], f"{ingest.url}/bid")
        assert [
            (seen.headers["Content-Type"], seen.headers.get("Content-Encoding"))
            for seen in ingest.seen
        ] == [
            ("application/json", None),
            ("application/json", "gzip"),
            ("application/octet-stream", None),
        ]
        assert ingest.seen[0].body == b'{"id": "x"}'
        assert (outcome.status, outcome.detail) == (202, "bids[1]@7 x")
        assert outcome.as_expected
        assert 0 < outcome.seconds < 10

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

    @pytest.mark.parametrize(
        ("file", "at", "error", "message"),
        [
            ("good.json", "127.0.0.1:9", CannotRunError, "does not answer .* is `make run` up"),
            ("good.json", "localhost:x", UsageError, "^http://localhost:x/bid"),
            ("nothing.json", "127.0.0.1:9", UsageError, r"nothing\.json: cannot be read"),
            ("refused/expected.json", "127.0.0.1:9", UsageError, "starts with its status"),
        ],
    )
    def test_what_cannot_be_sent(
        self, samples: Path, file: str, at: str, error: type[CommandError], message: str
    ) -> None:
        """Nobody there, a URL that is none, and a file that is not there or not named right."""
        with pytest.raises(error, match=message):
            list(post_all([samples / file], f"http://{at}/bid"))


class TestSend:
    """`send` is the table of answers."""

    def send(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        """Run the command; return its status and what it wrote."""
        out, err = io.StringIO(), io.StringIO()
        code = main(["send", *arguments], Console(environ, out, err, io.BytesIO()))
        return code, out.getvalue(), err.getvalue()

    def test_prints_what_came_back(self, samples: Path, ingest: HttpAnswers) -> None:
        """A line for each file, then the sum; what the name does not say is marked and named."""
        good, bad = map(str, sample_files(samples))
        code, out, err = self.send(good, "--url", f"{ingest.url}/bid")
        assert (code, err) == (0, "")
        assert out.splitlines()[2].split()[:3] == ["good.json", "202", "202"]
        assert out.endswith("1 answers, all as expected\n")
        code, out, err = self.send(good, bad, INGEST_PORT=str(ingest.port))
        assert (code, "202!" in out) == (1, True)
        assert err == "1 of 2 not as expected: 400-id-missing.json\n"

    def test_posts_the_project_s_samples(self) -> None:
        """Without files, samples/ of the project is posted."""
        with HttpAnswers(otherwise=Answer(202)) as server:
            code, _, err = self.send("--url", server.url)
        assert code == 1  # the refused ones expect another status
        assert len(server.seen) > 20
        assert "not as expected: 400-" in err
