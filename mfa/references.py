"""The sources that a scenario names: keys in its values and tables, entries of its bibliography."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mfa.bibtex import Entry, entries
from mfa.files import read_text
from mfa.scenario import Scenario


def cited(scenario: Scenario) -> tuple[str, ...]:
    """Return the keys that the values and tables of a scenario name as ``source``, sorted.

    Those of values that others replace are among them; :mod:`mfa.used_sources` tells which
    sources decide the numbers of a run.
    """
    named = [text for given in scenario.given for text in _sources(given.raw)]
    named += [clause.source for clause in scenario.targets]
    for table in scenario.tables.values():
        named += dict.fromkeys(table.columns.get("source", ()))
    return tuple(sorted({key for text in named for key in keys_of(text)}))


def keys_of(text: str) -> tuple[str, ...]:
    """Return the keys in what is written as ``source``.

    >>> keys_of("lundaev2023; iea_cm2025")
    ('lundaev2023', 'iea_cm2025')
    """
    return tuple(key.strip() for key in text.split(";") if key.strip())


def _sources(raw: Any) -> Iterator[str]:
    if isinstance(raw, Mapping):
        if isinstance(raw.get("source"), str):
            yield raw["source"]
        for value in raw.values():
            yield from _sources(value)


def bibliography(scenario: Scenario) -> dict[str, Entry]:
    """Return the entry of every source that a scenario names, as far as its bibliography has it.

    That is the ``*.bib`` files in the scenario folder and its ``data/``.
    """
    root = Path(scenario.folder)
    known: dict[str, Entry] = {}
    for file in sorted([*root.glob("*.bib"), *root.glob("data/*.bib")]):
        known = {**entries(read_text(file)), **known}
    return {key: known[key] for key in cited(scenario) if key in known}


def references(scenario: Scenario) -> dict[str, str]:
    """Return the reference of every source that a scenario names, one line each, by its key.

    A source that stands in no bibliography is its own text.
    """
    found = bibliography(scenario)
    return {key: found[key].line() if key in found else key for key in cited(scenario)}
