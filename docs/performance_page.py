"""The generated part of docs/performance.md: the bench's latest results, and the plots of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bench import plots, table
from bench.results import LATEST, Results, read

PAGE = Path(__file__).parent / "performance.md"
README = PAGE.parents[1] / "README.md"
MARK = "<!-- From here on generated from bench/results/latest.json: `make bench docs`. -->\n"
BEGIN = "<!-- generated from bench/results/latest.json: `make bench docs` -->\n\n"
END = "<!-- end -->\n"


def page() -> str:
    """Return the page as it stands up to the mark, with the latest results after it."""
    written = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return f"{written}{MARK}{''.join(sections(read(LATEST)))}"


def readme() -> str:
    """Return the README with the latest results in their place."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{table.beside_go(read(LATEST))}\n{END}{after}"


def sections(results: Results) -> Iterator[str]:
    """Yield what was measured, and where."""
    yield "\n## At the peak\n\n" + table.of_peaks(results)
    yield "\n## Goals\n\nRatios within the run.\n\n" + table.of_goals(results.goals)
    yield "\n## Latency over offered load\n\n" + table.of_latency(results)
    yield "\n![latency over offered load](plots/latency.svg)\n\n"
    yield "One client that sends one record after another waits for its acknowledgement "
    yield f"{results.acknowledgement_p99_ms:.1f} ms at 99 %.\n"
    yield "\n## Beside crowds\n\nAll are there all the time: who is sent away comes back.\n\n"
    yield table.of_crowded(results)
    yield "\n## Bidding logic\n\n" + table.of_backlog(results.backlog, results.drained)
    yield "\n## Machine\n\n| | |\n| --- | --- |\n"
    yield from (f"| {name} | {value} |\n" for name, value in results.machine.items())


def drawings() -> Mapping[str, str]:
    """Return each plot as SVG, by its path under docs/."""
    results = read(LATEST)
    latency = {
        name: [(one.rate, one.p99_ms) for one in each if not one.void]
        for name, each in results.latency.items()
    }
    return {
        "plots/latency.svg": plots.lines(
            "Latency at 99 % over offered load",
            "requests/s offered",
            "ms",
            {name: points for name, points in latency.items() if points},
        ),
    }
