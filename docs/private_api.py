"""The names of libraries that they do not promise to keep, each with the place that uses it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent / "architecture.md"
_BEGIN, _END = "<!-- private names, written by `make docs` -->\n", "<!-- end -->\n"


@dataclass(frozen=True)
class Use:
    """Names of one class or module of a library that one file of ours uses, and what for.

    `owner` is `module` or `module:Class`. Names without a leading underscore are public methods of
    parts that are private themselves. `made` names are set by its constructor: only an instance
    shows them, and `test` looks at one.
    """

    library: str
    owner: str
    names: tuple[str, ...]
    file: str
    why: str
    test: str
    made: tuple[str, ...] = ()


_LOOP = "app/kafka/in_loop.py"
_LOOP_TEST = "tests/unit/app/kafka/test_in_loop.py"
_WHY_LOOP = "its rounds run in the worker's event loop"
_CLIENTS = "common/kafka_clients.py"
_PRODUCER = "consumer/kafka/producer.py"
_READING = "consumer/kafka/reading.py"

USES = (
    Use(
        *("kafka-python", "kafka.producer.sender:Sender", ("run_once",), _LOOP, _WHY_LOOP),
        _LOOP_TEST,
        made=("_client",),
    ),
    Use(
        *("kafka-python", "kafka.net.compat:KafkaNetClient", ("poll", "wakeup"), _LOOP, _WHY_LOOP),
        _LOOP_TEST,
        made=("_net", "_manager"),
    ),
    Use(
        "kafka-python",
        "kafka.net.selector:NetworkSelector",
        ("poll", "_process_events", "_next_scheduled_timeout"),
        *(_LOOP, _WHY_LOOP, _LOOP_TEST),
        made=("_ready", "_selector"),
    ),
    Use(
        "kafka-python",
        "kafka.net.manager:KafkaConnectionManager",
        ("_connect",),
        _CLIENTS,
        "every connection comes through it: made, failed, and why",
        _LOOP_TEST,
    ),
    Use(
        *("kafka-python", "kafka.net.manager:KafkaConnectionManager", (), _LOOP, _WHY_LOOP),
        _LOOP_TEST,
        made=("_conns",),
    ),
    Use(
        "kafka-python",
        "kafka.producer.record_accumulator:RecordAccumulator",
        ("abort_undrained_batches",),
        _CLIENTS,
        "what has not been sent by the deadline never will be",
        "tests/unit/common/test_kafka_clients.py",
    ),
    Use(
        "kafka-python",
        "kafka.producer.kafka:KafkaProducer",
        ("_wait_on_metadata",),
        _PRODUCER,
        "no `send` waits for a topic",
        "tests/unit/consumer/kafka/test_batching_producer.py",
        made=("_accumulator", "_metadata", "_sender", "_transaction_manager", "_closed"),
    ),
    Use(
        "kafka-python",
        "kafka.producer.record_accumulator:RecordAccumulator",
        ("append", "begin_flush"),
        _PRODUCER,
        "a batch leaves at once where somebody waits for it",
        "tests/unit/consumer/kafka/test_batching_producer.py",
        made=("_flushes_in_progress",),
    ),
    Use(
        "kafka-python",
        "kafka.producer.transaction_manager:TransactionManager",
        (
            *("initialize_transactions", "begin_transaction", "send_offsets_to_transaction"),
            *("begin_commit", "begin_abort", "is_transactional"),
        ),
        _PRODUCER,
        "no step of a transaction waits without a limit",
        "tests/unit/consumer/kafka/test_transactional_producer.py",
    ),
    Use(
        "kafka-python",
        "kafka.consumer.fetcher:Fetcher",
        ("_parse_fetched_data", "PartitionRecords"),
        _READING,
        "an error of one partition names the partition, and the others are read on",
        "tests/unit/consumer/kafka/test_reading.py",
    ),
    Use(
        "kafka-python",
        "kafka.consumer.group:KafkaConsumer",
        (),
        _READING,
        "its fetcher is ours, and a short poll leaves no rebalance half done",
        "tests/unit/consumer/kafka/test_reading.py",
        made=("_client", "_subscription", "_fetcher", "_coordinator"),
    ),
    Use(
        "kafka-python",
        "kafka.record.memory_records:MemoryRecords",
        (),
        _READING,
        "what a batch may inflate to is bounded before it is",
        "tests/unit/consumer/kafka/test_reading.py",
        made=("_buffer",),
    ),
    Use(
        "kafka-python",
        "kafka.record.default_records:DefaultRecordBatch",
        ("_maybe_uncompress",),
        "consumer/kafka/batches.py",
        "the same, by codecs in C",
        "tests/unit/consumer/kafka/test_batches.py",
    ),
    Use(
        "gunicorn",
        "gunicorn.asgi.parser",
        ("PythonProtocol",),
        "app/gunicorn_worker/request_parser.py",
        "requests are framed by a parser that others keep",
        "tests/unit/app/gunicorn_worker/test_request_parser.py",
    ),
    Use(
        "gunicorn",
        "gunicorn.workers.base:Worker",
        ("init_process", "handle_exit", "run", "notify"),
        "app/gunicorn_worker/worker.py",
        "the interface of workers, which is not documented",
        "tests/unit/app/gunicorn_worker/test_server.py",
    ),
    Use(
        "prometheus-client",
        "prometheus_client.mmap_dict:MmapedDict",
        ("read_value", "write_value", "read_all_values_from_file"),
        "app/multiprocess_metrics.py",
        "the counts of a worker that has ended stay, and its files do not",
        "tests/unit/app/test_multiprocess_metrics.py",
    ),
    Use(
        "prometheus-client",
        "prometheus_client.values",
        ("ValueClass", "MutexValue", "MultiProcessValue"),
        "app/multiprocess_metrics.py",
        "no count asks for the process's number",
        "tests/unit/app/test_multiprocess_metrics.py",
    ),
    Use(
        "marshmallow",
        "marshmallow.exceptions",
        ("SCHEMA",),
        "app/validation/explain.py",
        "the violations of an object as a whole stand under it",
        "tests/unit/app/openrtb/test_report.py",
    ),
)


def missing(use: Use) -> list[str]:
    """Return the names of `use` that the installed library does not have."""
    module, _, name = use.owner.partition(":")
    owner = importlib.import_module(module)
    owner = getattr(owner, name) if name else owner
    return [f"{use.owner}.{each}" for each in use.names if not hasattr(owner, each)]


def page() -> str:
    """Return docs/architecture.md with the table of today's names."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    rows = "".join(
        f"| {use.library} | `{use.owner.rpartition('.')[2].replace(':', '.')}`: "
        f"{', '.join(f'`{name}`' for name in (*use.names, *use.made))} "
        f"| `{use.file}` | {use.why} |\n"
        for use in USES
    )
    head = "| library | names | used by | because |\n| --- | --- | --- | --- |\n"
    return f"{before}{_BEGIN}{head}{rows}{_END}{rest.partition(_END)[2]}"
