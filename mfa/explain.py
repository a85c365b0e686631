"""Where the values of a scenario come from, as text (``mfa show``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

import numpy as np

from mfa.assignments import Assignment, kind_of, tables_of
from mfa.errors import MfaError, known
from mfa.forms import Change, Fields, Form, Joined, Known, Number, YearPath
from mfa.ownership import Entry, resolve
from mfa.parameters import build_parameters, origins
from mfa.scenario import Scenario
from mfa.targets import by_name
from mfa.units import canonical

Cell = dict[str, str]


def explain_scenario(scenario: Scenario) -> str:
    """Return title, lineage, years, system and a table of the parameters of a scenario."""
    dims = ", ".join(f"{dim} ({len(labels)})" for dim, labels in scenario.system.dimensions.items())
    head = [
        ("title", scenario.title),
        ("about", " ".join(scenario.about.split())),
        ("inherits", " → ".join(scenario.lineage[1:]) or "nothing"),
        ("years", f"{scenario.years[0]}–{scenario.years[1]}, reported from {scenario.report_from}"),
        ("system", f"{scenario.system.title}: {len(scenario.system.processes)} processes"),
        ("dimensions", dims or "year only"),
        ("targets", ", ".join(by_name(scenario.targets))),
    ]
    years = scenario.years[1] - scenario.years[0] + 1
    rows = [("parameter", "dims", "unit", "values", "from")]
    for name, spec in scenario.system.parameters.items():
        owners = resolve(scenario, name)
        entries = [owners.entries[number] for number in np.unique(owners.owner) if number >= 0]
        givers = dict.fromkeys(_giver(a) for entry in entries for a in entry.origins)
        rows.append(
            (
                name,
                ", ".join(spec.dims) or "–",
                spec.unit,
                f"{owners.owner.size}{f' × {years} years' if 'year' in spec.dims else ''}",
                _few(list(givers), 3) or "nothing",
            )
        )
    return f"{aligned([line for line in head if line[1]])}\n\n{aligned(rows, right=[3])}"


def explain_grid(scenarios: Sequence[Scenario], name: str | None = None) -> str:
    """Return a table of the scenarios of a grid, or one parameter in each.

    Scenarios in which the parameter is the same stand together.

    Raises
    ------
    MfaError
        As :func:`explain_parameter`.
    """
    if name is None:
        first = scenarios[0]
        head = [
            ("title", first.title.removesuffix(f": {_said(first)}")),
            ("about", " ".join(first.about.split())),
            ("inherits", " → ".join(first.lineage[2:]) or "nothing"),
            ("grid", f"{len(scenarios)} scenarios"),
        ]
        rows = [("scenario", *first.varied), *((s.name, *s.varied.values()) for s in scenarios)]
        return f"{aligned([line for line in head if line[1]])}\n\n{aligned(rows)}"
    texts: dict[str, list[str]] = {}
    for scenario in scenarios:
        texts.setdefault(explain_parameter(scenario, name), []).append(scenario.name)
    if len(texts) == 1:
        return f"in all {len(scenarios)} scenarios:\n{next(iter(texts))}"
    return "\n\n".join(f"in {', '.join(names)}:\n{text}" for text, names in texts.items())


def _said(scenario: Scenario) -> str:
    return ", ".join(f"{parameter} {text}" for parameter, text in scenario.varied.items())


def explain_parameter(scenario: Scenario, name: str) -> str:
    """Return the values of one parameter, in its declared unit, with the origin of each.

    Cells with the same values and the same origin stand together.

    Raises
    ------
    MfaError
        If there is no such parameter, or it has no complete values.
    """
    if name not in scenario.system.parameters:
        raise MfaError(
            f"unknown parameter {name!r}. {known(name, scenario.system.parameters, 'parameters')}"
        )
    spec = scenario.system.parameters[name]
    values = build_parameters(scenario, [name])[name] / canonical(spec.unit)[0]
    unit = "" if spec.unit == "1" else f" {spec.unit}"
    lines = [
        f"{name} [{spec.unit}]"
        + (f" over {', '.join(spec.dims)}" if spec.dims else "")
        + (f": {spec.meaning}" if spec.meaning else "")
    ]
    groups: dict[tuple[int, bytes], tuple[list[Cell], Entry]] = {}
    for cell, entry in origins(scenario, name):
        key = id(entry), np.asarray(values.sel(cell)).tobytes()
        groups.setdefault(key, ([], entry))[0].append(cell)
    for cells, entry in groups.values():
        series = np.atleast_1d(values.sel(cells[0]).values)
        lines.append("")
        lines += [f"  {text}" for text in cells_in_words(cells, scenario.system.dimensions)]
        lines += [f"    {text}{unit}" for text in _numbers(series, scenario, entry)]
        lines += [f"      {text}" for text in _chain(entry)]
    return "\n".join(lines)


def _few(names: Sequence[str], most: int) -> str:
    rest = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _giver(assignment: Assignment) -> str:
    return {"default": "default", "override": assignment.giver}.get(
        assignment.layer, f"{assignment.layer} {assignment.giver}"
    )


def cells_in_words(cells: Sequence[Cell], dimensions: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Name a group of cells: as one block if it is one, else one by one."""
    if not cells[0]:
        return
    labels = {dim: list(dict.fromkeys(cell[dim] for cell in cells)) for dim in cells[0]}
    if prod(map(len, labels.values())) == len(cells):
        yield "; ".join(
            f"{dim}: all {len(own)}"
            if len(own) == len(dimensions[dim]) > 1
            else f"{dim}: {_few(own, 8)}"
            for dim, own in labels.items()
        )
        return
    *outer, inner = labels
    for chosen in product(*(labels[dim] for dim in outer)):
        there = [
            cell[inner]
            for cell in cells
            if all(cell[d] == c for d, c in zip(outer, chosen, strict=True))
        ]
        if there:
            head = "; ".join(f"{d}: {c}" for d, c in zip(outer, chosen, strict=True))
            yield f"{head}; {inner}: {_few(there, 8)}"


