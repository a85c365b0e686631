"""Where one value of a parameter comes from: files, lines, rows of tables, sources, assumptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mfa.assignments import Assignment
from mfa.errors import MfaError
from mfa.forms import Change, Fields, Form, Joined, Known, LawOf, Number, Rest, TableOf, YearPath
from mfa.ownership import Entry, Owners
from mfa.references import keys_of
from mfa.scenario import Scenario
from mfa.used_sources import Cells, last_seen, reached, rows_for

GIVERS = {"default": "declared default of the system", "override": "changed in a program"}


MOST_ROWS = 3
"""Rows of a table that are told one by one."""


@dataclass(frozen=True)
class Origin:
    """Where the value of a parameter in one cell and year comes from.

    Attributes
    ----------
    parameter : str
    cell : mapping of dimension to label
    year : int or None
        None for a parameter without years.
    value : float
        In canonical units.
    unit : str
    lines : tuple of str
        Files, lines and rows, in the order in which they were applied.
    sources : tuple of str
        Keys of sources.
    assumptions : tuple of str
        Reasons that stand beside the value, and what stands there without source or reason.
    others : tuple of str
        Parameters that it is a law of.
    """

    parameter: str
    cell: Mapping[str, str]
    year: int | None
    value: float
    unit: str
    lines: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    others: tuple[str, ...] = field(default=())

    def head(self) -> str:
        """Return the name with its cell."""
        where = [*(f"{d}={label}" for d, label in self.cell.items())]
        where += [f"year={self.year}"] if self.year is not None else []
        return f"{self.parameter}[{', '.join(where)}]" if where else self.parameter


def origin_of(
    scenario: Scenario,
    owners: Owners,
    name: str,
    cell: Mapping[str, str],
    year: int,
    value: float,
    unit: str,
) -> Origin:
    """Return where the value of a parameter comes from.

    Parameters
    ----------
    scenario : Scenario
    owners : Owners
        Of the parameter, from :func:`mfa.ownership.resolve`.
    name : str
    cell : mapping of dimension to label
        All dimensions of the parameter but the year.
    year : int
    value : float
        The value itself, in canonical units.
    unit : str
    """
    index = tuple(own.index(cell[d]) for d, own in zip(owners.dims, owners.labels, strict=True))
    number = int(owners.owner[index])
    if number < 0:
        raise MfaError(f"{name}: nothing gives its value for {dict(cell)}")
    entry = owners.entries[number]
    labels = tuple((cell[d],) for d in owners.dims)
    cells = Cells(owners.dims, labels, (year, year))
    forms = [*reached(entry, cells, scenario)]
    keys, reasons, named = dict[str, None](), dict[str, None](), dict[str, None]()
    for form, own in forms:
        if isinstance(form, Known):
            keys |= dict.fromkeys(keys_of(form.source))
            if form.reason:
                reasons[" ".join(form.reason.split())] = None
        elif isinstance(form, TableOf):
            table = scenario.tables[form.path]
            column = table.columns.get("source", ())
            for row in rows_for(table, form, own) if column else ():
                keys |= dict.fromkeys(keys_of(column[row]))
        elif isinstance(form, LawOf):
            named |= dict.fromkeys(filter(None, (form.of, form.times)))
    if not keys and not reasons:
        reasons[_undeclared(scenario, name, entry)] = None
    return Origin(
        name,
        dict(cell),
        year if owners.yearly else None,
        value,
        unit,
        tuple(_lines(scenario, name, entry, forms)),
        tuple(keys),
        tuple(reasons),
        tuple(named),
    )


def _undeclared(scenario: Scenario, name: str, entry: Entry) -> str:
    first = entry.origins[0]
    if first.layer == "default":
        spec = scenario.system.parameters[name]
        return f"declared default of the system ({spec.meaning or name})"
    return f"declared at {first.place}, neither a source nor a reason stands there"


def _lines(
    scenario: Scenario, name: str, entry: Entry, forms: list[tuple[Form, Cells]]
) -> Iterator[str]:
    """Say where a value was given, what changed it since, and which rows and points decide it."""
    for number, origin in enumerate(entry.origins):
        yield f"{'given' if number == 0 else _change(origin)} at {origin.place} ({_giver(origin)})"
    if scenario.system.parameters[name].normalise:
        dim = scenario.system.parameters[name].normalise
        yield f"then divided by the sum over {dim}"
    for form, cells in forms:
        yield from _line(scenario, form, cells)


def _line(scenario: Scenario, form: Form, cells: Cells) -> Iterator[str]:
    match form:
        case TableOf():
            yield from _rows(scenario, form, cells)
        case Joined():
            end = last_seen(form, cells, scenario)
            if cells.years[1] > end:
                yield f"observed to {end}, then continued (join: {form.join})"
        case LawOf(law, fields, of=of):
            told = ", ".join(f"{key} {text}" for key, f in fields if (text := _number(f)))
            yield f"law {law} of {of or 'the year'}{f': {told}' if told else ''}"
        case YearPath(points):
            first, last = cells.years
            below = max((p for p in points if p[0] <= first), default=points[0], key=_year)
            above = min((p for p in points if p[0] >= last), default=points[-1], key=_year)
            shown = dict.fromkeys((below[0], above[0]))
            texts = {year: _number(f) or "…" for year, f in points}
            yield "points " + " and ".join(f"{year}: {texts[year]}" for year in shown)
        case Rest(dim=dim):
            yield f"what the other labels of {dim} leave to 1"
        case Known(distribution=law, bounds=bounds) if law:
            told = ", ".join(_number(bound) or "…" for bound in bounds)
            yield f"drawn in samples: {law}{f' {told}' if told else ''}"


def _year(point: tuple[int, Form]) -> int:
    return point[0]


def _rows(scenario: Scenario, form: TableOf, cells: Cells) -> Iterator[str]:
    table = scenario.tables[form.path]
    rows = rows_for(table, form, cells)
    scaled = f", scaled by {_number(form.scale)}" if form.scale is not None else ""
    if len(rows) > MOST_ROWS:
        lines = [table.lines[int(row)] for row in rows]
        yield f"{form.path}:{min(lines)}–{max(lines)} ({len(rows)} rows){scaled}"
        return
    for row in rows:
        own = {c: table.columns[c][row] for c in table.columns}
        told = [own["year"]] if "year" in own else []
        told += [" ".join(filter(None, (own["value"], own.get("unit", ""))))]
        told += [own["status"]] if own.get("status") else []
        if own.get("raw_file"):
            raw = f", {_few(own['raw_row'])}" if own.get("raw_row") else ""
            told.append(f"from {own['raw_file']}{raw}")
        yield f"{form.path}:{table.lines[int(row)]} ({'; '.join(told)}){scaled}"


def _few(raw: str) -> str:
    rows = raw.split(";")
    return f"row {rows[0]}" if len(rows) == 1 else f"rows {rows[0]} and {len(rows) - 1} more"


def _number(form: Form | None) -> str:
    if isinstance(form, Known):
        return _number(form.value)
    if isinstance(form, Number):
        unit = f" {form.unit}" if form.unit not in (None, "", "1") else ""
        return f"{form.value:g}{unit}"
    return ""


def _giver(assignment: Assignment) -> str:
    if assignment.layer in GIVERS:
        return GIVERS[assignment.layer]
    return f"{assignment.layer} {assignment.giver}"


def _change(assignment: Assignment) -> str:
    form = assignment.form.value if isinstance(assignment.form, Known) else assignment.form
    if isinstance(form, Fields):
        return "changed in " + ", ".join(name for name, _ in form.fields)
    if isinstance(form, Change):
        return f"{'scaled by' if form.kind == 'scale' else 'with an addition of'} {_number(form.value) or 'a value'}"
    return "changed"
