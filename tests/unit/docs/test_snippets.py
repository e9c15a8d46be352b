"""What the pages show is there: verbs, commands, settings, metrics, files, checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from importlib.util import find_spec
from itertools import chain

import pytest
import yaml

from app.metrics import TABLE as INGEST_METRICS
from app.settings import PREFIXES as INGEST_PREFIXES
from common.settings import table
from consumer.dlq.command import parser as dlq_parser
from consumer.metrics import TABLE as CONSUMER_METRICS
from consumer.settings.consumer import PREFIXES as CONSUMER_PREFIXES
from docs.generate import SECTIONS
from tests.support.pages import (
    PAGES,
    RUNBOOK,
    blocks,
    blocks_in,
    code,
    kubectl_commands,
    spans,
)
from verification.checklist.registry import CATEGORIES, CHECKS, select
from verification.cli import COMMANDS, parser
from verification.errors import CommandError
from verification.project import ROOT

pytestmark = pytest.mark.promise("documented")

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
VERBS = set(re.findall(r"^([a-z0-9-]+):.*##", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"\$\((?:if )?([A-Z]+)\b", MAKEFILE))
SETTINGS = {name for _, cls in SECTIONS for row in table(cls) for name in row.names}
# OURS_CSV is what docs/strategies.md declares.
OTHERS = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OURS_CSV", "PYTHONPATH"}
PREFIXES = (*INGEST_PREFIXES, *CONSUMER_PREFIXES, "RUN_KAFKA_", "VERIFY_", "LOG_")
LABELS = {row.name: set(row.labels) for row in (*INGEST_METRICS, *CONSUMER_METRICS)}
TYPED = {each for check in CHECKS for each in kubectl_commands("\n".join(check.by_hand))}
# These are not typed by the test of the runbook: the first is for the component that is off there,
# the second does not end, the others are what `make up` does, with the tags of the images;
# tests/kubernetes looks at those.
NOT_TYPED = {
    "kubectl --namespace rtb port-forward service/prometheus 9090",
    "kubectl --namespace rtb port-forward service/bid-request-handler-admin 8082",
    "kubectl --namespace rtb delete job kafka-topics --ignore-not-found",
    "kubectl apply --server-side --kustomize manifests/overlays/kind",
}
_FOLDERS = {path.name for path in ROOT.glob("[a-z]*/")}
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
_MANIFESTS = {path.name for path in (ROOT / "manifests").iterdir()}


def wrong_verbs(page: str) -> Iterator[str]:
    """Yield what `make` is told and does not know."""
    for words in re.findall(r"\bmake((?: [a-z][a-z0-9-]*| [A-Z_]+=\S+)+)", code(page)):
        for word in words.split():
            name, _, value = word.partition("=")
            if name not in (VARIABLES | SETTINGS if value else VERBS):
                yield word


def wrong_modules(page: str) -> Iterator[str]:
    """Yield the modules that are not there, and command lines that they do not take."""
    for module, words in re.findall(r"\bpython3? -m ([\w.]+)((?: [\w.:-]+)*)", code(page)):
        arguments = words.split()
        try:
            understand(module, arguments)
        except (CommandError, SystemExit, AssertionError):
            yield f"{module}{words}"


def understand(module: str, arguments: list[str]) -> None:
    """Read a command line as the module does."""
    assert find_spec(module) is not None
    if module == "verification" and arguments:
        parsed = parser(COMMANDS, arguments[0]).parse_args(arguments)
        if parsed.command in {"verify", "checks"}:
            select(vars(parsed).get("names", []), CHECKS)
    elif module == "consumer" and arguments:
        assert arguments[0] == "dlq"
        dlq_parser().parse_args(arguments[1:])


def wrong_settings(page: str) -> Iterator[str]:
    """Yield names that are set, or look like ours, and are no setting."""
    if page == RUNBOOK:  # the shell's own variables; its test types it
        return
    text = code(page)
    ours = re.findall(rf"\b(?:{'|'.join(PREFIXES)})\w*", text)
    given = re.findall(r"\b([A-Z][A-Z0-9_]+)=", text)
    known = SETTINGS | VARIABLES | OTHERS
    yield from (name for name in chain(ours, given) if name not in known | {*PREFIXES})


def wrong_kubectl(page: str) -> Iterator[str]:
    """Yield commands that nobody types."""
    if page != RUNBOOK:
        yield from {*kubectl_commands(code(page))} - TYPED - NOT_TYPED - {"kubectl kustomize"}


def wrong_metrics(page: str) -> Iterator[str]:
    """Yield metrics that are not counted, and labels that they do not have."""
    if page in {RUNBOOK, "docs/scale.md"}:  # a prefix to look for; inputs of a calculation
        return
    pattern = r"\b((?:ingest|consumer)_[a-z_]+)(?:\{([^}]*)\})?"
    for name, selector in re.findall(pattern, code(page)):
        labels = {part.partition("=")[0] for part in selector.split(",") if part}
        if name not in LABELS or not labels <= LABELS[name]:
            yield f"{name}{{{selector}}}"


def wrong_files(page: str) -> Iterator[str]:
    """Yield files and folders that are not there."""
    for span in spans(page):
        if re.fullmatch(r"[\w.*-]+/[\w.*/-]*", span):
            first = span.partition("/")[0]
            root = ROOT / "manifests" if first in _MANIFESTS else ROOT
            if first in _FOLDERS | _MANIFESTS and not any(root.glob(span.rstrip("/"))):
                yield span


def wrong_checks(page: str) -> Iterator[str]:
    """Yield patterns that no check of `make verify` has."""
    for span in spans(page):
        is_one = span.partition(".")[0] in CATEGORIES and re.fullmatch(r"[a-z]+\.[a-z*-]+", span)
        if is_one and not any(fnmatch(check.id, span) for check in CHECKS):
            yield span


# What is looked for, and something that must be found wrong.
RULES: dict[str, tuple[Callable[[str], Iterator[str]], str]] = {
    "make": (wrong_verbs, "`make run NOTHING=1 fly`"),
    "python": (wrong_modules, "`python -m verification fly` `python -m consumer dlq burn`"),
    "settings": (wrong_settings, "`INGEST_NOTHING` and `NOTHING=1`"),
    "kubectl": (wrong_kubectl, "`kubectl --namespace rtb delete namespace rtb`"),
    "metrics": (wrong_metrics, '`ingest_nothing_total`, `ingest_requests_total{nothing="x"}`'),
    "files": (wrong_files, "`app/nothing.py` and `overlays/nothing`"),
    "checks": (wrong_checks, "`pipeline.nothing` and `static.*-nothing`"),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("page", PAGES)
def test_code_is_about_what_there_is(page: str, rule: str) -> None:
    """Whatever a page tells one to type, to set or to look at is there."""
    assert [*RULES[rule][0](page)] == []


@pytest.mark.parametrize("rule", RULES)
def test_what_is_not_there_would_be_found(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule tells of what is made up, and of all of it."""
    find, wrong = RULES[rule]
    monkeypatch.setitem(PAGES, "page.md", wrong)
    assert len([*find("page.md")]) == (1 if rule == "kubectl" else 2)


