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

from mfa.errors import MfaError, known
from mfa.files import Table
from mfa.forms import Form, TableOf
from mfa.regions import Array, Region
from mfa.units import canonical

PROVENANCE = ("value", "unit", "source", "raw_file", "raw_row", "status", "note")
"""Columns of a table that are not dimensions."""

Evaluate: TypeAlias = Callable[[Form, Region], Array]
"""Gives the values of the forms that stand inside a table: ``scale``, ``before``, ``after``."""


def table_values(form: TableOf, region: Region, evaluate: Evaluate) -> Array:
    """Return the values of a table on a region, (*labels, year); NaN where it says nothing."""
    table = region.tables[form.path]
    codes, keep = _rows(table, form, region)
    values = _numbers(table, keep, region, form.path)
    if form.scale is not None:
        values = values * _constant(form.scale, region, evaluate)
    if "year" not in table.columns:
        result = np.full((*region.shape, 1), np.nan)
        _fill(result, codes, values, table, keep, None)
        return result
    region.require_years(form.place)
    at = _year_numbers(table, keep)
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


def _rows(table: Table, form: TableOf, region: Region) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Return for each dimension the label number of each row that counts, and those rows."""
    chosen = dict(form.where)
    for column in chosen:
        if column not in table.columns:
            hint = known(column, table.columns, "columns")
            raise MfaError(f"table {form.path!r} has no column {column!r}. {hint}", form.place)
    for column in table.columns:
        if column not in (*PROVENANCE, "year", *region.dims, *chosen):
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
        if dim in table.columns:
            if dim not in region.fixed:
                _refuse_unknown(table, dim, region.declared[dim], np.flatnonzero(keep))
            keep &= np.isin(np.array(table.columns[dim]), labels)
    rows = np.flatnonzero(keep)
    codes = [
        _codes(table, dim, own, rows) for dim, own in zip(region.dims, region.labels, strict=True)
    ]
    return codes, rows


def _refuse_unknown(table: Table, dim: str, labels: tuple[str, ...], rows: NDArray[Any]) -> None:
    column = table.columns[dim]
    for row in rows:
        if column[row] not in labels:
            message = (
                f"{dim!r} has no label {column[row]!r}. {known(column[row], labels, 'labels')}"
            )
            raise MfaError(message, table.place(int(row), dim))


def _codes(table: Table, dim: str, labels: tuple[str, ...], rows: NDArray[Any]) -> NDArray[Any]:
    if dim not in table.columns:
        return np.array([-1])
    position = {label: i for i, label in enumerate(labels)}
    column = table.columns[dim]
    return np.array([position[column[row]] for row in rows], dtype=np.int64)


def _numbers(table: Table, rows: NDArray[Any], region: Region, path: str) -> Array:
    units = table.columns.get("unit")
    column = table.columns["value"]
    if units is None and region.unit not in ("1", "year"):
        raise MfaError(
            f"table {path!r} has no column 'unit'; values must be in {region.unit}", table.place()
        )
    values = np.empty(len(rows))
    for i, row in enumerate(rows):
        try:
            values[i] = float(column[row])
        except ValueError:
            raise MfaError(
                f"{column[row]!r} is not a number", table.place(int(row), "value")
            ) from None
    if not np.isfinite(values).all():
        row = int(rows[np.flatnonzero(~np.isfinite(values))[0]])
        raise MfaError(
            f"{column[row]!r} is not a number that can be used", table.place(row, "value")
        )
    return values * _factors(table, rows, region) if units is not None else values


def _factors(table: Table, rows: NDArray[Any], region: Region) -> Array:
    units = table.columns["unit"]
    factors: dict[str, float] = {}
    for row in rows:
        text = units[row]
        if text in factors:
            continue
        try:
            factors[text], found = canonical(text or "1")
        except MfaError as error:
            raise MfaError(error.problems[0].message, table.place(int(row), "unit")) from None
        if found != region.unit:
            message = f"the unit {text!r} gives {found}, this needs a unit that gives {region.unit}"
            raise MfaError(message, table.place(int(row), "unit"))
    return np.array([factors[units[row]] for row in rows])


def _year_numbers(table: Table, rows: NDArray[Any]) -> NDArray[np.int64]:
    column = table.columns["year"]
    years = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(rows):
        try:
            years[i] = int(column[row])
        except (ValueError, OverflowError):
            raise MfaError(
                f"{column[row]!r} is not a calendar year", table.place(int(row), "year")
            ) from None
    return years


def _fill(
    target: Array,
    codes: list[NDArray[Any]],
    values: Array,
    table: Table,
    rows: NDArray[Any],
    year: Any,
) -> None:
    """Write the rows of a table into an array; a cell that is given twice is an error."""
    index: list[Any] = [
        code if len(code) == len(rows) and code[:1] != -1 else None for code in codes
    ]
    last = np.zeros(len(rows), dtype=np.int64) if year is None else year
    keys = np.stack([*(code for code in index if code is not None), last])
    _, first, counts = np.unique(keys, axis=1, return_index=True, return_counts=True)
    if (counts > 1).any():
        key = keys[:, first[np.argmax(counts > 1)]]
        again = np.flatnonzero((keys == key[:, None]).all(axis=0))[1]
        raise MfaError("this cell is given twice in the table", table.place(int(rows[again])))
    open_axes = [i for i, code in enumerate(index) if code is None]
    view = np.moveaxis(target, open_axes, range(len(open_axes))) if open_axes else target
    view[(..., *(code for code in index if code is not None), last)] = values
