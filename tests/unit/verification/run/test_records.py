"""Which records of a topic are shown, and how; topics that are created."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import TopicAlreadyExistsError

from tests.support.fakes.http_answers import HttpAnswers
from tests.support.fakes.topic_consumer import StoredRecord, TopicConsumer
from verification.cli import Console, main
from verification.commands.topic import kafka_settings
from verification.errors import CannotRunError
from verification.run.ports import free_port
from verification.run.topics import Selection, choose, create_missing, create_topics, render, select

pytestmark = pytest.mark.promise("two-commands")

RECORDS = [
    StoredRecord(0, 3, 100, b"a"),
    StoredRecord(0, 4, 400, b"b"),
    StoredRecord(0, 5, 500, b"a"),
    StoredRecord(1, 0, 200, b"c"),
    StoredRecord(1, 1, 300, b"a"),
]


@pytest.mark.parametrize(
    ("wanted", "stamps"),
    [
        pytest.param(Selection(3), [300, 400, 500], id="the newest"),
        pytest.param(Selection(2, from_beginning=True), [100, 200], id="the oldest"),
        pytest.param(Selection(99), [100, 200, 300, 400, 500], id="all"),
        pytest.param(Selection(99, from_beginning=True), [100, 200, 300, 400, 500], id="from 0"),
        pytest.param(Selection(1, key=b"b"), [400], id="a key wherever it lies"),
        pytest.param(Selection(9, key=b"a"), [100, 300, 500], id="all of a key"),
        pytest.param(Selection(9, key=b"z"), [], id="no such key"),
    ],
)
def test_what_is_chosen(wanted: Selection, stamps: list[int]) -> None:
    """Newest or oldest of all partitions, in the order of time, without what comes meanwhile."""
    consumer = TopicConsumer("bids", RECORDS)
    consumer.records.append(StoredRecord(0, 6, 600))
    assert [record.timestamp for record in choose(consumer, "bids", wanted)] == stamps


def test_an_unknown_topic_is_told() -> None:
    """The refusal lists what there is."""
    with pytest.raises(CannotRunError, match=r"^there is no topic x \(there are: bids\)$"):
        choose(TopicConsumer("bids", RECORDS), "x", Selection(1))


def test_render() -> None:
    """All of a record is there, and nothing in it moves the cursor but for its own lines."""
    value = b'\xff\n "\xc3\xbc"\0\n'
    record = StoredRecord(2, 7, 1_700_000_000_123, b"i\x1b", value, [("h\r", b"1")])
    assert render(record) == (
        "partition 2 offset 7 at 2023-11-14T22:13:20.123+00:00\n"
        '  key      i\\x1b\n  headers  h\\r=1\n  value    \\xff\n "ü"\\x00\n'
    )
    _, *nothing = render(StoredRecord(0, 0, 0, None, None)).splitlines()
    assert nothing == ["  key      -", "  headers  -", "  value    -"]


class TestCommand:
    """`topic show` on the command line."""

    @pytest.mark.parametrize(
        ("arguments", "code", "error"),
        [
            ((), 3, "python -m verification topic: "),
            (("show",), 3, "python -m verification topic show: "),
            (("show", "bids", "--limit", "0"), 3, "python -m verification topic show: "),
            (("show", "x", "--brokers", "127.0.0.1:9"), 2, "no Kafka answers at 127"),
        ],
    )
    def test_what_cannot_be_is_one_line(
        self, arguments: tuple[str, ...], code: int, error: str
    ) -> None:
        """A missing topic, a limit of nothing, and an address that does not answer are refused."""
        err = io.StringIO()
        console = Console({}, io.StringIO(), err, io.BytesIO())
        assert main(["topic", *arguments], console) == code
        assert err.getvalue().startswith(error)
        assert err.getvalue().count("\n") == 1

    def test_knows_where_kafka_is(self) -> None:
        """As asked, else KAFKA_BROKERS, else what `run` starts."""
        assert kafka_settings({}, None).brokers == "127.0.0.1:9092"
        assert kafka_settings({"RUN_KAFKA_PORT": "1234"}, None).brokers == "127.0.0.1:1234"
        assert kafka_settings({"KAFKA_BROKERS": "a:1"}, None).brokers == "a:1"
        assert kafka_settings({"KAFKA_BROKERS": "a:1"}, "b:2").brokers == "b:2"


class TestCreate:
    """Topics that cannot be created are told, those that are there are fine."""

    def test_somebody_quicker(self) -> None:
        """A topic that appears between looking and creating is as good as created."""

        def create_topics(*_topics: object, **_options: object) -> None:
            raise TopicAlreadyExistsError

        admin = SimpleNamespace(create_topics=create_topics, list_topics=list)
        assert create_missing(admin, {"bids": 1}) == ["bids"]

    def test_nobody_there(self) -> None:
        """Without an answer, all the addresses are named."""
        addresses = f"127.0.0.1:{free_port()},no.such.host.invalid:9092"
        with pytest.raises(CannotRunError, match=r"answers at 127.*, no\.such\.host\.invalid:9092"):
            create_topics({"bootstrap_servers": addresses}, {"bids": 1})

    def test_a_client_that_cannot_be_made(self) -> None:
        """What kafka-python refuses is one line, whoever answers at the address."""
        with HttpAnswers() as server:
            options: dict[str, Any] = {"bootstrap_servers": [f"127.0.0.1:{server.port}"]}
            options["no_such_option"] = 1
            with pytest.raises(CannotRunError, match=r"^Kafka at .*no_such_option"):
                select(options, "bids", Selection(1))
            with pytest.raises(CannotRunError, match=r"topics cannot be created: .*no_such_option"):
                create_topics(options, {"bids": 1})
