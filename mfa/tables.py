"""Tables: the rows of a CSV file become the values of a region.

The rows that count are chosen (``where``) and read in the unit of the
parameter; then gaps (``between``) and the years outside (``before``,
``after``) are filled where the form says how.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError, Problems, known
from mfa.forms import Form, TableOf
from mfa.regions import Array, Region
from mfa.table_files import Table
from mfa.units import canonical

PROVENANCE = ("value", "unit", "source", "raw_file", "raw_row", "status", "note")
"""Columns of a table that are not dimensions."""

DATABASE = ("model", "scenario", "variable")
"""Columns of a table from a scenario database; ``where`` chooses among their labels."""

Evaluate: TypeAlias = Callable[[Form, Region], Array]
"""Gives the values of the forms that stand inside a table: ``scale``, ``before``, ``after``."""


def table_values(form: TableOf, region: Region, evaluate: Evaluate) -> Array:
    """Return the values of a table on a region, (*labels, year); NaN where it says nothing."""
    table = region.tables[form.path]
    problems = Problems()
    codes, keep = _rows(table, form, region, problems)
    values = _numbers(table, keep, region, form, problems)
    at = _year_numbers(table, keep, problems) if "year" in table.columns else np.zeros(0, np.int64)
    problems.raise_if_any()
    _require_rows(table, keep, form, region)
    if form.scale is not None:
        values = values * _constant(form.scale, region, evaluate)
    if "year" not in table.columns:
        result = np.full((*region.shape, 1), np.nan)
        _fill(result, codes, values, table, keep, None)
        return result
    region.require_years(form.place)
    first, last = (int(at.min()), int(at.max())) if at.size else (0, -1)
    dense = np.full((*region.shape, max(last - first + 1, 0)), np.nan)
    _fill(dense, codes, values, table, keep, at - first if at.size else at)
    return _on_years(dense, first, last, form, region, evaluate)


def _constant(form: Form, region: Region, evaluate: Evaluate) -> float:
    """Return the one number that a table is scaled with."""
    factor = evaluate(form, replace(region, unit="1"))
    if factor.shape[-1] > 1 or np.ptp(factor) > 0:
        raise MfaError(
            "the 'scale' of a table is one number, the same for all its rows", form.place
        )
    return float(factor.flat[0])


def _on_years(
    dense: Array, first: int, last: int, form: TableOf, region: Region, evaluate: Evaluate
) -> Array:
    years = np.arange(first, last + 1)
    _fill_gaps(dense, years, form, region)
    result = np.full((*region.shape, len(region.years)), np.nan)
    inside = (region.years >= first) & (region.years <= last)
    result[..., inside] = dense[..., region.years[inside] - first]
    for edge, side in ((form.before, "before"), (form.after, "after")):
        if edge is None:
            continue
        fill = (
            None if isinstance(edge, str) else np.broadcast_to(evaluate(edge, region), result.shape)
        )
        for cell in np.ndindex(region.shape):
            there = np.flatnonzero(~np.isnan(dense[cell]))
            if not there.size:
                continue
            end = years[there[0 if side == "before" else -1]]
            outside = region.years < end if side == "before" else region.years > end
            held = dense[cell][there[0 if side == "before" else -1]]
            result[cell][outside] = held if fill is None else fill[cell][outside]
    return result


def _fill_gaps(dense: Array, years: NDArray[Any], form: TableOf, region: Region) -> None:
    for cell in np.ndindex(dense.shape[:-1]):
        there = ~np.isnan(dense[cell])
        if not there.any():
            continue
        first, last = np.flatnonzero(there)[[0, -1]]
        if there[first : last + 1].all():
            continue
        if form.between != "interpolate":
            gap = int(years[first + int(np.argmin(there[first:last]))])
            raise MfaError(
                f"table {form.path!r} has a gap: no value for {region.cell(cell)} in {gap}; add the row or "
                "write 'between: interpolate'",
                form.place,
            )
        inner = slice(first, last + 1)
        dense[cell][inner] = np.interp(years[inner], years[there], dense[cell][there])


def _rows(
    table: Table, form: TableOf, region: Region, problems: Problems
) -> tuple[list[NDArray[Any] | None], NDArray[Any]]:
    """Return for each dimension the label number of each row that counts, and those rows."""
    chosen = dict(form.where)
    for column in chosen:
        if column not in table.columns:
            hint = known(column, table.columns, "columns")
            raise MfaError(f"table {form.path!r} has no column {column!r}. {hint}", form.place)
    for column in table.columns:
        if column not in (*PROVENANCE, *DATABASE, "year", *region.dims, *chosen):
            allowed = [*region.dims, "year", *PROVENANCE]
            message = f"column {column!r} is no dimension of the parameter. {known(column, allowed, 'columns')}"
            raise MfaError(message, table.place(None, column))
    if "value" not in table.columns:
        raise MfaError("the table has no column 'value'", table.place())
    keep = np.ones(len(table), dtype=bool)
    for column, label in chosen.items():
        keep &= np.array([cell == label for cell in table.columns[column]])
        if not keep.any():
            hint = known(label, table.columns[column], f"labels in {column}")
            raise MfaError(f"no row of {form.path!r} has {column} = {label!r}. {hint}", form.place)
    for dim, labels in zip(region.dims, region.labels, strict=True):
        if dim in table.columns and not (dim in chosen and len(labels) == 1):
            if dim not in region.fixed:
                _refuse_unknown(table, dim, region.declared[dim], np.flatnonzero(keep), problems)
            keep &= np.isin(np.array(table.columns[dim]), labels)
    rows = np.flatnonzero(keep)
    codes = [
        None if dim in chosen and len(own) == 1 else _codes(table, dim, own, rows)
        for dim, own in zip(region.dims, region.labels, strict=True)
    ]
    return codes, rows


def _refuse_unknown(
    table: Table, dim: str, labels: tuple[str, ...], rows: NDArray[Any], problems: Problems
) -> None:
    column, named = table.columns[dim], set(labels)
    for row in rows:
        if column[row] not in named:
            named.add(column[row])
            hint = known(column[row], labels, "labels")
            message = f"{dim!r} has no label {column[row]!r}. {hint}"
            problems.add(message, table.place(int(row), dim))


def _codes(
    table: Table, dim: str, labels: tuple[str, ...], rows: NDArray[Any]
) -> NDArray[Any] | None:
    """Return the number of the label in each row; nothing for a dimension that is no column."""
    if dim not in table.columns:
        return None
    position = {label: i for i, label in enumerate(labels)}
    column = table.columns[dim]
    return np.array([position[column[row]] for row in rows], dtype=np.int64)


def _require_rows(table: Table, rows: NDArray[Any], form: TableOf, region: Region) -> None:
    """Raise unless the rows that count name every label that was asked for."""
    for dim, labels in zip(region.dims, region.labels, strict=True):
        if dim not in table.columns or rows.size:
            continue
        lacking = [label for label in labels if label not in table.columns[dim]]
        if lacking:
            hint = known(lacking[0], table.columns[dim], "in the table")
            raise MfaError(
                f"table {form.path!r} has no row for {dim}={', '.join(lacking)}; add it, or give the "
                f"value in another form. {hint}",
                form.place,
            )
    if not rows.size:
        raise MfaError(f"table {form.path!r} has no row for these labels together", form.place)


def _numbers(
    table: Table, rows: NDArray[Any], region: Region, form: TableOf, problems: Problems
) -> Array:
    column = table.columns["value"]
    values = np.full(len(rows), np.nan)
    for i, row in enumerate(rows):
        at = table.place(int(row), "value") if not column[row].strip() else None
        if at is not None:
            problems.add("'' is not a number: the cell is empty; leave the row out", at)
            continue
        try:
            values[i] = float(column[row])
        except ValueError:
            problems.add(f"{column[row]!r} is not a number", table.place(int(row), "value"))
            continue
        if not np.isfinite(values[i]):
            message = f"{column[row]!r} is not a number that can be used"
            problems.add(message, table.place(int(row), "value"))
    if form.unit:
        factor, found = canonical(form.unit)
        if found != region.unit:
            problems.add(
                f"the unit gives {found}, this needs one that gives {region.unit}", form.place
            )
        return values * factor
    if "unit" in table.columns:
        return values * _factors(table, rows, region, problems)
    if region.unit not in ("1", "year"):
        message = f"table {form.path!r} has no column 'unit'; values must be in {region.unit}"
        problems.add(message, table.place())
    return values


def _factors(table: Table, rows: NDArray[Any], region: Region, problems: Problems) -> Array:
    units = table.columns["unit"]
    factors: dict[str, float] = {}
    for row in rows:
        text, at = units[row], None
        if text in factors:
            continue
        try:
            factors[text], found = canonical(text or "1")
        except MfaError as error:
            factors[text], at = np.nan, table.place(int(row), "unit")
            problems.add(error.problems[0].message, at)
            continue
        if found != region.unit:
            message = f"the unit {text!r} gives {found}, this needs a unit that gives {region.unit}"
            problems.add(message, table.place(int(row), "unit"))
    return np.array([factors[units[row]] for row in rows])


def _year_numbers(table: Table, rows: NDArray[Any], problems: Problems) -> NDArray[np.int64]:
    column = table.columns["year"]
    years = np.zeros(len(rows), dtype=np.int64)
    for i, row in enumerate(rows):
        try:
            years[i] = int(column[row])
        except (ValueError, OverflowError):
            message = f"{column[row]!r} is not a calendar year"
            problems.add(message, table.place(int(row), "year"))
    return years


def _fill(
    target: Array,
    codes: list[NDArray[Any] | None],
    values: Array,
    table: Table,
    rows: NDArray[Any],
    year: Any,
) -> None:
    """Write the rows of a table into an array; a cell that is given twice is an error."""
    last = np.zeros(len(rows), dtype=np.int64) if year is None else year
    named = [code for code in codes if code is not None]
    keys = np.stack([*named, last])
    _, first, counts = np.unique(keys, axis=1, return_index=True, return_counts=True)
    if (counts > 1).any():
        key = keys[:, first[np.argmax(counts > 1)]]
        before, again = np.flatnonzero((keys == key[:, None]).all(axis=0))[:2]
        columns = [c for c in table.columns if c not in PROVENANCE]
        cell = ", ".join(f"{c}={table.columns[c][int(rows[again])]}" for c in columns)
        raise MfaError(
            f"{cell or 'this cell'} is given twice, first in line {table.lines[int(rows[before])]}; "
            "keep one, or choose rows with 'where:'",
            table.place(int(rows[again])),
        )
    open_axes = [i for i, code in enumerate(codes) if code is None]
    view = np.moveaxis(target, open_axes, range(len(open_axes))) if open_axes else target
    view[(..., *named, last)] = values
