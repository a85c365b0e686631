"""The sources that a scenario cites: keys in its values and tables, texts from its bibliography."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mfa.files import read_text
from mfa.scenario import Scenario

_ENTRY = re.compile(r"^@(\w+)\s*\{\s*([^,\s]+)\s*,(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r"^\s*(\w+)\s*=\s*(?:\{(.*?)\}|\"(.*?)\"|(\w+))\s*,?\s*$", re.MULTILINE | re.DOTALL
)


def cited(scenario: Scenario) -> tuple[str, ...]:
    """Return the keys that the values and tables of a scenario name as ``source``, sorted."""
    named = [text for given in scenario.given for text in _sources(given.raw)]
    named += [clause.source for clause in scenario.targets]
    for table in scenario.tables.values():
        named += dict.fromkeys(table.columns.get("source", ()))
    keys = (key.strip() for text in named for key in text.split(";"))
    return tuple(sorted({key for key in keys if key}))


def _sources(raw: Any) -> Iterator[str]:
    if isinstance(raw, Mapping):
        if isinstance(raw.get("source"), str):
            yield raw["source"]
        for value in raw.values():
            yield from _sources(value)


def references(scenario: Scenario) -> dict[str, str]:
    """Return the reference of every source that a scenario cites, by its key.

    Texts come from the ``*.bib`` files in the scenario folder and its
    ``data/``; a source that stands in none of them is its own text.
    """
    root = Path(scenario.folder)
    known: dict[str, str] = {}
    for file in sorted([*root.glob("*.bib"), *root.glob("data/*.bib")]):
        known = {**bibliography(read_text(file)), **known}
    return {key: known.get(key, key) for key in cited(scenario)}


def bibliography(text: str) -> dict[str, str]:
    r"""Return one line for each entry of a BibTeX file, by its key.

    >>> bibliography("@misc{iea,\n author = {{IEA} and Pauliuk, S.},\n title = {GEVO},\n"
    ...              " year = {2025},\n doi = {10.1/x}\n}\n")
    {'iea': 'IEA; Pauliuk, S. (2025): GEVO. https://doi.org/10.1/x'}
    """
    return {key: _line(dict(_fields(body))) for _, key, body in _ENTRY.findall(text)}


def _fields(body: str) -> Iterable[tuple[str, str]]:
    for name, braced, quoted, bare in _FIELD.findall(body):
        plain = re.sub(r"[{}]|\\(?=[&%_#$])", "", braced or quoted or bare)
        yield name.lower(), " ".join(plain.split())


def _line(fields: Mapping[str, str]) -> str:
    by = fields.get("author", fields.get("editor", "")).replace(" and ", "; ")
    head = f"{by} ({fields['year']})" if "year" in fields else by
    place = fields.get("journal") or fields.get("publisher") or fields.get("howpublished")
    volume = " ".join(filter(None, (place, fields.get("volume"))))
    where = ", ".join(filter(None, (volume, fields.get("pages"))))
    doi, url = fields.get("doi"), fields.get("url")
    parts = (
        fields.get("title"),
        where,
        f"https://doi.org/{doi}" if doi else url,
        fields.get("note"),
    )
    return f"{head}: {'. '.join(part.rstrip('.') for part in parts if part)}"
