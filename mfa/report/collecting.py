"""What a page knows of its scenarios: collected from each result, side by side, and put together."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from mfa.bands import BAND
from mfa.bibtex import entries
from mfa.comparison import apart
from mfa.errors import MfaError, each
from mfa.report.assumptions import assumptions
from mfa.report.numbers import Store
from mfa.report.quantities import concentration, indicators, milestones, moving, sampled, targets
from mfa.report.reading import Case, read_cases
from mfa.report.structure import drawing, network, shortened
from mfa.teams import Died, Task, Team, cores
from mfa.user_rules import import_rules

Json = dict[str, Any]

COLUMNS = ("parameter", "meaning", "unit", "cells", "value", "source", "reason", "place", "giver")
"""Of the table of assumptions."""

TOLERANCE = 1e-9
"""A run whose residual is above it does not end (CONVENTIONS §9)."""

FIRST = "Co"
"""The mineral that is shown first, where it is one of them."""

FEW = 3
"""So few results are read by one process: to start others takes longer."""


def collect(paths: Sequence[str], modules: Sequence[str] = ()) -> tuple[Json, bytes]:
    """Return what a page knows of the scenarios of results.

    Parameters
    ----------
    paths : sequence of str
        Results; many are read by several processes.
    modules : sequence of str
        With rules of the user, for these processes.

    Returns
    -------
    Json
        Plain mappings, lists, texts and numbers.  An array is named by its place in the numbers
        and its shape; rows of assumptions, drawings and sources that scenarios share are there once.
    bytes
        All numbers, as 32-bit floats.

    Raises
    ------
    MfaError
        With the problems of all results.
    """
    if len(paths) <= FEW or cores() < 2:
        return together(each(paths, of_result))
    with Team(min(cores(), len(paths)), partial(_desk, [*paths], [*modules])) as team:
        try:
            found = team.share("read", range(len(paths)), lambda number: None)
        except Died as error:
            raise MfaError(
                f"the process that read {paths[error.number]} {error.how}; nothing was written"
            ) from None
    return together([found[number] for number in range(len(paths))])


def _desk(paths: Sequence[str], modules: Sequence[str]) -> Task:
    import_rules(modules)
    return lambda kind, number: of_result(paths[number])


def of_result(path: str) -> tuple[list[Json], bytes]:
    """Return what a page knows of the scenarios of one result, and their numbers."""
    store = Store()
    found = []
    for case in read_cases(path):
        arrows = network(case)
        own = scenario(case, store)
        found.append(
            {
                "scenario": own,
                "system": drawing(arrows),
                "sankey": drawing(shortened(arrows)),
                "no_sankey": _no_sankey(own, [a.flows[0] for a in arrows.arrows]),
                "rows": assumptions(case.scenario) if case.scenario else [],
                "sources": _cited(case),
            }
        )
    return found, store.to_bytes()


def together(results: Sequence[tuple[list[Json], bytes]]) -> tuple[Json, bytes]:
    """Put results together: what they share is kept once, equal names are told apart."""
    store, sources = Store(), dict[str, str]()
    rows: dict[tuple[str, ...], int] = {}
    drawings: list[Json] = []
    scenarios = []
    for found, numbers in results:
        for one in found:
            own = store.take(one["scenario"], numbers)
            own["system"] = _position(one["system"], drawings)
            own["no_sankey"] = one["no_sankey"]
            own["sankey"] = None if one["no_sankey"] else _position(one["sankey"], drawings)
            keys = [tuple(row[column] for column in COLUMNS) for row in one["rows"]]
            own["rows"] = [rows.setdefault(key, len(rows)) for key in keys]
            own["sources"] = [*one["sources"]]
            sources |= one["sources"]
            scenarios.append(own)
    names = apart([(own["name"], own["folder"]) for own in scenarios])
    for own, name in zip(scenarios, names, strict=True):
        own["name"] = name
    named = [one["name"] for own in scenarios for one in (*own["indicators"], *own["stocks"])]
    named += [f"hhi of {one['stage']}" for own in scenarios for one in own["concentration"]]
    content = {
        "scenarios": scenarios,
        "rows": [[*row] for row in rows],
        "columns": [*COLUMNS],
        "drawings": drawings,
        "sources": sources,
        "named": [*dict.fromkeys(named)],
        "band": [*BAND],
        "first_mineral": FIRST
        if FIRST in scenarios[0]["materials"]
        else scenarios[0]["materials"][0],
    }
    return content, store.to_bytes()


def _position(found: Json, kept: list[Json]) -> int:
    if found not in kept:
        kept.append(found)
    return kept.index(found)


def scenario(case: Case, store: Store) -> Json:
    """Return what a page knows of one scenario."""
    attrs, own = case.data.attrs, case.scenario
    residual = float(attrs.get("balance_residual", math.nan))
    made = json.loads(attrs.get("provenance", "{}"))
    return {
        "name": case.name,
        "title": case.title,
        "about": " ".join((own.about if own else str(attrs.get("comment", ""))).split()),
        "lineage": list(own.lineage) if own else [case.name],
        "system_title": own.system.title if own else "unknown: there is no manifest",
        "folder": case.folder,
        "years": [case.years[0], case.years[-1]],
        "materials": case.materials,
        "samples": case.data.sizes["sample"] if sampled(case) else 0,
        "made_by": f"{attrs.get('source', 'mfa')}, {str(attrs.get('history', '')).partition(' ')[0]}",
        "command": str(made.get("command", "")),
        "sha256": str(attrs.get("scenario_sha256", "")),
        "balance": _balance(residual),
        "flows": moving(case, "flow", store),
        "stocks": moving(case, "stock", store),
        "indicators": indicators(case, store),
        "milestones": milestones(case),
        "targets": targets(case),
        "concentration": concentration(case, store),
    }


def _balance(residual: float) -> str:
    if residual != residual:
        return "The result does not tell the residual of its mass balance."
    return (
        f"Checked for every process, year, place and mineral. The worst residual is {residual:.1e} of "
        f"what passes through the process; a run stops above {TOLERANCE:.0e}."
    )


def _no_sankey(own: Json, wanted: Sequence[str]) -> str:
    """Say why a Sankey cannot be drawn; nothing if it can."""
    if not wanted:
        return "The system has no flows."
    held = {flow["name"] for flow in own["flows"]}
    if held.issuperset(wanted):
        return ""
    return (
        f"This result keeps {len(held)} of the {len(wanted)} flows of its system, and a Sankey needs them "
        "all: run it with --keep all, or report a run without samples beside it."
    )


def _cited(case: Case) -> dict[str, str]:
    if case.scenario is not None:
        books = case.scenario.bibliography.items()
        told = {k: e.plain("licence") for _, text in books for k, e in entries(text).items()}
        listed = case.scenario.references.items()
        return {k: f"{text}. Licence: {told[k]}" if told.get(k) else text for k, text in listed}
    lines = str(case.data.attrs.get("references", "")).splitlines()
    return {str(number): text for number, text in enumerate(lines, 1) if text != "none cited"}
