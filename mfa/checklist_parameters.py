"""The part of the reporting checklist on parameters: values, sources, uncertainty, assumptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mfa.bibtex import Entry
from mfa.citations import Citation
from mfa.forms import Known
from mfa.ownership import resolve
from mfa.parameters import build_parameters, origins
from mfa.saved_results import Saved
from mfa.scenario import Scenario
from mfa.units import canonical
from mfa.used_sources import parameters_used

MISSING = "not stated by the scenario"
"""Stands where the files say nothing."""


def said(text: str) -> str:
    """Return a text on one line, or that nothing is said."""
    return " ".join(text.split()) or MISSING


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') or '–' for cell in cells)} |"


def parameter_lines(kept: Saved, cited: Citation) -> Iterator[str]:
    """Yield a table of all parameters, then the assumptions among their values."""
    scenario = kept.scenarios[0]
    if len(kept.scenarios) > 1:
        yield f"Values of {scenario.name}; section 8 says what differs in the others."
        yield ""
    values, used = build_parameters(scenario), {*parameters_used(scenario)}
    entries = {use.key: entry for entry, uses in cited.sources.values() for use in uses}
    rows = []
    for name, spec in scenario.system.parameters.items():
        own = values[name].values / canonical(spec.unit)[0]
        low, high = (f"{found:.4g}" for found in (np.min(own), np.max(own)))
        keys = dict.fromkeys(
            use.key for _, uses in cited.sources.values() for use in uses if use.parameter == name
        )
        told = [_source(key, entries[key]) for key in keys]
        rows.append(
            (
                name if name in used else f"{name} (not used)",
                spec.meaning,
                spec.unit,
                ", ".join(spec.dims),
                low if low == high else f"{low} to {high}",
                "; ".join(told) or "declared, see assumptions",
                _spread(scenario, name),
            )
        )
    head = (
        "parameter",
        "meaning",
        "unit",
        "dimensions",
        "values",
        "sources (year, licence)",
        "uncertainty",
    )
    yield from table(head, rows)
    yield ""
    yield "Assumptions (values without a source):"
    yield ""
    yield from _assumptions(scenario)


def _source(key: str, entry: Entry) -> str:
    told = [text for text in (entry.plain("year"), entry.plain("licence")) if text]
    return f"{key}{f' ({chr(44).join(told)})' if told else ''}".replace(",", ", ", 1)


def _spread(scenario: Scenario, name: str) -> str:
    owners = resolve(scenario, name)
    found: dict[str, int] = {}
    for number in np.unique(owners.owner):
        form = owners.entries[int(number)].form if number >= 0 else None
        law = form.distribution if isinstance(form, Known) else ""
        found[law or "none"] = found.get(law or "none", 0) + int((owners.owner == number).sum())
    if set(found) == {"none"}:
        return "not stated"
    return ", ".join(
        f"{law} ({cells} {'cell' if cells == 1 else 'cells'})" for law, cells in found.items()
    )


def _assumptions(scenario: Scenario) -> Iterator[str]:
    found: dict[tuple[str, str], None] = {}
    for name in parameters_used(scenario):
        for _, entry in origins(scenario, name):
            form = entry.form
            if isinstance(form, Known) and form.reason and not form.source:
                found[name, f"{' '.join(form.reason.split())} ({entry.origins[0].place})"] = None
    for name, text in found:
        yield f"- {name}: {text}"
    if not found:
        yield "- none"
