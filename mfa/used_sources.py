"""Which written values decide the numbers of a run, and the sources that stand beside them.

A value that another replaces, a row of a table for another place or for years that
are not run, a parameter that no process uses: they stand in the files and decide
nothing, so that nothing is cited for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mfa.assignments import parameters_of
from mfa.errors import Place
from mfa.forms import Change, Fields, Form, Items, Joined, Known, LawOf, TableOf, YearPath
from mfa.lifetime_fields import lifetime_parameters
from mfa.ownership import Entry, Owners, resolve
from mfa.references import keys_of
from mfa.scenario import Scenario
from mfa.schema import Stock
from mfa.system import System, expressions, factors, potential_expressions
from mfa.table_files import Table

EVER = (-(10**6), 10**6)
"""Years of a path that is run through faster or slower: any of them may count."""


@dataclass(frozen=True)
class Use:
    """A source that stands beside a value which decides numbers of a run.

    Attributes
    ----------
    key : str
        As written; several in one ``source`` are one use each.
    parameter : str
    place : Place
        Where the source, or the table that names it, was written.
    """

    key: str
    parameter: str
    place: Place


@dataclass(frozen=True)
class Cells:
    """Cells of a parameter for which a form is looked at, in the years in which it counts."""

    dims: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    years: tuple[int, int]


def sources_used(scenario: Scenario) -> tuple[Use, ...]:
    """Return the sources of the values that decide the numbers of a run, each use once.

    Targets count: a run checks them.
    """
    found: dict[Use, None] = {}
    for name in parameters_used(scenario):
        for entry, cells in owned(scenario, name):
            for key, place in _of_entry(entry, cells, scenario):
                found.setdefault(Use(key, name, place))
    for clause in scenario.targets:
        for key in keys_of(clause.source):
            found.setdefault(Use(key, f"target {clause.name}", clause.place))
    return tuple(found)


def parameters_used(scenario: Scenario) -> tuple[str, ...]:
    """Return the parameters that processes, roles and potentials name, and those that these are laws of."""
    wanted = dict.fromkeys(named_by(scenario.system))
    waiting = [*wanted]
    while waiting:
        for entry, _ in owned(scenario, waiting.pop()):
            for other in parameters_of(entry.form):
                if other not in wanted:
                    wanted[other] = None
                    waiting.append(other)
    return tuple(name for name in scenario.system.parameters if name in wanted)


def named_by(system: System) -> Iterator[str]:
    """Yield the parameters that processes, roles and potentials of a system name."""
    for process in system.processes.values():
        texts = [*expressions(process).values()]
        if isinstance(process, Stock):
            texts += lifetime_parameters(process.lifetime).values()
        for text in texts:
            yield from (name for name in factors(text) if name in system.parameters)
    for names in system.roles.values():
        yield from (name for name in names if name in system.parameters)
    for text in potential_expressions(system.potential).values():
        yield from factors(text)


def owned(scenario: Scenario, name: str) -> Iterator[tuple[Entry, Cells]]:
    """Yield the entries that own cells of a parameter, and the block of these cells."""
    owners = resolve(scenario, name)
    for number in np.unique(owners.owner):
        if number >= 0:
            yield owners.entries[int(number)], _block(owners, int(number), scenario.years)


def _block(owners: Owners, number: int, years: tuple[int, int]) -> Cells:
    mask = owners.owner == number
    index = tuple(np.unique(axis) for axis in np.nonzero(mask)) if mask.ndim else ()
    labels = tuple(
        tuple(own[i] for i in chosen) for own, chosen in zip(owners.labels, index, strict=True)
    )
    return Cells(owners.dims, labels, years)


def _of_entry(entry: Entry, cells: Cells, scenario: Scenario) -> Iterator[tuple[str, Place]]:
    for form, own in reached(entry, cells, scenario):
        if isinstance(form, Known):
            yield from ((key, form.place) for key in keys_of(form.source))
        elif isinstance(form, TableOf):
            table = scenario.tables[form.path]
            named = table.columns.get("source", ())
            rows = rows_for(table, form, own) if named else ()
            for text in dict.fromkeys(named[row] for row in rows):
                yield from ((key, form.place) for key in keys_of(text))


def reached(entry: Entry, cells: Cells, scenario: Scenario) -> Iterator[tuple[Form, Cells]]:
    """Yield every form that decides values of an entry on some cells, and the cells and years for which it does."""
    yield from _inside(entry.form, cells, scenario)
    for change in entry.origins[1:]:
        yield from _inside(change.form, cells, scenario)


def _inside(form: Form, cells: Cells, scenario: Scenario) -> Iterator[tuple[Form, Cells]]:
    yield form, cells
    parts: list[tuple[Form, Cells]] = []
    match form:
        case Known(value=value) | Change(value=value):
            parts = [(value, cells)]
        case TableOf():
            edges = (form.before, form.after, form.scale)
            parts = [(e, cells) for e in edges if e is not None and not isinstance(e, str)]
        case Joined(observed, then):
            parts = _sides(form, observed, then, cells, scenario)
        case LawOf(law, fields):
            own = replace(cells, years=EVER) if law == "paced" else cells
            parts = [(inner, own) for _, inner in fields]
        case Items(values, dim):
            there = dict(zip(cells.dims, cells.labels, strict=True)).get(str(dim))
            parts = [(inner, cells) for label, inner in values if there is None or label in there]
        case YearPath(points=points):
            first, last = _edges([year for year, _ in points], cells.years)
            parts = [(inner, cells) for year, inner in points if first <= year <= last]
        case Fields(fields=values):
            parts = [(inner, cells) for _, inner in values]
    for inner, own in parts:
        yield from _inside(inner, own, scenario)


def _sides(
    form: Joined, observed: Form, then: Form, cells: Cells, scenario: Scenario
) -> list[tuple[Form, Cells]]:
    """Return what of a continued history counts: what goes on starts from the last year observed."""
    first, last = cells.years
    end = last_seen(form, cells, scenario)
    parts = [(observed, replace(cells, years=(min(first, end), min(last, end))))]
    if last > end:
        parts.append((then, replace(cells, years=(min(max(first, end), last), last))))
    return parts


def rows_for(table: Table, form: TableOf, cells: Cells) -> NDArray[np.int64]:
    """Return the rows of a table that give values of cells in some years.

    Between rows values are interpolated or held, so that the nearest row on either side of the
    first and the last year counts where there is none of that year.

    Parameters
    ----------
    table : Table
    form : TableOf
        Which of its rows are meant (``where``).
    cells : Cells
    """
    labels, years = dict(zip(cells.dims, cells.labels, strict=True)), cells.years
    keep = np.ones(len(table), dtype=bool)
    for column, label in form.where:
        keep &= np.array([cell == label for cell in table.columns[column]], dtype=bool)
    for dim, own in labels.items():
        if dim in table.columns and not (dim in dict(form.where) and len(own) == 1):
            keep &= np.isin(np.array(table.columns[dim]), own)
    if "year" not in table.columns or not keep.any():
        return np.flatnonzero(keep)
    at = np.array([int(year) for year in table.columns["year"]])
    series: dict[tuple[str, ...], list[int]] = {}
    others = [table.columns[dim] for dim in labels if dim in table.columns]
    for row in np.flatnonzero(keep):
        series.setdefault(tuple(column[row] for column in others), []).append(int(row))
    found: list[int] = []
    for rows in series.values():
        first, last = _edges(sorted(int(at[row]) for row in rows), years)
        found += [row for row in rows if first <= at[row] <= last]
    return np.array(sorted(found), dtype=np.int64)


def _edges(given: list[int], years: tuple[int, int]) -> tuple[int, int]:
    """Return the first and the last given year that decide the values of a span of years.

    >>> _edges([2000, 2010, 2020], (2005, 2010)), _edges([2000, 2010], (2020, 2030))
    ((2000, 2010), (2010, 2010))
    """
    first = max((year for year in given if year <= years[0]), default=given[0])
    last = min((year for year in given if year >= years[1]), default=given[-1])
    return first, last


def last_seen(form: Joined, cells: Cells, scenario: Scenario) -> int:
    """Return the last year that the observed part of a value gives."""
    ends = [cells.years[1] if form.until is None else 10**6]
    if form.until is not None:
        ends.append(form.until)
    inner = form.observed.value if isinstance(form.observed, Known) else form.observed
    if isinstance(inner, TableOf) and inner.after is None:
        table = scenario.tables[inner.path]
        rows = rows_for(table, inner, replace(cells, years=EVER))
        if rows.size and "year" in table.columns:
            ends.append(max(int(table.columns["year"][row]) for row in rows))
    return min(ends)
