"""Feed the reader and the validator with bodies that reach ever more of their code.

`python -m fuzz.bodies SECONDS` starts from the samples, the findings of before and the names in the
schemas. It stops at the first body that raises, takes longer than 5 s, or on which two opinions
differ; that body is written to the current folder as crash-..., and belongs into fuzz/findings,
whose files are tests.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import atheris

with atheris.instrument_imports(include=["app", "marshmallow"]):
    from fuzz.opinions import Opinions

from app.openrtb import bid_request
from docs.places import Place

ROOT = Path(__file__).parents[1]
LONGEST = 8192
OPTIONS = ("-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0")
NUMBERS = (0, 1, -1, 1.0, 0.5, 2**64, 10**400, 1e300)
VALUES: tuple[Any, ...] = (*NUMBERS, None, True, "", "1", "USD", [], [None], {})
TRAPS = ("NaN", "1e999", "null", "true", "1.0", "-1", "{}", "[]", r"\\ud83d", r"\\u003a")


def names() -> list[str]:
    """Return the names of all members in the schemas."""
    places = Place.all_of(bid_request())
    return sorted({name for place in places for name in place.schema.fields})


def dictionary() -> str:
    """Return libFuzzer's dictionary: each member's name, and what JSON readers stumble over."""
    words = [*(rf"\"{name}\":" for name in names()), *TRAPS]
    return "".join(f'"{word}"\n' for word in words)


def mutate(raw: bytes, most: int, seed: int) -> bytes:
    """Change one member or element of a body that is JSON, or of a sample, or else some bytes.

    Samples are valid: only what is changed in one of them is left to differ on.
    """
    random = Random(seed)  # noqa: S311  for repeatable choices
    try:
        document = json.loads(random.choice([raw, random.choice(SAMPLES)]))
        containers = list(_containers(document))
        _change(random.choice(containers), random, containers)
        changed = json.dumps(document).encode("utf-8", "replace")
    except (ValueError, IndexError, RecursionError):
        changed = b""
    bytewise = not changed or len(changed) > most or not random.randrange(4)
    mutated: bytes = atheris.Mutate(raw, most) if bytewise else changed
    return mutated


def _containers(value: object) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _containers(each)


def _change(container: Any, random: Random, others: list[Any]) -> None:  # noqa: ANN401  JSON
    value = json.loads(json.dumps(random.choice([*VALUES, random.choice(others)])))
    if isinstance(container, dict):
        name = random.choice([*container, random.choice(NAMES)])
        container[name] = value
    elif container and random.randrange(2):
        container[random.randrange(len(container))] = value
    else:
        container.append(value)


NAMES = names()
SAMPLES = [path.read_bytes() for path in (ROOT / "samples").glob("*.json")]


def main(seconds: str) -> None:
    """Fuzz for so long; leaves the process by itself, with 0 if nothing was found."""
    scratch = Path(tempfile.mkdtemp(prefix="fuzz-"))
    words, corpus = scratch / "words.dict", scratch / "corpus"
    words.write_text(dictionary(), encoding="utf-8")
    corpus.mkdir()
    seeds = [ROOT / "samples", ROOT / "samples" / "refused", ROOT / "fuzz" / "findings"]
    options = [f"-max_total_time={seconds}", f"-dict={words}", f"-max_len={LONGEST}", *OPTIONS]
    arguments = [sys.argv[0], *options, *map(str, [corpus, *seeds])]
    atheris.Setup(arguments, Opinions().compare, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1])
