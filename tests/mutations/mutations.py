"""The rules that make the promises so, each broken on purpose, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass

from verification.promises import PROMISES

_UNIT = "tests/unit/app"
_CONSUMER = "tests/unit/consumer"
_FAULTS = "tests/services/faults"
_WORKER = "app/gunicorn_worker"
_DOOR = f"{_UNIT}/gunicorn_worker/test_front_door.py"


@dataclass(frozen=True)
class Mutation:
    """A change of one file, given as text that occurs in it once, and the test that must notice.

    docs/reliability.md has a row for each that has a `fault`: what no client and no setting can do
    to the ingest, and the `rule` without which it would be there again.
    """

    name: str
    promise: str
    file: str
    old: str
    new: str
    test: str
    fault: str = ""
    rule: str = ""

    def __post_init__(self) -> None:
        """Refuse a promise that nobody gives."""
        if self.promise not in PROMISES:
            raise ValueError(f"{self.name}: {self.promise} is no promise")


MUTATIONS = (
    Mutation(
        "acknowledged by the leader alone",
        "acknowledged",
        "app/kafka/kafka_publisher.py",
        '"acks": "all",\n        "enable_idempotence": True,',
        '"acks": 1,\n        "enable_idempotence": False,',
        f"{_FAULTS}/test_broken_network.py::test_a_connection_that_breaks_is_made_up_for",
    ),
    Mutation(
        "committed before the effects",
        "never-lost",
        "consumer/processing/at_least_once.py",
        "        progress = self._processor.process(polled)\n",
        "        self._commits.add({tp: records[-1] for tp, records in polled.items()})\n"
        "        self._commits.flush()\n"
        "        progress = self._processor.process(polled)\n",
        f"{_FAULTS}/test_consumer_trouble.py::test_killed_at_a_step_of_a_batch",
    ),
    Mutation(
        "no end to a round",
        "record-isolation",
        "consumer/processing/batch.py",
        "            if self.clock.monotonic() >= end or self.stop.requested:\n",
        "            if self.stop.requested:\n",
        f"{_CONSUMER}/test_rounds.py",
    ),
    Mutation(
        "what cannot be read is kept",
        "record-isolation",
        "consumer/kafka/reading.py",
        "            self.drain()\n",
        "",
        "tests/unit/consumer/kafka/test_reading.py",
    ),
    Mutation(
        "no bound on what waits",
        "bounded",
        "app/kafka/in_flight.py",
        "        return len(self._waiting) < self._max_records and",
        "        return True or",
        f"{_UNIT}/kafka/test_in_flight.py",
    ),
    Mutation(
        "no drain",
        "drains",
        "app/kafka/kafka_publisher.py",
        "self.supervisor.close(max(deadline - self._monotonic(), 0))",
        "self.supervisor.close(0)",
        f"{_UNIT}/kafka/test_kafka_publisher.py::TestClose",
    ),
    Mutation(
        "liveness tied to Kafka",
        "recovers",
        "app/http/probes.py",
        '"stuck", worker_state.not_alive()',
        '"stuck", worker_state.not_alive() + publisher.not_ready()',
        f"{_FAULTS}/test_broken_network.py::test_away_for_longer_is_503_and_then_over",
    ),
    Mutation(
        "an error of one connection reaches the loop",
        "client-isolation",
        "app/loop/event_loop.py",
        "            handler.fail(error)\n",
        "            raise\n",
        f"{_DOOR}::TestTrouble::test_an_error_of_ours_costs_one_connection",
        "Bytes that an error of ours goes with (a length of 4,301 digits, say) end a worker, and "
        "all that others have in it",
        "An error that nobody foresaw costs the connection that it came from",
    ),
    Mutation(
        "the application gets what has not ended",
        "client-isolation",
        f"{_WORKER}/connection.py",
        "        if parser.complete:\n",
        "        if parser.request is not None:\n",
        f"{_DOOR}::TestTime::test_a_body_that_does_not_arrive",
        "A request that is framed in an odd way (a chunk's size with leading zeros, say) passes "
        "for whole, and holds up whoever runs it",
        "One parser frames a request; the application gets it when that says that it has ended",
    ),
    Mutation(
        "any time to read an answer",
        "client-isolation",
        f"{_WORKER}/client_socket.py",
        "            self.start_countdown(self._writing)\n",
        "            self.start_countdown(None)\n",
        f"{_DOOR}::TestTime::test_a_client_that_does_not_read",
        "Clients that do not read their answers keep a worker from answering others",
        "No write blocks; what is not read is bounded in bytes and in seconds",
    ),
    Mutation(
        "what a connection held stays counted",
        "bounded",
        f"{_WORKER}/connection.py",
        '        self._behind = b""\n        self._hold_or_close()\n',
        "",
        f"{_DOOR}::TestHeldBytes::test_nothing_is_left_when_the_client_has_gone",
        "Bytes are counted in and never out (empty lines ahead of requests, say), until a worker "
        "refuses everybody",
        "The account is what is held, measured anew after each step, and nothing is kept beside it",
    ),
    Mutation(
        "empty lines begin a request",
        "client-isolation",
        f"{_WORKER}/request_parser.py",
        "        return data[2 * lines + len(self._line_end) :]\n",
        "        return data\n",
        f"{_DOOR}::TestHeldBytes::test_empty_lines_are_held_for_nobody",
        "Empty lines ahead of a request pass for its beginning, and take its client's time",
        "A request begins with its first byte that is none of an empty line",
    ),
    Mutation(
        "leave to send with each piece of a body",
        "explicit",
        f"{_WORKER}/connection.py",
        "            parser.expects_continue = False\n",
        "",
        f"{_DOOR}::TestExpectations::test_one_leave_to_go_on_and_one_answer",
        "A client that asks for leave to send its body (`Expect`) is told twice, and takes the "
        "second for its answer",
        "One `100 Continue` a request, none for HTTP/1.0 and none with a refusal",
    ),
    Mutation(
        "any number of chunks",
        "bounded",
        f"{_WORKER}/request_parser.py",
        "besides - len(self._protocol.remaining()) <= _MOST_HEAD",
        "self.request is not None",
        f"{_UNIT}/gunicorn_worker/test_request_parser.py"
        "::test_chunks_must_not_cost_much_more_than_their_body",
        "A body in chunks of one byte costs far more than its bytes",
        "What comes besides a body is bounded as a head is; a body is put together once",
    ),
    Mutation(
        "requests on their way are not bounded",
        "bounded",
        "app/kafka/in_flight.py",
        "            if change > 0 and not self._has_room_to_hold(change):\n",
        "            if self._max_bytes < 0:\n",
        f"{_DOOR}::TestHeldBytes::test_a_crowd_makes_room_for_others",
        "Whole requests wait in a queue without a bound: memory grows, and answers come long "
        "after their deadline",
        "One account, with one limit, of all that is not answered; beyond it 503 at once",
    ),
    Mutation(
        "requests on their way may take all there is",
        "bounded",
        "app/kafka/in_flight.py",
        "_HELD = 0.5\n",
        "_HELD = 1.0\n",
        f"{_UNIT}/kafka/test_in_flight.py::test_what_is_no_record_leaves_room_for_records",
        "Requests that begin and do not end leave no room for the records of those that do",
        "What is no record has half of the bytes at most; who holds them longest makes room",
    ),
    Mutation(
        "a pass without an end",
        "client-isolation",
        "app/loop/event_loop.py",
        "_MOST_S = 0.01 ",
        "_MOST_S = 1000.0 ",
        f"{_UNIT}/loop/test_event_loop.py::test_a_pass_ends_when_it_has_taken_long",
        "Many that are ready at once, or large bodies side by side, hold up everybody else",
        "A pass of the loop ends after 10 ms; who is left comes first in the next",
    ),
    Mutation(
        "fields pass for variables of the server",
        "secured",
        f"{_WORKER}/wsgi.py",
        'f"HTTP_{text.upper()',
        'f"{text.upper()',
        f"{_UNIT}/gunicorn_worker/test_exchange.py"
        "::TestEnviron::test_no_client_says_who_or_where_it_is",
        "A client gives itself a path, a scheme or an address by fields that are a proxy's",
        "A field's name in the environment begins with `HTTP_`; what says who and where is the "
        "socket's",
    ),
    Mutation(
        "a script name out of the environment",
        "secured",
        f"{_WORKER}/server.py",
        '        "raw_env": ["SCRIPT_NAME="],',
        '        "raw_env": [],',
        f"{_UNIT}/gunicorn_worker/test_server.py::test_no_proxy_is_trusted",
        "`SCRIPT_NAME` in the environment, or a proxy on loopback, changes every request",
        "gunicorn is told that there is no proxy and no script name",
    ),
    Mutation(
        "an early refusal is not counted",
        "counted",
        f"{_WORKER}/connection.py",
        "        self._door.note_problem(problem, self._parser.request)\n",
        "",
        f"{_DOOR}::TestTime::test_a_body_that_does_not_arrive",
        "A refusal that the application had no part in is in no counter",
        "Every refusal is rendered, counted and logged in one place each",
    ),
    Mutation(
        "every early refusal is a bid's",
        "counted",
        "app/service.py",
        '        if (method, path) == ("POST", "/bid"):\n',
        "        if True:\n",
        f"{_UNIT}/test_service.py::test_an_early_refusal_is_counted_for_what_was_asked",
        "Whatever is refused early counts as a bid",
        "An early refusal is a bid's where it is known to be one: `POST /bid`",
    ),
    Mutation(
        "any character in a field",
        "secured",
        f"{_WORKER}/response.py",
        '    if head.count("\\r") != lines or',
        "    if lines < 0 and",
        f"{_UNIT}/gunicorn_worker/test_exchange.py::TestHead::test_no_field_becomes_two",
        "An answer's field or status with an end of line in it becomes two",
        "One place puts heads together, and refuses such a one",
    ),
    Mutation(
        "a thread ends with its first error",
        "recovers",
        "common/threads.py",
        "        except BaseException as error:",
        "        except KeyboardInterrupt as error:",
        f"{_UNIT}/kafka/test_producer_supervisor.py::TestConnecting::test_it_goes_on_trying",
        "The thread that connects to Kafka, or looks after a worker, dies of an error, and nothing "
        "ever connects",
        "Every thread of both services is one that logs what it meets and goes on",
    ),
    Mutation(
        "gzip by one name alone",
        "valid",
        "app/http/body.py",
        '        case ["gzip" | "x-gzip"]:',
        '        case ["gzip"]:',
        f"{_UNIT}/http/test_body.py::TestEncoding::test_gzip_is_inflated",
        "A body is refused for another name of a coding that is taken",
        "`x-gzip` is gzip",
    ),
    Mutation(
        "an address of IPv6 without brackets",
        "configured",
        "common/addresses.py",
        '    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"\n',
        '    return f"{host}:{port}"\n',
        f"{_UNIT}/gunicorn_worker/test_server.py::test_any_kind_of_address",
        "An address of IPv6 is refused, or ends in a traceback",
        "Wherever an address is read or written, one of IPv6 is in brackets",
    ),
    Mutation(
        "the Kafka client's own limit of a record",
        "valid",
        "common/topic_limits.py",
        '{"max_request_size": max(limits), ',
        '{"max_request_size": 1 << 20, ',
        "tests/unit/common/test_topic_limits.py::test_a_producer_takes_what_its_topic_takes",
        "A bid is refused as too large for a topic that would take it",
        "The producer's limits are the topic's own",
    ),
    Mutation(
        "limits that contradict each other",
        "configured",
        "app/settings.py",
        "        if self.max_pending_bytes < least:\n",
        "        if self.max_pending_bytes < 0:\n",
        f"{_UNIT}/test_ingest_settings.py::test_what_does_not_go_is_a_line_at_the_start",
        "Two limits that contradict each other refuse every large body",
        "Settings that cannot work together are one line, and exit code 2",
    ),
)