def _numbers(series: np.ndarray, scenario: Scenario, entry: Entry) -> Iterator[str]:
    if len(series) == 1 or (series == series[0]).all():
        yield _told(series[0], 6)
        return
    first, last = scenario.years
    wanted = {
        scenario.report_from,
        last,
        *range(scenario.report_from // 10 * 10, last, 10),
        *_given_years(entry.form),
    }
    shown = [year for year in sorted(wanted) if scenario.report_from <= year <= last]
    yield "  ".join(f"{year}: {_told(series[year - first], 4)}" for year in shown)


def _given_years(form: Form) -> set[int]:
    match form:
        case YearPath(points):
            return {year for year, _ in points}
        case Known(value=value):
            return _given_years(value)
        case Joined(observed, then, _, until):
            return (
                _given_years(observed)
                | _given_years(then)
                | ({until} if until is not None else set())
            )
    return set()


def _chain(entry: Entry) -> Iterator[str]:
    """Say where a value was given and what changed it since."""
    for position, origin in enumerate(entry.origins):
        verb = "from" if position == 0 else f"then {_change(origin.form)}:"
        yield f"{verb} {origin.place} ({_giver(origin)})"
        for table in dict.fromkeys(table.path for table in tables_of(origin.form)):
            yield f"  table {table}"
        yield from (f"  {text}" for text in _known_of(origin.form))


def _change(form: Form) -> str:
    inner = form.value if isinstance(form, Known) else form
    if isinstance(inner, Fields):
        return "changed in " + ", ".join(name for name, _ in inner.fields)
    amount = inner.value if isinstance(inner, Change) else None
    number = f" {_told(amount.value, 6)}" if isinstance(amount, Number) else ""
    return ("scaled by" if kind_of(form) == "scale" else "with an addition of") + (
        number or " a value"
    )


def _known_of(form: Form) -> Iterator[str]:
    while isinstance(form, Known):
        if form.fit is not None:
            yield f"drawn together from {form.fit.path}: {', '.join(form.fit.fields)}"
        elif form.distribution:
            bounds = ", ".join(
                f"{b.value:g}" if isinstance(b, Number) else "…" for b in form.bounds
            )
            yield f"{form.distribution}: {bounds}"
        if form.source:
            yield f"source: {form.source}"
        if form.reason:
            yield f"reason: {' '.join(form.reason.split())}"
        form = form.value


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Return rows of text in columns.

    >>> print(aligned([("a", "10"), ("bcd", "9")], right=[1]))
    a    10
    bcd   9
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _told(value: float, digits: int) -> str:
    """Return a number with so many digits; a capacity that does not bind is infinite.

    >>> _told(1234.5, 4), _told(float("inf"), 4)
    ('1234', 'unlimited')
    """
    return "unlimited" if value == float("inf") else f"{value:.{digits}g}"
