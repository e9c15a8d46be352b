"""The sinks that CONSUMER_SINKS names, ours or somebody else's, begun and ended together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.settings import SettingsError
from consumer.metrics import ConsumerMetrics
from consumer.plugins import NoSuchPluginError, load_plugin
from consumer.runtime import Clock
from consumer.settings.sinks import KAFKA, SinkSettings
from consumer.sinks.jsonl import JsonLines
from consumer.sinks.log import LogSink
from consumer.sinks.queued import Bounds, DroppingSink, DurableSink, QueuedSink
from consumer.sinks.sink import Sink

ENTRY_POINTS = "rtb.sinks"


@dataclass(frozen=True)
class Sinks:
    """The sinks of one service; that of Kafka is the poll loop's own, and only named here."""

    writes_to_kafka: bool = True
    durable: Sequence[DurableSink] = ()
    dropping: Sequence[DroppingSink] = ()

    def start(self) -> None:
        """Begin to deliver."""
        for sink in self._queued():
            sink.start()

    def drain(self, seconds: float, clock: Clock) -> None:
        """Deliver what is there, within `seconds` in all; what is left then is dropped."""
        end = clock.monotonic() + seconds
        for sink in self._queued():
            sink.close()
        for sink in self._queued():
            sink.stop(max(end - clock.monotonic(), 0))

    def _queued(self) -> Sequence[QueuedSink]:
        return (*self.durable, *self.dropping)


def _json_lines(settings: SinkSettings) -> Sink:
    try:
        path = Path(settings.jsonl_path)
        return JsonLines(path, settings.jsonl_max_bytes, settings.jsonl_files)
    except OSError as error:
        raise SettingsError(f"CONSUMER_JSONL_PATH={settings.jsonl_path!r}: {error}") from error


# kafka is not among them: it writes through the producer, and so into the transaction, of the loop
SHIPPED: Mapping[str, Callable[[SinkSettings], Sink]] = {
    "jsonl": _json_lines,
    "log": lambda _settings: LogSink(),
}


def load_sinks(
    settings: SinkSettings,
    environ: Mapping[str, str],
    timeout_s: float,
    metrics: ConsumerMetrics,
    clock: Clock,
) -> Sinks:
    """Make the sinks that the settings name; raise SettingsError where that cannot be done.

    `environ` is for the settings of sinks that are not ours; `timeout_s` is how long a sink may
    take for an acknowledgement.
    """
    bounds = Bounds(settings.queue, settings.queue_bytes, timeout_s)
    ours = {name: _load_sink(name, settings, environ) for name in settings.names if name != KAFKA}
    _check_names(ours, settings)
    durable, dropping = [], []
    for name, sink in ours.items():
        if name in settings.durable_names:
            durable.append(DurableSink(sink, bounds, metrics, clock))
        else:
            dropping.append(DroppingSink(sink, bounds, metrics, clock))
    return Sinks(KAFKA in settings.names, durable, dropping)


def _check_names(loaded: Mapping[str, Sink], settings: SinkSettings) -> None:
    names = [KAFKA, *(sink.name for sink in loaded.values())]
    if len({*names}) < len(names):
        raise SettingsError(f"CONSUMER_SINKS={settings.listed!r}: two are called the same: {names}")


def _load_sink(name: str, settings: SinkSettings, environ: Mapping[str, str]) -> Sink:
    if name in SHIPPED:
        return SHIPPED[name](settings)
    try:
        sink: Sink = load_plugin(ENTRY_POINTS, name, ("name", "submit", "close"), environ)
    except NoSuchPluginError as error:
        raise SettingsError(f"CONSUMER_SINKS={settings.listed!r}: {name} {error}") from error
    return sink
