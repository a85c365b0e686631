"""Value forms become one Dataset of complete, bounded, unit-checked arrays.

First every cell finds its owner (:func:`resolve`): the assignment that gives
its value, with the changes made to it since.  Then each owner's form is
evaluated once on the cells it owns (:func:`evaluate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa import demand
from mfa.assignments import Assignment, kind_of
from mfa.demand import LAWS
from mfa.dims import coordinates, order
from mfa.errors import MfaError, Place, Problems, known
from mfa.files import Table
from mfa.forms import (
    Change,
    Fields,
    Form,
    Items,
    Joined,
    Known,
    LawOf,
    Number,
    Rest,
    TableOf,
    YearPath,
)
from mfa.scenario import Scenario
from mfa.schema import ParameterSpec
from mfa.units import canonical

if TYPE_CHECKING:
    from mfa.system import System

Array = NDArray[np.float64]

PROVENANCE = ("value", "unit", "source", "raw_file", "raw_row", "status", "note")
"""Columns of a table that are not dimensions."""


# ---------------------------------------------------------------- ownership


@dataclass(frozen=True)
class Entry:
    """A form as it stands after all changes, and the assignments it came from."""

    form: Form
    origins: tuple[Assignment, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Owners:
    """For every cell of a parameter (all dimensions but the year) the entry that owns it."""

    dims: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    owner: NDArray[np.int64]
    entries: tuple[Entry, ...]

    def entry(self, cell: Mapping[str, str]) -> Entry | None:
        """Return the entry that owns a cell."""
        index = tuple(
            labels.index(cell[dim]) for dim, labels in zip(self.dims, self.labels, strict=True)
        )
        number = int(self.owner[index])
        return self.entries[number] if number >= 0 else None


def resolve(scenario: Scenario, name: str) -> Owners:
    """Return who owns each cell of a parameter, after all layers of a scenario."""
    spec, system = scenario.system.parameters[name], scenario.system
    dims = tuple(d for d in spec.dims if d != "year")
    labels = tuple(system.dimensions[d] for d in dims)
    owner = np.full(tuple(map(len, labels)), -1, dtype=np.int64)
    entries: list[Entry] = []
    for given in scenario.assignments:
        if given.parameter != name:
            continue
        index = tuple(
            labels[i].index(given.selection[d]) if d in given.selection else slice(None)
            for i, d in enumerate(dims)
        )
        if isinstance(given.form, Fields) or kind_of(given.form) != "replace":
            _change(owner, index, given, entries, name)
        else:
            entries.append(Entry(given.form, (given,)))
            owner[index] = len(entries) - 1
    return Owners(dims, labels, owner, tuple(entries))


def _change(owner: Any, index: Any, given: Assignment, entries: list[Entry], name: str) -> None:
    """Let changed copies of the inherited entries own the chosen cells."""
    block = owner[index]
    changed = np.array(block, copy=True)
    for number in np.unique(block):
        if number < 0:
            what = (
                "scale"
                if not isinstance(given.form, Fields)
                else ", ".join(k for k, _ in given.form.fields)
            )
            raise MfaError(f"{name}: there is no inherited value to change ({what})", given.place)
        old = entries[number]
        if isinstance(given.form, Fields):
            form = with_fields(old.form, given.form)
            entries.append(Entry(form, (*old.origins, given), old.changes))
        else:
            inner = given.form.value if isinstance(given.form, Known) else given.form
            assert isinstance(inner, Change)
            entries.append(Entry(old.form, (*old.origins, given), (*old.changes, inner)))
        changed[block == number] = len(entries) - 1
    owner[index] = changed


def with_fields(form: Form, fields: Fields) -> Form:
    """Return a form with named fields of its law changed.

    The fields of ``{observed, then, join}`` are those of the law in ``then``.
    """
    match form:
        case Known(value=value):
            return replace(form, value=with_fields(value, fields))
        case Joined(then=then):
            return replace(form, then=with_fields(then, fields))
        case LawOf(law, old, _):
            allowed = LAWS[law].fields
            for (field, _), place in zip(fields.fields, fields.places, strict=True):
                if field not in allowed:
                    hint = known(field, allowed, f"fields of law {law!r}")
                    raise MfaError(f"{field!r} is neither a label nor a field here. {hint}", place)
            return replace(form, fields=tuple({**dict(old), **dict(fields.fields)}.items()))
    names = ", ".join(repr(field) for field, _ in fields.fields)
    raise MfaError(
        f"{names}: neither labels of a dimension, nor fields of the inherited value (it is no law)",
        fields.places[0],
    )


# --------------------------------------------------------------- evaluation


@dataclass(frozen=True)
class Region:
    """The cells on which a form is evaluated, and the unit it has to be in."""

    dims: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    declared: Mapping[str, tuple[str, ...]]
    fixed: frozenset[str]
    years: NDArray[np.int64]
    has_year: bool
    unit: str
    conserved: str | None
    tables: Mapping[str, Table]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(len, self.labels))

    def cell(self, index: Sequence[int]) -> str:
        """Return a cell as text, for messages."""
        parts = [
            f"{d}={labels[i]}" for d, labels, i in zip(self.dims, self.labels, index, strict=False)
        ]
        return ", ".join(parts) or "the only cell"


def evaluate(form: Form, region: Region) -> Array:
    """Return the values of a form on a region, (*labels, year); NaN where it says nothing."""
    match form:
        case Number():
            return np.full((*region.shape, 1), _checked_number(form, region))
        case YearPath():
            return _path(form, region)
        case Items():
            return _items(form, region)
        case LawOf(law="paced"):
            return _paced(form, region)
        case LawOf():
            return _law(form, region)
        case TableOf():
            return _table(form, region)
        case Joined():
            return _joined(form, region)
        case Known(value=value):
            return evaluate(value, region)
    raise MfaError(f"this form cannot stand here: {type(form).__name__}", form.place)


def _checked_number(number: Number, region: Region) -> float:
    unit, where = region.unit, number.place
    if number.element is not None:
        dim = region.conserved
        labels = region.labels[region.dims.index(dim)] if dim in region.dims else ()
        if labels != (number.element,):
            raise MfaError(
                f"the unit names {number.element}, but the value is for {', '.join(labels) or 'all'}",
                where,
            )
    if number.unit is None and unit not in ("1", "year") and number.value != 0:
        raise MfaError(
            f"{number.value:g} has no unit; write it with one, like '{number.value:g} {unit}'",
            where,
        )
    if number.unit is not None and number.unit != unit:
        wanted = "a plain number" if unit in ("1", "year") else f"a unit that gives {unit}"
        raise MfaError(f"the unit gives {number.unit}, this needs {wanted}", where)
    return number.value


def _needs_years(region: Region, place: Place) -> None:
    if not region.has_year:
        raise MfaError("values change over years, but the parameter has no dimension 'year'", place)


def _path(form: YearPath, region: Region, held: bool = True) -> Array:
    _needs_years(region, form.place)
    at = np.array([year for year, _ in form.points], dtype=float)
    values = [np.broadcast_to(evaluate(v, region), (*region.shape, 1)) for _, v in form.points]
    return interpolate(region.years, at, np.concatenate(values, axis=-1), held)


def interpolate(years: NDArray[Any], at: NDArray[Any], values: Array, held: bool = True) -> Array:
    """Return values at years, linear between given years; outside held or NaN.

    >>> interpolate(np.array([2020, 2025, 2040]), np.array([2020, 2030]), np.array([0.0, 1.0]))
    array([0. , 0.5, 1. ])
    """
    right = np.clip(np.searchsorted(at, years, side="left"), 0, len(at) - 1)
    left = np.clip(right - 1, 0, len(at) - 1)
    width = np.where(at[right] > at[left], at[right] - at[left], 1.0)
    weight = np.clip((years - at[left]) / width, 0.0, 1.0)
    result = values[..., left] * (1 - weight) + values[..., right] * weight
    result = np.where(years <= at[0], values[..., :1], result)
    result = np.where(years >= at[-1], values[..., -1:], result)
    if not held:
        result = np.where((years < at[0]) | (years > at[-1]), np.nan, result)
    return np.asarray(result)


def _items(form: Items, region: Region) -> Array:
    assert form.dim is not None
    axis = region.dims.index(form.dim)
    named = dict(form.values)
    if missing := [label for label in region.labels[axis] if label not in named]:
        raise MfaError(
            f"values for {form.dim} lack {', '.join(missing)}; name every label here", form.place
        )
    parts: list[Array | None] = []
    for label in region.labels[axis]:
        labels = tuple(
            (label,) if d == form.dim else own
            for d, own in zip(region.dims, region.labels, strict=True)
        )
        inner = replace(region, labels=labels, fixed=region.fixed | {form.dim})
        parts.append(None if isinstance(named[label], Rest) else evaluate(named[label], inner))
    given = [part for part in parts if part is not None]
    length = max(part.shape[-1] for part in given)
    rest = 1.0 - sum(np.broadcast_to(part, (*part.shape[:-1], length)) for part in given)
    full = [
        rest if part is None else np.broadcast_to(part, (*part.shape[:-1], length))
        for part in parts
    ]
    return np.concatenate(full, axis=axis)


def _field(form: LawOf, name: str, region: Region, unit: str) -> Array:
    fields = dict(form.fields)
    if name not in fields:
        raise MfaError(f"law {form.law!r} needs the field {name!r}", form.place)
    return evaluate(fields[name], replace(region, unit=region.unit if unit == "value" else unit))


def _law(form: LawOf, region: Region) -> Array:
    _needs_years(region, form.place)
    law = LAWS[form.law]
    values = {name: _field(form, name, region, unit) for name, unit in law.fields.items()}
    result = law.function(region.years.astype(float), **values)
    return np.broadcast_to(np.asarray(result), (*region.shape, len(region.years)))


def _paced(form: LawOf, region: Region) -> Array:
    """Evaluate the law `paced`, whose path is wanted at other years than those of the run."""
    _needs_years(region, form.place)
    wide = np.arange(region.years[0] - 100, region.years[-1] + 101)
    path = _held(_field(form, "path", replace(region, years=wide), "value"))
    start, midpoint = (
        np.broadcast_to(_field(form, name, region, "year"), (*region.shape, 1))[..., 0]
        if name in dict(form.fields)
        else None
        for name in ("start", "midpoint")
    )
    if start is None:
        raise MfaError("law 'paced' needs the field 'start'", form.place)
    moved = np.empty((*region.shape, len(region.years)))
    for cell in np.ndindex(region.shape):
        wanted = None if midpoint is None else float(midpoint[cell])
        try:
            moved[cell] = demand.paced(
                region.years,
                path=path[cell],
                path_x=wide,
                start=float(start[cell]),
                midpoint=wanted,
            )
        except MfaError as error:
            message = f"{region.cell(cell)}: {error.problems[0].message}"
            raise MfaError(message, form.place) from None
    return moved


def _held(values: Array) -> Array:
    """Return values with the first and last known ones held outside."""
    filled = values.copy()
    for cell in np.ndindex(values.shape[:-1]):
        there = np.flatnonzero(~np.isnan(values[cell]))
        if there.size:
            filled[cell][: there[0]] = values[cell][there[0]]
            filled[cell][there[-1] :] = values[cell][there[-1]]
    return filled


def _joined(form: Joined, region: Region) -> Array:
    _needs_years(region, form.place)
    count = len(region.years)
    observed = np.array(np.broadcast_to(evaluate(form.observed, region), (*region.shape, count)))
    if form.until is not None:
        observed[..., region.years > form.until] = np.nan
    then = np.array(np.broadcast_to(_open(form.then, region, form.join), (*region.shape, count)))
    for cell in np.ndindex(region.shape):
        seen = np.flatnonzero(~np.isnan(observed[cell]))
        if not seen.size:
            raise MfaError(
                f"nothing is observed for {region.cell(cell)} in the years of the run", form.place
            )
        observed[cell] = _continued(
            observed[cell], then[cell], int(seen[-1]), form, region.cell(cell)
        )
    return observed


def _open(form: Form, region: Region, join: str) -> Array:
    """Evaluate what continues a history; a path joined by interpolation starts at its first year."""
    inner = form.value if isinstance(form, Known) else form
    if isinstance(inner, YearPath) and join == "interpolate":
        values = _path(inner, region, held=False)
        after = region.years > inner.points[-1][0]
        return np.where(after, _path(inner, region), values)
    return evaluate(form, region)


def _continued(seen: Array, then: Array, last: int, form: Joined, cell: str) -> Array:
    result = seen.copy()
    ahead = then[last + 1 :]
    match form.join:
        case "none":
            result[last + 1 :] = ahead
        case "offset":
            result[last + 1 :] = ahead + (seen[last] - then[last])
        case "ratio":
            if then[last] == 0 and seen[last] != 0:
                raise MfaError(
                    f"join: ratio is not possible for {cell}: 'then' is 0 in the last observed year",
                    form.place,
                )
            result[last + 1 :] = ahead * (seen[last] / then[last] if then[last] else 0.0)
        case "interpolate":
            known_ahead = np.flatnonzero(~np.isnan(ahead)) + last + 1
            if known_ahead.size:
                at = np.arange(last, known_ahead[0] + 1)
                ends = np.array([seen[last], then[known_ahead[0]]])
                result[at] = interpolate(at, at[[0, -1]].astype(float), ends)
                result[known_ahead[0] :] = then[known_ahead[0] :]
    return result


def _table(form: TableOf, region: Region) -> Array:
    table = region.tables[form.path]
    codes, keep = _rows(table, form, region)
    values = _numbers(table, keep, region, form.path)
    if form.scale is not None:
        values = values * _constant(form.scale, region)
    if "year" not in table.columns:
        result = np.full((*region.shape, 1), np.nan)
        _fill(result, codes, values, table, keep, None)
        return result
    _needs_years(region, form.place)
    at = _year_numbers(table, keep)
    first, last = (int(at.min()), int(at.max())) if at.size else (0, -1)
    dense = np.full((*region.shape, max(last - first + 1, 0)), np.nan)
    _fill(dense, codes, values, table, keep, at - first if at.size else at)
    return _on_years(dense, first, last, form, region)


def _constant(form: Form, region: Region) -> float:
    """Return the one number that a table is scaled with."""
    factor = evaluate(form, replace(region, unit="1"))
    if factor.shape[-1] > 1 or np.ptp(factor) > 0:
        raise MfaError(
            "the 'scale' of a table is one number, the same for all its rows", form.place
        )
    return float(factor.flat[0])


def _on_years(dense: Array, first: int, last: int, form: TableOf, region: Region) -> Array:
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


# ------------------------------------------------------------------ Dataset


def build_parameters(scenario: Scenario) -> xr.Dataset:
    """Return every declared parameter of a scenario as a complete array.

    Parameters
    ----------
    scenario : Scenario

    Returns
    -------
    Dataset
        One variable for each parameter, dims ``(year, …)`` as declared, in
        canonical units, with ``kind="parameter"``.

    Raises
    ------
    MfaError
        For a cell without a value, out of bounds, with a wrong unit or with
        shares that do not sum to 1; all problems at once.
    """
    system = scenario.system
    years = np.arange(scenario.years[0], scenario.years[1] + 1)
    problems = Problems()
    variables: dict[str, xr.Variable] = {}
    for name, spec in system.parameters.items():
        try:
            variables[name] = _variable(scenario, name, spec, years)
        except MfaError as error:
            for problem in error.problems:
                text = problem.message
                problems.add(text if text.startswith(name) else f"{name}: {text}", problem.place)
    problems.raise_if_any()
    used = {dim for variable in variables.values() for dim in variable.dims}
    labels: dict[str, Any] = {"year": years} | {
        d: v for d, v in system.dimensions.items() if d in used
    }
    return xr.Dataset(variables, coords=coordinates(labels))


def _variable(
    scenario: Scenario, name: str, spec: ParameterSpec, years: NDArray[Any]
) -> xr.Variable:
    owners = resolve(scenario, name)
    values = _values(scenario, spec, owners, years)
    _check_complete(name, values, owners, years, scenario)
    if spec.normalise:
        axis = owners.dims.index(spec.normalise)
        total = values.sum(axis=axis, keepdims=True)
        if (total <= 0).any():
            raise MfaError(
                f"{name}: the values over {spec.normalise} sum to 0, they cannot be normalised"
            )
        values = values / total
    _check_bounds(name, spec, values, owners, years)
    if spec.sums:
        _check_sum(name, spec.sums, values, owners, years if "year" in spec.dims else None)
    own = ("year",) if "year" in spec.dims else ()
    array = values if own else values[..., 0]
    dims = (*owners.dims, *own)
    wanted = order(spec.dims, tuple(scenario.system.dimensions))
    attrs = {
        "units": canonical(spec.unit)[1],
        "long_name": spec.meaning or name.replace("_", " "),
        "kind": "parameter",
    }
    return xr.Variable(dims, array, attrs).transpose(*wanted)


def _values(scenario: Scenario, spec: ParameterSpec, owners: Owners, years: NDArray[Any]) -> Array:
    has_year = "year" in spec.dims
    values = np.full((*owners.owner.shape, len(years) if has_year else 1), np.nan)
    rests: list[tuple[Any, Rest]] = []
    for number, entry in enumerate(owners.entries):
        mask = owners.owner == number
        if not mask.any():
            continue
        chosen = [np.unique(axis) for axis in np.nonzero(mask)] if mask.ndim else []
        if isinstance(entry.form, Rest) or (
            isinstance(entry.form, Known) and isinstance(entry.form.value, Rest)
        ):
            rest = entry.form if isinstance(entry.form, Rest) else entry.form.value
            rests.append((mask, rest))  # type: ignore[arg-type]
            continue
        labels = tuple(
            tuple(own[i] for i in index) for own, index in zip(owners.labels, chosen, strict=True)
        )
        fixed = frozenset().union(*(a.selection.keys() for a in entry.origins[:1]))
        region = Region(
            owners.dims, labels, scenario.system.dimensions, fixed, years, has_year, canonical(spec.unit)[1],
            scenario.system.conserves, scenario.tables,
        )  # fmt: skip
        block = _changed(evaluate(entry.form, region), entry.changes, region)
        block = np.broadcast_to(block, (*block.shape[:-1], values.shape[-1]))
        where = np.ix_(*chosen) if chosen else ()
        inner = mask[where]
        target = values[where]
        target[inner] = block[inner]
        values[where] = target
    for mask, rest in rests:
        axis = owners.dims.index(str(rest.dim))
        others = np.where(mask[..., None], 0.0, values).sum(axis=axis, keepdims=True)
        values = np.where(mask[..., None], np.round(1.0 - others, 15), values)
    return values


def _changed(values: Array, changes: tuple[Change, ...], region: Region) -> Array:
    for change in changes:
        unit = "1" if change.kind == "scale" else region.unit
        amount = evaluate(change.value, replace(region, unit=unit))
        values = values * amount if change.kind == "scale" else values + amount
    return values


def _check_complete(
    name: str, values: Array, owners: Owners, years: NDArray[Any], scenario: Scenario
) -> None:
    missing = np.isnan(values)
    if not missing.any():
        return
    cell = tuple(int(i) for i in np.argwhere(missing)[0])
    where = _describe(owners, cell, None)
    entry = owners.entries[owners.owner[cell[:-1]]] if owners.owner[cell[:-1]] >= 0 else None
    if entry is None:
        place = scenario.system.place("parameters", name)
        raise MfaError(
            f"{name}: no value for {where}; give it in an item file, a scenario or as default",
            place,
        )
    gaps = np.isnan(values[cell[:-1]])
    lacking = years[gaps] if len(gaps) == len(years) else years
    span = f"{lacking[0]}–{lacking[-1]}" if len(lacking) > 1 else f"{lacking[0]}"
    raise MfaError(
        f"{name}: no value for {where} in {span}; a table needs every label and year, or 'before:', "
        "'after:' (hold, or a value)",
        entry.origins[-1].place,
    )


def _describe(owners: Owners, cell: Sequence[int], years: NDArray[Any] | None) -> str:
    parts = [f"{d}={own[i]}" for d, own, i in zip(owners.dims, owners.labels, cell, strict=False)]
    if years is not None and len(years) > cell[-1]:
        parts.append(f"year={years[cell[-1]]}")
    return ", ".join(parts) or "its only cell"


def _check_bounds(
    name: str, spec: ParameterSpec, values: Array, owners: Owners, years: NDArray[Any]
) -> None:
    factor = canonical(spec.unit)[0]
    for bound, wrong, word in (
        (spec.min, values < (spec.min or 0) * factor - 1e-12, "below"),
        (spec.max, values > (spec.max or 0) * factor + 1e-12, "above"),
    ):
        if bound is None or not wrong.any():
            continue
        cell = tuple(int(i) for i in np.argwhere(wrong)[0])
        entry = owners.entries[owners.owner[cell[:-1]]]
        where = _describe(owners, cell, years if "year" in spec.dims else None)
        raise MfaError(
            f"{name}: {values[cell] / factor:g} at {where} is {word} its bound {bound:g} {spec.unit}",
            entry.origins[-1].place,
        )


def _check_sum(
    name: str, dim: str, values: Array, owners: Owners, years: NDArray[Any] | None
) -> None:
    axis = owners.dims.index(dim)
    total = values.sum(axis=axis)
    off = np.abs(total - 1.0)
    if off.max(initial=0.0) <= 1e-9:
        return
    cell = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    dims = tuple(d for d in owners.dims if d != dim)
    labels = tuple(own for d, own in zip(owners.dims, owners.labels, strict=True) if d != dim)
    where = _describe(replace(owners, dims=dims, labels=labels), cell, years)
    first = int(np.moveaxis(owners.owner, axis, 0)[0][cell[:-1]])
    place = owners.entries[first].origins[-1].place
    raise MfaError(
        f"{name}: shares over {dim} sum to {total[cell]:.10g} at {where}, not to 1; let one of them be 'rest'",
        place,
    )


def origins(scenario: Scenario, name: str) -> Iterator[tuple[dict[str, str], Entry]]:
    """Yield for every cell of a parameter its labels and the entry that owns it."""
    owners = resolve(scenario, name)
    for index in np.ndindex(owners.owner.shape):
        number = int(owners.owner[index])
        if number >= 0:
            cell = {d: own[i] for d, own, i in zip(owners.dims, owners.labels, index, strict=True)}
            yield cell, owners.entries[number]


def years_of(system: System, dataset: xr.Dataset) -> NDArray[np.int64]:
    """Return the years of a Dataset of parameters, checked to be contiguous."""
    from mfa.dims import require_contiguous

    if "year" not in dataset.coords:
        raise MfaError(f"the parameters of {system.title!r} have no coordinate 'year'")
    require_contiguous(dataset["year"].values)
    return np.asarray(dataset["year"].values)
