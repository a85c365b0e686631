"""The reporting checklist of a study of material flows, filled in from a result and its manifest.

The items are those that guidelines for material flow analysis ask a study to report (ISIE-SEM,
Guidelines for Data Modeling and Data Integration, 2021, doi:10.6094/UNIFR/217970; Laner et al.
2014 on uncertainty, doi:10.1111/jiec.12143).  What the files do not say is said to be missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from mfa.balances import balance
from mfa.checklist_parameters import MISSING, parameter_lines, said, table
from mfa.citations import Citation, citation
from mfa.draws import columns_of
from mfa.lifetime_fields import lifetime_parameters
from mfa.parameters import build_parameters
from mfa.plans import Plan, plan
from mfa.saved_results import Saved, saved
from mfa.schema import Stock
from mfa.stored_parts import some


def checklist(folder: str | Path) -> str:
    """Return the reporting checklist of a result, in Markdown.

    Parameters
    ----------
    folder : path
        Of results; its manifest is all that is needed.

    Returns
    -------
    str
        Fourteen numbered sections; each is filled in from the run, or says that it is
        not stated by the scenario.

    Raises
    ------
    MfaError
        If there is no whole result with its manifest.

    Examples
    --------
    >>> import mfa
    >>> print(mfa.checklist("results/reference"))  # doctest: +SKIP
    """
    kept = saved(folder)
    first = kept.scenarios[0]
    compiled, cited = plan(first.system), citation(kept)
    titles = "; ".join(one.title for one in kept.scenarios)
    sections: Sequence[tuple[str, Iterable[str]]] = (
        ("Question and system boundary", _boundary(kept, compiled)),
        ("System drawing", ["```mermaid", compiled.mermaid(), "```"]),
        ("System variables", _variables(compiled)),
        ("Model of each process", _models(compiled)),
        ("Parameters", parameter_lines(kept, cited)),
        ("Lifetimes", _lifetimes(kept)),
        ("Mass balance", _balance(kept)),
        ("Scenarios", _scenarios(kept)),
        ("Uncertainty and sensitivity", _uncertainty(kept)),
        ("Validation against independent numbers", _validation(kept)),
        ("Results and classifications", _results(kept)),
        ("Software", _software(kept, cited)),
        ("Limits and known double counting", _limits(kept)),
        ("Competing interests and funding", [MISSING]),
    )
    lines = [f"# Reporting checklist: {titles}"]
    for number, (title, content) in enumerate(sections, 1):
        lines += ["", f"## {number}. {title}", "", *content]
    return "\n".join(lines) + "\n"


def _boundary(kept: Saved, compiled: Plan) -> Iterator[str]:
    for one in kept.scenarios:
        yield f"- Question, {one.name}: {said(one.about)}"
    yield f"- System: {compiled.system.title}. {said(compiled.system.about)}"
    first, last = kept.scenarios[0].years
    yield f"- Time: {first}–{last}, steps of one year, reported from {kept.scenarios[0].report_from}"
    layer = compiled.system.conserves
    yield f"- Layer: {f'mass of each {layer}' if layer else 'one mass, no layers declared'}"
    for dim, labels in compiled.system.dimensions.items():
        yield f"- {dim} ({len(labels)}): {', '.join(labels)}"


def _variables(compiled: Plan) -> Iterator[str]:
    numbers = {name: str(i) for i, name in enumerate(compiled.system.processes, 1)}
    yield f"Processes: {', '.join(f'{i} {name}' for name, i in numbers.items())}"
    yield ""
    stocks = {step.stock: step.stock_dims for step in compiled.steps if step.stock}
    rows = [
        (
            f"F {numbers[flow.source]}–{numbers[flow.target]}",
            name,
            "t/yr",
            ", ".join(("year", *compiled.dims[name])),
        )
        for name, flow in compiled.flows.items()
    ]
    rows += [
        (f"S {numbers[compiled.stocks[name]]}", name, "t", ", ".join(("year", *dims)))
        for name, dims in stocks.items()
    ]
    yield from table(("symbol", "variable", "unit", "dimensions"), rows)


def _models(compiled: Plan) -> Iterator[str]:
    def kind(process: object) -> str:
        if not isinstance(process, Stock):
            return ""
        if process.stock:
            return ", stock-driven"
        return ", inflow-driven" if process.inflow else ", filled by what arrives"

    rows = [
        (step.name, f"{step.process.rule}{kind(step.process)}", f"`{step.equation()}`")
        for step in compiled.steps
    ]
    there = {step.name for step in compiled.steps}
    rows += [
        (name, "source", "gives what is asked")
        for name in compiled.system.processes
        if name not in there
    ]
    yield from table(("process", "model", "equations"), rows)


def _lifetimes(kept: Saved) -> Iterator[str]:
    scenario = kept.scenarios[0]
    rows = []
    values = build_parameters(scenario)
    for name, process in scenario.system.processes.items():
        if not isinstance(process, Stock):
            continue
        told = process.lifetime
        texts = []
        for key, text in lifetime_parameters(told).items():
            if text in values:
                own = values[text]
                low, high = (f"{float(found):.4g}" for found in (own.min(), own.max()))
                text = f"{text} = {low if low == high else f'{low} to {high}'} {own.attrs['units']}"
            texts.append(f"{key}: {text}")
        rows.append((name, told.law, "; ".join(texts), told.inflow_at))
    if not rows:
        yield "no stocks with lifetimes"
        return
    yield from table(("stock", "law", "parameters", "inflow enters at"), rows)


def _balance(kept: Saved) -> Iterator[str]:
    worst = kept.attrs.get("balance_residual")
    yield (
        f"- Worst residual of all processes, years and cells: {worst:.1e} of the throughput"
        if worst is not None
        else f"- {MISSING}"
    )
    if kept.sampled:
        yield "- By process: kept of no sample; the worst of all samples is above"
        return
    data = some(kept.folder, lambda _, attrs: attrs.get("kind") in ("flow", "stock"))
    data.attrs = dict(kept.attrs)
    several = (
        [data.sel(scenario=one.name) for one in kept.scenarios]
        if "scenario" in data.dims
        else [data]
    )
    rows = []
    for scenario, one in zip(kept.scenarios, several, strict=True):
        found = balance(one)
        for name, own in found.data_vars.items():
            rows.append((scenario.name, str(name), *_worst(own)))
    yield ""
    yield from table(("scenario", "process", "largest residual, t/yr", "at"), rows)


def _worst(own: xr.DataArray) -> tuple[str, str]:
    size = np.nan_to_num(np.abs(own.values))
    cell = np.unravel_index(int(np.argmax(size)), size.shape)
    where = ", ".join(f"{d}={own[d].values[i]}" for d, i in zip(own.dims, cell, strict=True))
    return f"{size[cell]:.1e}", where if size[cell] > 0 else ""


def _scenarios(kept: Saved) -> Iterator[str]:
    for one in kept.scenarios:
        yield f"- {one.name}: {one.title}. Storyline: {said(one.about)}"
        line = " → ".join(one.lineage[1:])
        yield f"  - inherits: {line or 'nothing, it is a base of its own'}"
        root = one.lineage[-1] if one.lineage else one.name
        changed = [
            g
            for g in one.given
            if g.layer in ("lever", "override") or (g.layer == "set" and g.giver != root)
        ]
        for given in changed:
            yield f"  - {given.parameter}, by {given.layer} {given.giver} at {given.place}"
        if not changed:
            yield "  - differs from its base in nothing"
        for clause in one.targets:
            yield f"  - target {clause.name} at {clause.place}"


def _uncertainty(kept: Saved) -> Iterator[str]:
    for one in kept.scenarios:
        yield f"- {one.name}: {len(columns_of(one))} draws are declared beside its values"
    told = kept.manifest.draws
    if not told:
        yield "- Method: none in this run, every value as it was written"
        yield f"- Sample size and seed: {MISSING}"
    else:
        yield f"- Method: {told['design']} samples of all of them"
        yield f"- Samples: {', '.join(told['samples'])}; seed: {told['seed']}"
        yield f"- Samples that could not be run: {told.get('failed_samples', 'none')}"
        for one in kept.scenarios:
            told_of = one.correlation
            yield f"- Correlations: {', '.join(told_of.of) if told_of else 'none declared'}"
    yield f"- Sensitivity: {MISSING}"


def _validation(kept: Saved) -> Iterator[str]:
    names = sorted({clause.name for one in kept.scenarios for clause in one.targets})
    yield MISSING + (f"; targets that are checked: {', '.join(names)}" if names else "")


def _results(kept: Saved) -> Iterator[str]:
    there = [
        n
        for n in ("result.nc", "result.zarr", "summary.csv", "manifest.yaml")
        if (kept.folder / n).exists()
    ]
    yield f"- Files: {', '.join(there)}"
    yield f"- Conventions: {kept.attrs.get('Conventions', MISSING)}; dimensions have the labels of section 1"
    for one, sha in zip(kept.scenarios, kept.manifest.scenarios, strict=True):
        yield f"- SHA-256 of what decides the numbers of {one.name}: {sha.sha256}"
    if "content_sha256" in kept.attrs:
        yield f"- SHA-256 of the content: {kept.attrs['content_sha256']}"
    yield f"- Entry of inflows in their year: {kept.attrs.get('inflow_convention', MISSING)}"


def _software(kept: Saved, cited: Citation) -> Iterator[str]:
    made = json.loads(kept.attrs.get("provenance", "{}"))
    own = cited.software
    yield f"- Software: {own.plain('title')}, version {own.plain('version')}"
    yield f"- Commit: {own.plain('commit') or MISSING}; of the scenarios: {kept.attrs.get('git_commit', MISSING)}"
    yield f"- DOI: {own.doi or 'none is registered'}"
    yield f"- Command: `{kept.manifest.command or MISSING}`"
    yield f"- Created: {kept.manifest.created or MISSING}"
    packages = ", ".join(f"{name} {version}" for name, version in made.get("packages", {}).items())
    yield f"- Packages: {packages or MISSING}; Python {made.get('python', MISSING)}, {made.get('platform', '')}"
    yield "- References:"
    yield from (f"  - {entry.line()}" for entry in cited.entries())
    if lines := cited.licences():
        yield "- Licences of the data:"
        yield from (f"  - {line}" for line in lines)


def _limits(kept: Saved) -> Iterator[str]:
    yield f"- Limits: {MISSING}"
    roles = kept.scenarios[0].system.roles
    counted = (
        "the flows in one role follow one another nowhere, which is checked, so that none counts metal twice"
        if roles
        else MISSING
    )
    yield f"- Double counting: {counted}"
