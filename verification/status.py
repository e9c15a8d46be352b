"""The state of the deployment: workloads, lag, the last decision, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from verification.checks.context import Context
from verification.checks.pods import CONSUMER_APP, pods_of
from verification.cluster.pods import Object, blocked, name_of, restarts
from verification.cluster.workloads import KINDS, pending, title
from verification.tools.errors import HarnessError

# A consumer that is alive is never further behind than this, whatever the load of a test.
_LATE_S = 30.0
_LAST_LINES = 2000


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be, and the command to type next."""

    what: str
    next: str


@dataclass(frozen=True)
class PartitionLag:
    """How far the bidding logic is behind: records, and the age of the oldest in seconds."""

    partition: int
    messages: int
    seconds: float


@dataclass(frozen=True)
class Status:
    """All that `status` tells. `lag` is empty when Kafka does not tell it."""

    workloads: dict[str, str] = field(default_factory=dict)
    lag: tuple[PartitionLag, ...] = ()
    last_decision: dict[str, Any] | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def messages(self) -> int:
        """The records behind in all partitions."""
        return sum(item.messages for item in self.lag)

    @property
    def seconds(self) -> float:
        """The age of the oldest record that is not decided on, in any partition."""
        return max((item.seconds for item in self.lag), default=0.0)


class Inquiry:
    """Asks the cluster, and notes every problem on the way."""

    def __init__(self, context: Context) -> None:
        """Ask through the context's kubectl."""
        self._context = context
        self._kubectl = context.kubectl
        self._begin = f"{context.kubectl.prefix} --namespace {context.kubectl.namespace}"

    def status(self) -> Status:
        """Ask for everything; only a cluster that does not answer at all raises HarnessError."""
        workloads = self._kubectl.list(KINDS)
        pods = self._kubectl.list("pods")
        problems = [*self._of_workloads(workloads), *self._of_pods(pods)]
        try:
            lag = self._lag()
        except HarnessError as error:
            lag = ()
            problems.append(Problem(f"the lag is unknown: {error.message}", self._logs()))
        problems += self._of_lag(lag)
        told = {title(item): pending(item) or "available" for item in workloads}
        return Status(told, lag, self._last_decision(), tuple(problems))

    def _of_workloads(self, workloads: list[Object]) -> Iterator[Problem]:
        if not workloads:
            yield Problem("nothing is deployed", "make up")
        for workload in workloads:
            lacking = pending(workload)
            if lacking is not None:
                yield Problem(lacking, f"{self._begin} describe {title(workload)}")

    def _of_pods(self, pods: list[Object]) -> Iterator[Problem]:
        for pod in pods:
            reason = blocked(pod)
            if reason is not None:
                yield Problem(reason.message, f"{self._begin} describe pod/{name_of(pod)}")
        for name, count in restarts(pods).items():
            pod_name, _, container = name.partition("/")
            command = f"{self._begin} logs {pod_name} --container {container} --previous"
            yield Problem(f"{name} has been restarted {count} times", command)

    def _of_lag(self, lag: tuple[PartitionLag, ...]) -> Iterator[Problem]:
        late = [item for item in lag if item.seconds > _LATE_S]
        for item in late:
            what = f"partition {item.partition} is {item.seconds:.0f} s behind"
            yield Problem(f"{what}, {item.messages} messages", self._logs())

    def _logs(self) -> str:
        return f"{self._begin} logs deployment/{CONSUMER_APP} --tail 50"

    def _lag(self) -> tuple[PartitionLag, ...]:
        rows = self._context.topics.lag()
        return tuple(PartitionLag(row["partition"], row["lag"], row["age_s"]) for row in rows)

    def _last_decision(self) -> dict[str, Any] | None:
        """Return the newest line `bid decided` in the logs of the bidding logic's pods."""
        found = [
            json.loads(line)
            for pod in pods_of(self._context, CONSUMER_APP)
            for line in self._tail(pod).splitlines()
            if '"bid decided"' in line
        ]
        return max(found, key=lambda event: str(event["timestamp"]), default=None)

    def _tail(self, pod: Object) -> str:
        container = pod["spec"]["containers"][0]["name"]
        try:
            return self._kubectl.logs(name_of(pod), container, tail=_LAST_LINES)
        except HarnessError:
            # a container that does not run yet has no log; that it does not run is told above
            return ""
