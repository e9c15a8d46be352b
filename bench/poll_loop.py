"""The limit of the consumer: a bare kafka-python poll loop that counts, or that parses as well.

`python -m bench.poll_loop count|parse TOPIC RECORDS` prints records a second and CPU microseconds
a record as JSON; the clock runs from the first record on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition

Handle = Callable[[bytes], object]
_HANDLERS: dict[str, Handle] = {"count": lambda _value: None, "parse": json.loads}


def consume(consumer: KafkaConsumer, handle: Handle, records: int) -> dict[str, float]:
    """Read `records` records and return what it took."""
    seen, started, cpu = 0, 0.0, 0.0
    while seen < records:
        for batch in consumer.poll(timeout_ms=500).values():
            if not seen:
                started, cpu = time.perf_counter(), time.process_time()
            for record in batch:
                handle(record.value)
            seen += len(batch)
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    return {"rate": seen / took_s, "cpu_us": cpu_s * 1e6 / seen}


def main(how: str, topic: str, records: int) -> None:
    """Read the topic from its beginning."""
    consumer = KafkaConsumer(
        bootstrap_servers=os.environ["KAFKA_BROKERS"], auto_offset_reset="earliest"
    )
    partitions = consumer.partitions_for_topic(topic) or set()
    consumer.assign([TopicPartition(topic, number) for number in partitions])
    found = consume(consumer, _HANDLERS[how], records)
    consumer.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
