"""The page of a report: its template, styles and scripts, and the data that it carries, in one file."""

from __future__ import annotations

import gzip
import json
import math
from base64 import b64encode
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mfa import __version__
from mfa.bands import BAND
from mfa.errors import MfaError
from mfa.report.assumptions import assumptions
from mfa.report.numbers import Store
from mfa.report.quantities import concentration, indicators, milestones, moving, sampled, targets
from mfa.report.reading import Case
from mfa.report.structure import drawing, network, shortened

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "page"

SCRIPTS = ("numbers.js", "charts.js", "layout.js", "sankey.js", "page.js")
"""In the order in which they need each other."""

COLUMNS = ("parameter", "meaning", "unit", "cells", "value", "source", "reason", "place", "giver")
"""Of the table of assumptions."""

TOLERANCE = 1e-9
"""A run whose residual is above it does not end (CONVENTIONS §9)."""


def page(cases: Sequence[Case]) -> str:
    """Return the HTML of a report.

    Parameters
    ----------
    cases : sequence of Case

    Returns
    -------
    str
        It needs no other file: plotly.js, styles, scripts and numbers are in it, and its own
        policy forbids every request.

    Raises
    ------
    MfaError
        If plotly or jinja2 are not installed.
    """
    missing = [name for name in ("plotly", "jinja2") if find_spec(name) is None]
    if missing:
        raise MfaError(
            f"a report needs {' and '.join(missing)}, which is not installed: pip install 'mfa[report]'"
        )
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    store = Store()
    content = contents(cases, store)
    found = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    found += b" " * (-len(found) % 4)  # numbers begin at a multiple of four bytes
    packed = len(found).to_bytes(4, "little") + found + store.to_bytes()
    titles = list(dict.fromkeys(case.title for case in cases))
    parts = {
        "style": (FOLDER / "page.css").read_text(encoding="utf-8"),
        "script": "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS),
        "plotly": _packed(get_plotlyjs().encode()),
        "data": _packed(packed),
    }
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        (FOLDER / "page.html").read_text(encoding="utf-8")
    )
    return template.render(
        title=titles[0] if len(titles) == 1 else f"{titles[0]} and {len(titles) - 1} more",
        scenarios=len(cases),
        version=__version__,
        attribution=_attribution(content["sources"]),
        **{name: Markup(text) for name, text in parts.items()},
    )


def _packed(content: bytes) -> str:
    """Return bytes as text that can stand in a page."""
    return b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def _attribution(sources: dict[str, str]) -> str:
    used = (
        f"Data: {len(sources)} sources, listed above with their references"
        if sources
        else "Data: no sources named"
    )
    return (
        f"Made with mfa {__version__}. {used}; the data keep the licences of their publishers, many of "
        "which ask to be named (CC BY 4.0). Name them when you pass figures on."
    )


def contents(cases: Sequence[Case], store: Store) -> Json:
    """Return what a page knows of scenarios as plain mappings, lists, texts and numbers.

    Arrays are kept in the store, rows of assumptions, drawings and sources that scenarios share
    only once.
    """
    rows: dict[tuple[str, ...], int] = {}
    drawings: dict[str, int] = {}
    kept: list[Json] = []
    sources: dict[str, str] = {}

    def place(found: Json) -> int:
        text = json.dumps(found)
        if text not in drawings:
            drawings[text] = len(kept)
            kept.append(found)
        return drawings[text]

    scenarios = []
    for case in cases:
        own = scenario(case, store)
        arrows = network(case)
        whole, short = drawing(arrows), drawing(shortened(arrows))
        own["system"] = place(whole)
        own["sankey"], own["no_sankey"] = _sankey(own, whole, short, place)
        own["rows"] = [
            rows.setdefault(tuple(row[column] for column in COLUMNS), len(rows))
            for row in (assumptions(case.scenario) if case.scenario else ())
        ]
        cited = _cited(case)
        sources |= cited
        own["sources"] = list(cited)
        scenarios.append(own)
    named = [one["name"] for own in scenarios for one in (*own["indicators"], *own["stocks"])]
    named += [f"hhi of {one['stage']}" for own in scenarios for one in own["concentration"]]
    minerals = scenarios[0]["materials"]
    return {
        "scenarios": scenarios,
        "rows": [list(row) for row in rows],
        "columns": list(COLUMNS),
        "drawings": kept,
        "sources": sources,
        "named": list(dict.fromkeys(named)),
        "band": list(BAND),
        "first_mineral": "Co" if "Co" in minerals else minerals[0],
    }


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


def _sankey(own: Json, whole: Json, short: Json, place: Any) -> tuple[int | None, str]:
    """Return the drawing of the Sankey, or why there is none."""
    wanted = [name for link in whole["links"] for name in link["flows"]]
    held = {flow["name"] for flow in own["flows"]}
    if wanted and held.issuperset(wanted):
        return place(short), ""
    if not wanted:
        return None, "The system has no flows."
    return None, (
        f"This result keeps {len(held)} of the {len(wanted)} flows of its system, a Sankey needs them all: "
        "run it with --keep all, or report a run without samples beside it."
    )


def _cited(case: Case) -> dict[str, str]:
    merged = case.data.encoding.get("scenario")
    if merged is not None:
        return {str(key): str(text) for key, text in merged["references"].items()}
    told = str(case.data.attrs.get("references", "")).splitlines()
    return {str(number): text for number, text in enumerate(told, 1) if text != "none cited"}
