"""What a law is fitted to, from long CSV tables: one value for each year and place.

``value`` stands in one table; what the law is a function of, and what the value
is divided by, in columns of the same table or in tables of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known
from mfa.table_files import Table, read_table
from mfa.units import canonical, quotient

Cell = tuple[int, str]


def read_points(
    path: str | Path,
    by: str,
    *,
    per: str | None = None,
    group: str | None = None,
    where: Mapping[str, str] | None = None,
    years: tuple[int | None, int | None] = (None, None),
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return x and y of a fit, dims ``(year,)`` or ``(year, group)``, NaN where one is missing.

    What has a value in the table but nothing in the others is left out; ``y.attrs["left_out"]``
    says how many and which years, ``""`` if there are none.

    Parameters
    ----------
    path : path of a CSV file
        A long table with the columns ``year``, ``value`` and ``unit``.
    by : str
        What the law is a function of: ``year``, a column of the table (its unit in the column
        ``…_unit``, if there is one), or the path of another long table.
    per : str, optional
        Path of a long table that the value is divided by, e.g. the population.
    group : str, optional
        The column whose labels have a curve each.
    where : mapping of column to label, optional
        Rows of the first table that count; a label of the other tables, if they have the column.
    years : pair of first and last year, each optional

    Raises
    ------
    MfaError
        If a column or a label is not there, or a cell has two rows.
    """
    table = read_table(path)
    others = {name: read_table(name) for name in (per, by) if name and Path(name).suffix == ".csv"}
    where = where or {}
    columns = {column for each in (table, *others.values()) for column in each.columns}
    if strange := sorted(set(where) - columns):
        hint = known(strange[0], columns, "columns")
        raise MfaError(f"{path} has no column {strange[0]!r}. {hint}", table.place())
    if by == "value":
        raise MfaError(
            "the value cannot be a function of itself: --by is the year, a column or a table"
        )
    first, last = years
    if first is not None and last is not None and first > last:
        raise MfaError(f"the first year {first} lies after the last year {last}")
    if group == "year":
        raise MfaError("the groups are places or kinds of a column; 'year' is what they run over")
    if by not in ("year", *table.columns, *others):
        hint = known(by, ["year", *table.columns], "columns")
        raise MfaError(f"there is no column {by!r} in {path}; it may be another CSV too. {hint}")
    y, unit = _column(table, "value", group, where)
    y = {
        cell: value
        for cell, value in y.items()
        if (first is None or cell[0] >= first) and (last is None or cell[0] <= last)
    }
    whole = set(y)
    if negative := sorted(cell for cell, value in y.items() if value < 0):
        year, label = negative[0]
        raise MfaError(f"{path}: negative observations ({year} {label}); a growth law has none")
    if per is not None:
        below, below_unit = _column(others[per], "value", group, where, shared=True)
        below = _for_all(below, y)
        if nothing := sorted(cell for cell in y if below.get(cell) == 0):
            year, label = nothing[0]
            raise MfaError(f"{per}: the value of {year} {label} is 0; nothing can be divided by it")
        y = {cell: value / below[cell] for cell, value in y.items() if cell in below}
        unit = quotient(unit, below_unit)
    if by == "year":
        x, x_unit = {cell: float(cell[0]) for cell in y}, "year"
    elif by in table.columns:
        x, x_unit = _column(table, by, group, where)
    else:
        x, x_unit = _column(others[by], "value", group, where, shared=True)
        x = _for_all(x, y)
    cells = sorted(set(x) & set(y))
    if not cells:
        raise MfaError(
            f"{path}: no year has both a value and {by if per is None else f'{by} and {per}'}; "
            f"the values are of {_spans(whole) or 'other years'}; look at --where and the years"
        )
    told = ""
    if gone := whole - set(cells):
        lacks = [name for name, had in ((per, y), (by, x)) if name and not gone <= set(had)]
        told = (
            f"{len(gone)} of {len(whole)} points left out, which have nothing in "
            f"{' or '.join(lacks)}: {_spans(gone)}"
        )
    found = _labelled(cells, y, unit, group)
    return _labelled(cells, x, x_unit, group), found.assign_attrs(left_out=told)


