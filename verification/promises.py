"""What this product promises: each test, check and mutation says which of these it proves."""

from __future__ import annotations

from collections.abc import Mapping

PROMISES: Mapping[str, str] = {
    "acknowledged": "2xx if and only if all in-sync replicas acknowledged the record.",
    "explicit": "Whatever else happens is an explicit answer that is none, within the deadline.",
    "never-lost": "An accepted bid is decided, or dead-lettered with its original bytes.",
    "exactly-once": "Where it is asked for, a record has its effect once, whatever happens.",
    "same-bytes": "The bytes that a client sent are the bytes on the topic.",
    "bounded": "Memory, files and threads stay bounded, whoever asks for how much.",
    "counted": "Each request and each record is counted and logged once, as what it was.",
    "client-isolation": "What a client does costs its own connection at most.",
    "record-isolation": "A record, a strategy or a sink costs its own partition at most.",
    "valid": "A bid request is refused where it breaks a rule, with the rule, and only there.",
    "decides": "Strategies decide on what was sent, and sinks are given what they decided.",
    "recovers": "Whatever goes away is done without, and used again once it is back.",
    "drains": "Starting, stopping and rolling out cost no request and no record.",
    "observable": "Probes, metrics, logs and traces say what is so.",
    "configured": "Settings do what they say; a wrong one ends the process with its name.",
    "secured": "Who may not, cannot: on the network, in Kafka, in the pods, and in the logs.",
    "deployed": "The manifests bring up in a cluster what was tested, and keep it up.",
    "fast": "A request and a record cost no more than the bench allows.",
    "honest": "The proof is one: what was not seen to hold is not reported as passed.",
    "two-commands": "`make run` and `make test` are enough on a fresh machine.",
    "documented": "The documentation says what the code does.",
}
