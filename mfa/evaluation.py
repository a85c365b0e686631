"""Evaluation: a value form becomes numbers on a region of cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa import demand
from mfa.demand import LAWS
from mfa.errors import MfaError, YearsError
from mfa.forms import Change, Form, Items, Joined, Known, LawOf, Number, Rest, TableOf, YearPath
from mfa.regions import Array, Region
from mfa.tables import table_values
from mfa.units import quotient


def evaluate(form: Form, region: Region) -> Array:
    """Return the values of a form on a region, (*labels, year); NaN where it says nothing.

    Where the region draws, a form with a distribution in it has a first dimension ``sample``.
    """
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
            return table_values(form, region, evaluate)
        case Joined():
            return _joined(form, region)
        case Known(value=LawOf() as law, fit=fit) if fit is not None and region.draw is not None:
            return _law(law, region, region.draw.fitted(form, region))
        case Known(value=value):
            values = evaluate(value, region)
            if region.draw is None or not form.distribution:
                return values
            return region.draw.of(form, values, region)
    raise MfaError(f"this form cannot stand here: {type(form).__name__}", form.place)


def changed(values: Array, changes: tuple[Change, ...], region: Region) -> Array:
    """Return values with all changes made to them, in their order."""
    for change in changes:
        unit = "1" if change.kind == "scale" else region.unit
        amount = evaluate(change.value, replace(region, unit=unit))
        _require_some_limit(values, amount, change, region)
        _require_some_year(amount, change, region)
        values = values * amount if change.kind == "scale" else values + amount
    return values


def _require_some_limit(values: Array, amount: Array, change: Change, region: Region) -> None:
    """Raise if a change is meant for what is unlimited, where it would do nothing."""
    if not np.isinf(values).any():
        return
    neutral = 1.0 if change.kind == "scale" else 0.0
    idle = np.isinf(values) & (amount != neutral)
    if idle.any():
        cell = np.argwhere(idle.any(axis=-1))[0][-len(region.dims) :] if region.dims else ()
        raise MfaError(
            f"it is unlimited for {region.cell(tuple(int(i) for i in cell))}, so to {change.kind} it does "
            "nothing; give it a number first, in this lever or in one before it",
            change.place,
        )


def _require_some_year(amount: Array, change: Change, region: Region) -> None:
    """Raise if all years of a change lie outside the run, where it would do nothing."""
    neutral = 1.0 if change.kind == "scale" else 0.0
    if not isinstance(change.value, YearPath) or (amount != neutral).any():
        return
    points = change.value.points
    meant = [n for n, (_, own) in enumerate(points) if getattr(own, "value", neutral) != neutral]
    if meant:
        after, before = (
            points[max(meant[0] - 1, 0)][0],
            points[min(meant[-1] + 1, len(points) - 1)][0],
        )
        run = f"{region.years[0]}–{region.years[-1]}"
        raise MfaError(
            f"this change does nothing in the years of the run, {run}: it is for years after {after}"
            + (f" and before {before}" if meant[-1] + 1 < len(points) else ""),
            change.place,
        )


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
    if np.isinf(number.value):
        return number.value
    if number.unit is None and unit not in ("1", "year") and number.value != 0:
        raise MfaError(
            f"{number.value:g} has no unit; write it with one, like '{number.value:g} {unit}'",
            where,
        )
    if number.unit is not None and number.unit != unit:
        wanted = "a plain number" if unit in ("1", "year") else f"a unit that gives {unit}"
        raise MfaError(f"the unit gives {number.unit}, this needs {wanted}", where)
    return number.value


def _path(form: YearPath, region: Region, held: bool = True) -> Array:
    region.require_years(form.place)
    at = np.array([year for year, _ in form.points], dtype=float)
    values = [region.wide(evaluate(v, region), 1) for _, v in form.points]
    return interpolate(region.years, at, _joint(values, -1), held)


def _joint(parts: list[Array], axis: int) -> Array:
    """Return arrays one after the other; where one has samples, the others are the same in all."""
    most = max(parts, key=lambda part: part.ndim)
    lead = most.shape[: most.ndim - min(part.ndim for part in parts)]
    full = [
        part if part.ndim == most.ndim else np.broadcast_to(part, lead + part.shape)
        for part in parts
    ]
    return np.concatenate(full, axis=axis)


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
    rest = np.asarray(
        1.0 - sum(np.broadcast_to(part, (*part.shape[:-1], length)) for part in given)
    )
    full = [
        rest if part is None else np.broadcast_to(part, (*part.shape[:-1], length))
        for part in parts
    ]
    return _joint(full, axis - len(region.dims) - 1)


def _field(form: LawOf, name: str, region: Region, unit: str) -> Array:
    fields = dict(form.fields)
    if name not in fields:
        raise MfaError(f"law {form.law!r} needs the field {name!r}", form.place)
    return evaluate(fields[name], replace(region, unit=unit))


def _law(
    form: LawOf, region: Region, drawn: Mapping[str, tuple[Array, Array]] | None = None
) -> Array:
    law = LAWS[form.law]
    x, x_unit = _argument(form, region)
    factor, unit = _multiplier(form, region)
    units = {
        "value": unit,
        "x": x_unit,
        "1/x": "1/yr"
        if x_unit == "year"
        else "1"
        if form.scale == "log"
        else quotient("1", x_unit),
    }
    values = {
        name: _field(form, name, region, units.get(own, own)) for name, own in law.fields.items()
    }
    for name, (own, told) in (drawn or {}).items():
        values[name] = np.where(told, values[name], own)
    scale = {"scale": form.scale} if form.of else {}
    result = np.asarray(law.function(x, **scale, **values)) * factor
    return region.wide(result)


def _argument(form: LawOf, region: Region) -> tuple[Array, str]:
    """Return what a law is a function of, and its unit: the years or another parameter."""
    if not form.of:
        region.require_years(form.place)
        return region.years.astype(float), "year"
    x, unit = region.other(form.of, region, form.place)
    if form.scale == "log" and (x <= 0).any():
        raise MfaError(f"{form.of} is not above 0 everywhere, it has no logarithm", form.place)
    return x, unit


def _multiplier(form: LawOf, region: Region) -> tuple[Array | float, str]:
    """Return what a law is multiplied with, and the unit that this leaves for the law."""
    if not form.times:
        return 1.0, region.unit
    values, unit = region.other(form.times, region, form.place)
    return values, quotient(region.unit, unit)


def _paced(form: LawOf, region: Region) -> Array:
    """Evaluate the law `paced`, whose path is wanted at other years than those of the run."""
    region.require_years(form.place)
    wide = np.arange(region.years[0] - 100, region.years[-1] + 101)
    path = _held(region.wide(_field(form, "path", replace(region, years=wide), region.unit)))
    start, midpoint = (
        region.wide(_field(form, name, region, "year"), 1)[..., 0]
        if name in dict(form.fields)
        else None
        for name in ("start", "midpoint")
    )
    if start is None:
        raise MfaError("law 'paced' needs the field 'start'", form.place)
    lead = max(
        (part.shape for part in (path[..., 0], start, midpoint) if part is not None), key=len
    )
    path = np.broadcast_to(path, (*lead, path.shape[-1]))
    start = np.broadcast_to(start, lead)
    midpoint = None if midpoint is None else np.broadcast_to(midpoint, lead)
    moved = np.empty((*lead, len(region.years)))
    for cell in np.ndindex(lead):
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
            where = region.cell(cell[len(lead) - len(region.dims) :])
            raise MfaError(f"{where}: {error.problems[0].message}", form.place) from None
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
    region.require_years(form.place)
    count = len(region.years)
    observed = region.wide(evaluate(form.observed, region), count)
    then = region.wide(_open(form.then, region, form.join), count)
    observed = np.array(np.broadcast_to(observed, max(observed.shape, then.shape, key=len)))
    if form.until is not None:
        observed[..., region.years > form.until] = np.nan
    for cell in np.ndindex(region.shape):
        one = (..., *cell, slice(None))
        seen = np.flatnonzero(~np.isnan(observed[one].reshape(-1, count)[0]))
        if not seen.size:
            raise YearsError(
                f"nothing is observed for {region.cell(cell)} in the years of the run", form.place
            )
        observed[one] = _continued(observed[one], then[one], int(seen[-1]), form, region.cell(cell))
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
    """Return one cell, (year) or (sample, year), that goes on as ``then`` after the last year seen."""
    result = seen.copy()
    ahead = then[..., last + 1 :]
    if not ahead.shape[-1]:  # the run ends with what is observed
        return result
    match form.join:
        case "none":
            result[..., last + 1 :] = ahead
        case "offset":
            result[..., last + 1 :] = ahead + (seen[..., last] - then[..., last])[..., None]
        case "ratio":
            from_, to = np.broadcast_arrays(seen[..., last], then[..., last])
            if ((to == 0) & (from_ != 0)).any():
                raise MfaError(
                    f"join: ratio is not possible for {cell}: 'then' is 0 in the last observed year",
                    form.place,
                )
            ratio = np.divide(from_, to, out=np.zeros(to.shape), where=to != 0)
            result[..., last + 1 :] = ahead * ratio[..., None]
        case "interpolate":
            first = ahead.reshape(-1, ahead.shape[-1])[0]
            known_ahead = np.flatnonzero(~np.isnan(first)) + last + 1
            if known_ahead.size:
                next_ = int(known_ahead[0])
                at = np.arange(last, next_ + 1)
                ends = np.stack(np.broadcast_arrays(seen[..., last], then[..., next_]), axis=-1)
                result[..., at] = interpolate(at, at[[0, -1]].astype(float), ends)
                result[..., next_:] = then[..., next_:]
    return result