def _for_all(values: dict[Cell, float], y: Mapping[Cell, float]) -> dict[Cell, float]:
    """Return values by (year, label); those of a table without the group hold for every label."""
    if any(label for _, label in values):
        return values
    return {cell: values[cell[0], ""] for cell in y if (cell[0], "") in values}


def _spans(cells: Iterable[Cell]) -> str:
    """Return years by label as text: ``A 1950–1961, 1970; B 1950``."""
    by_label: dict[str, list[int]] = {}
    for year, label in sorted(cells, key=lambda cell: (cell[1], cell[0])):
        by_label.setdefault(label, []).append(year)
    shown = []
    for label, own in by_label.items():
        breaks = [0, *(i for i in range(1, len(own)) if own[i] != own[i - 1] + 1), len(own)]
        runs = [(own[a], own[b - 1]) for a, b in pairwise(breaks)]
        text = ", ".join(f"{a}–{b}" if b > a else str(a) for a, b in runs)
        shown.append(f"{label} {text}".strip())
    return "; ".join(shown)


def _labelled(
    cells: Sequence[Cell], values: Mapping[Cell, float], unit: str, group: str | None
) -> xr.DataArray:
    years = sorted({year for year, _ in cells})
    labels = sorted({label for _, label in cells})
    whole = np.full((len(years), len(labels)), np.nan)
    for year, label in cells:
        whole[years.index(year), labels.index(label)] = values[year, label]
    told = "1" if unit == "year" else unit
    if group is None:
        return xr.DataArray(whole[:, 0], {"year": years}, ["year"], attrs={"units": told})
    coords = {"year": years, group: labels}
    return xr.DataArray(whole, coords, ["year", group], attrs={"units": told})


def _column(
    table: Table, name: str, group: str | None, where: Mapping[str, str], shared: bool = False
) -> tuple[dict[Cell, float], str]:
    """Return the canonical values of a column by (year, label of the group)."""
    columns = table.columns
    needed = {"year", name} | ({group} if group and not shared else set())
    if lacking := sorted(needed - set(columns)):
        hint = known(lacking[0], columns, "columns")
        raise MfaError(f"{table.path} has no column {lacking[0]!r}. {hint}", table.place())
    units = columns.get(_unit_column(name))
    found: dict[Cell, float] = {}
    canonical_unit = ""
    for column, label in where.items():
        if column in columns and label not in columns[column]:
            hint = known(label, set(columns[column]), "labels")
            message = f"no row has {column} {label!r}. {hint}"
            raise MfaError(message, table.place(0, column))
    for row in range(len(table)):
        if any(columns[c][row] != label for c, label in where.items() if c in columns):
            continue
        text = columns[name][row]
        if text == "":
            continue
        factor, unit = _unit(table, row, name, units[row]) if units else (1.0, "1")
        if canonical_unit not in ("", unit):
            message = f"the unit {units[row] if units else ''!r} is of another kind than {canonical_unit} above it"
            raise MfaError(message, table.place(row, _unit_column(name)))
        canonical_unit = unit
        label = columns[group][row] if group and group in columns else ""
        cell = (_year(table, row), label)
        if cell in found:
            raise MfaError(
                f"{f'{cell[0]} {label}'.strip()} has two values; choose with where= (--where), or "
                f"name the group (columns: {', '.join(columns)})",
                table.place(row),
            )
        found[cell] = _number(table, row, name) * factor
    if not found:
        raise MfaError(f"{table.path}: no row is left for {dict(where)}", table.place())
    return found, canonical_unit


def _unit_column(name: str) -> str:
    return "unit" if name == "value" else f"{name}_unit"


def _unit(table: Table, row: int, name: str, text: str) -> tuple[float, str]:
    try:
        return canonical(text)
    except MfaError as error:
        place = table.place(row, _unit_column(name))
        raise MfaError(error.problems[0].message, place) from None


def _number(table: Table, row: int, name: str) -> float:
    try:
        number = float(table.columns[name][row])
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        message = f"{table.columns[name][row]!r} is not a number; leave the row out"
        raise MfaError(message, table.place(row, name))
    return number


def _year(table: Table, row: int) -> int:
    text = table.columns["year"][row]
    if not text.strip().lstrip("-").isdigit():
        raise MfaError(f"{text!r} is not a calendar year", table.place(row, "year"))
    return int(text)