def test_the_component_is_switched_on_as_shown() -> None:
    """The lines of docs/operations.md are in the overlay that they are said to be in."""
    (shown,) = blocks("docs/operations.md", "yaml")
    overlay = ROOT / "manifests" / "overlays" / "kind-monitoring" / "kustomization.yaml"
    components = yaml.safe_load(overlay.read_text(encoding="utf-8"))["components"]
    assert set(yaml.safe_load(shown)["components"]) <= set(components)


def prompted(page: str) -> list[str]:
    """Return the commands of a page's console blocks, without their comments."""
    lines = "\n".join(blocks_in(page, "console")).splitlines()
    return [re.sub(r"\s+#.*", "", line[2:]) for line in lines if line.startswith("$ ")]


def typed(command: str) -> bool:
    """Say whether CI types it, in front or in the background, with arguments of its own or not."""
    lines = [line.removeprefix("step ").partition(" & ")[0] for line in CI]
    bare = [re.sub(r"^make newcomer DO='(.*)'$", r"\1", line) for line in lines]
    return any(line == command or line.startswith(f"{command} ") for line in bare)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_command_is_typed_by_ci(name: str) -> None:
    """Each line after a prompt is a line of .ci/run; another one would be told."""
    assert prompted("```console\n$ make nothing   # at all\n```\n") == ["make nothing"]
    assert not typed("make nothing")
    found = prompted(PAGES[name])
    assert found
    assert [command for command in found if not typed(command)] == []
