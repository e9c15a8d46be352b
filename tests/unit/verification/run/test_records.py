"""Which records of a topic are shown, and how."""

from __future__ import annotations

import io

import pytest
from kafka.errors import TopicAlreadyExistsError

from tests.support.fakes.http_answers import HttpAnswers
from tests.support.fakes.topic_consumer import StoredRecord, TopicConsumer
from verification.cli import Console, main
from verification.commands.topic import kafka_settings
from verification.errors import CannotRunError
from verification.run.create_topics import create_one, create_topics
from verification.run.ports import free_port
from verification.run.records import Selection, choose, render, select

RECORDS = [
    StoredRecord(0, 3, 100, b"a"),
    StoredRecord(0, 4, 400, b"b"),
    StoredRecord(0, 5, 500, b"a"),
    StoredRecord(1, 0, 200, b"c"),
    StoredRecord(1, 1, 300, b"a"),
]


def chosen(wanted: Selection) -> list[int]:
    """Return the time stamps of the records that are chosen."""
    consumer = TopicConsumer("bids", RECORDS)
    return [record.timestamp for record in choose(consumer, "bids", wanted)]


class TestChoose:
    """Newest or oldest, over all partitions, in the order of time."""

    def test_the_newest_are_the_default(self) -> None:
        """The last records of all partitions, oldest of them first."""
        assert chosen(Selection(3)) == [300, 400, 500]

    def test_the_oldest_on_demand(self) -> None:
        """From the beginning, the first records come."""
        assert chosen(Selection(2, from_beginning=True)) == [100, 200]

    def test_fewer_than_asked_for_is_all(self) -> None:
        """A limit beyond the end shows everything once."""
        assert chosen(Selection(99)) == [100, 200, 300, 400, 500]

    def test_a_key_selects_from_everything(self) -> None:
        """The newest record of a key is found wherever it lies."""
        assert chosen(Selection(1, key=b"b")) == [400]
        assert chosen(Selection(9, key=b"a")) == [100, 300, 500]
        assert chosen(Selection(9, key=b"z")) == []

    def test_what_comes_meanwhile_is_left_out(self) -> None:
        """Records beyond the end seen at the start are not waited for, nor shown."""
        consumer = TopicConsumer("bids", RECORDS)
        consumer.records.append(StoredRecord(0, 6, 600))
        wanted = Selection(99, from_beginning=True)
        assert [r.timestamp for r in choose(consumer, "bids", wanted)][-1] == 500

    def test_an_unknown_topic_is_told(self) -> None:
        """The refusal lists what there is."""
        with pytest.raises(CannotRunError, match=r"^there is no topic x \(there are: bids\)$"):
            choose(TopicConsumer("bids", RECORDS), "x", Selection(1))


class TestRender:
    """A record as text that a terminal cannot be fooled by."""

    def test_shows_everything(self) -> None:
        """Position, time, key, headers and value are there."""
        record = StoredRecord(2, 7, 1_700_000_000_123, b"id", b'{\n "a": 1}\n', [("h", b"1")])
        assert render(record) == (
            "partition 2 offset 7 at 2023-11-14T22:13:20.123+00:00\n"
            "  key      id\n"
            "  headers  h=1\n"
            '  value    {\n "a": 1}\n'
        )

    def test_nothing_is_a_dash(self) -> None:
        """A record without key, headers and value is still a record."""
        text = render(StoredRecord(0, 0, 0, None, None))
        assert [line.split()[-1] for line in text.splitlines()[1:]] == ["-"] * 3

    def test_control_characters_are_harmless(self) -> None:
        """Nothing in a record moves the cursor."""
        text = render(StoredRecord(0, 0, 0, b"\x1b[2J", b"\x07", [("\r", b"\x00")]))
        assert not set(text) & {"\x1b", "\x07", "\r", "\x00"}


class TestCommand:
    """`topic show` on the command line."""

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run the command; return its status and what it complained of."""
        err = io.StringIO()
        code = main(["topic", *arguments], Console({}, io.StringIO(), err, io.BytesIO()))
        return code, err.getvalue()

    @pytest.mark.parametrize("arguments", [("show",), ("show", "bids", "--limit", "0"), ()])
    def test_nonsense_is_refused(self, arguments: tuple[str, ...]) -> None:
        """A missing topic, or a limit of nothing, is a usage error on one line."""
        code, err = self.run(*arguments)
        assert (code, err.count("\n")) == (3, 1)

    def test_no_kafka_is_status_2(self) -> None:
        """Without a Kafka at the address nothing can be shown."""
        code, err = self.run("show", "x", "--limit", "3", "--brokers", f"127.0.0.1:{free_port()}")
        assert (code, err.count("\n")) == (2, 1)

    def test_knows_where_kafka_is(self) -> None:
        """As asked, else KAFKA_BROKERS, else what `run` starts."""
        assert kafka_settings({}, None).brokers == "127.0.0.1:9092"
        assert kafka_settings({"RUN_KAFKA_PORT": "1234"}, None).brokers == "127.0.0.1:1234"
        assert kafka_settings({"KAFKA_BROKERS": "a:1"}, None).brokers == "a:1"
        assert kafka_settings({"KAFKA_BROKERS": "a:1"}, "b:2").brokers == "b:2"


class QuickerRival:
    """An admin client that always finds the topic just created by somebody else."""

    def create_topics(self, *_topics: object, **_options: object) -> None:
        """Refuse."""
        raise TopicAlreadyExistsError


def test_somebody_quicker_is_fine() -> None:
    """A topic that appears between looking and creating is as good as created."""
    create_one(QuickerRival(), "bids", 1)


class TestNoKafka:
    """Nobody there is told in one line, at once."""

    def test_reading(self) -> None:
        """`topic show` names the address that does not answer."""
        options = {"bootstrap_servers": [f"127.0.0.1:{free_port()}"]}
        with pytest.raises(CannotRunError, match=r"^no Kafka answers at 127\.0\.0\.1:\d+: is"):
            select(options, "bids", Selection(1))

    def test_creating(self) -> None:
        """Topics that cannot be created are an error with all the addresses."""
        addresses = f"127.0.0.1:{free_port()},no.such.host.invalid:9092"
        with pytest.raises(CannotRunError, match=r"answers at 127.*, no\.such\.host\.invalid:9092"):
            create_topics({"bootstrap_servers": addresses}, {"bids": 1})

    def test_a_client_that_cannot_be_made_is_told(self) -> None:
        """What kafka-python refuses is one line, whoever answers at the address."""
        with HttpAnswers() as server:
            options = {"bootstrap_servers": [f"127.0.0.1:{server.port}"], "no_such_option": 1}
            with pytest.raises(CannotRunError, match=r"^Kafka at .*no_such_option"):
                select(options, "bids", Selection(1))
            with pytest.raises(CannotRunError, match=r"topics cannot be created: .*no_such_option"):
                create_topics(options, {"bids": 1})
