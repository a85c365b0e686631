"""Guards of a parameter: every cell has a value, within its bounds, shares sum to 1.

What is wrong is said with its cell, at the place where the number was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.assignments import tables_of
from mfa.blame import blame
from mfa.errors import MfaError, Place, Problem, Problems
from mfa.forms import Known, Rest
from mfa.ownership import Entry, Owners
from mfa.regions import Array
from mfa.scenario import Scenario
from mfa.schema import Sink, Source, Stock
from mfa.system import System, expressions, factors
from mfa.units import canonical


def require_complete(
    name: str, values: Array, owners: Owners, years: NDArray[Any], scenario: Scenario
) -> None:
    """Raise unless every cell has a value; one problem for each thing that should have given it."""
    problems, short = Problems(), list[Problem]()
    missing = np.isnan(values)
    for number in np.unique(owners.owner[missing.any(axis=-1)]):
        lacking = missing & (owners.owner == number)[..., None]
        cell = tuple(int(i) for i in np.argwhere(lacking)[0])
        where = _cell(owners, cell, None)
        if number < 0:
            place = scenario.system.place("parameters", name)
            text = f"no value for {where}; give it in an item file, a scenario or as default"
            problems.add(f"{name}: {text}", place)
            continue
        gaps = lacking[cell[:-1]]
        open_years = years[gaps] if len(gaps) == len(years) else years
        span = f"{open_years[0]}–{open_years[-1]}" if len(open_years) > 1 else f"{open_years[0]}"
        entry = owners.entries[number]
        paths = ", ".join(dict.fromkeys(repr(table.path) for table in tables_of(entry.form)))
        text = (
            f"no value for {where} in {span}; "
            + (f"table {paths}" if paths else "it")
            + " needs every label and year, or 'before:', 'after:' (hold, or a value)"
        )
        place = entry.origins[-1].place
        if gaps.size > 1:
            short.append(Problem(text, place))
        else:
            problems.add(f"{name}: {text}", place)
    for text, place in years_problems(short, scenario):
        problems.add(f"{name}: {text}", place)
    problems.raise_if_any()


def years_problems(found: Sequence[Problem], scenario: Scenario) -> Iterator[tuple[str, Place]]:
    """Yield message and place of values that do not reach over the years of the run.

    Where a scenario changed the years of its parent, they are what to look at:
    one problem, whose first witness is shown.
    """
    changed = scenario.years_at
    inherited = [p for p in found if changed.file and p.place.file != changed.file]
    for problem in found:
        if problem not in inherited:
            yield problem.message, problem.place
    if inherited:
        first, last = scenario.years
        more = f", and {len(inherited) - 1} more like it" if len(inherited) > 1 else ""
        text = f"with the years {first}–{last}: {inherited[0].message}"
        yield f"{text} (written in {inherited[0].place}{more})", changed


def normalised(name: str, dim: str, values: Array, owners: Owners, years: NDArray[Any]) -> Array:
    """Return values divided by their sum along a dimension."""
    axis = owners.dims.index(dim)
    total = values.sum(axis=axis - len(owners.dims) - 1, keepdims=True)
    lowest = _over_samples(total, owners, np.min)
    if (lowest <= 0).any():
        cell = tuple(int(i) for i in np.argwhere(lowest <= 0)[0])
        where = _cell(owners, cell, years, leave_out=dim)
        raise MfaError(
            f"{name}: the values over {dim} sum to {lowest[cell]:.10g} at {where}, they cannot be "
            "normalised",
            _latest(owners, cell, axis).origins[-1].place,
        )
    return np.asarray(values / total)


def require_bounds(
    name: str, values: Array, owners: Owners, years: NDArray[Any], scenario: Scenario
) -> None:
    """Raise unless all values lie within the bounds; one problem for each form, at its worst cell."""
    spec = scenario.system.parameters[name]
    factor = canonical(spec.unit)[0]
    unit = "" if spec.unit == "1" else f" {spec.unit}"
    problems = Problems()
    sampled = values
    for (limit, word), sign in zip(bounds_of(scenario.system, name), (-1.0, 1.0), strict=True):
        if np.isinf(limit):
            continue
        values = _over_samples(sampled, owners, np.min if sign < 0 else np.max)
        beyond = sign * (values - limit)
        for number in np.unique(owners.owner[(beyond > 1e-12).any(axis=-1)]):
            own = np.where((owners.owner == number)[..., None], beyond, -np.inf)
            cell = tuple(int(i) for i in np.unravel_index(int(np.argmax(own)), own.shape))
            entry, where = owners.entries[number], _cell(owners, cell, years)
            shown = f"{values[cell] / factor:g}{unit}"
            if sampled is not values:
                word = f"{word}, in {_share_beyond(sampled, sign, limit, owners, int(number))}"
            form = entry.form.value if isinstance(entry.form, Known) else entry.form
            if isinstance(form, Rest) and not entry.changes:
                axis = owners.dims.index(str(form.dim))
                latest = _latest(owners, cell, axis)
                if _giver(latest) == _giver(entry):
                    latest = entry
                problems.add(
                    f"{name}: the rest at {where} is {shown}, {word}: the others over "
                    f"{form.dim} sum to {1 - values[cell]:.10g}; change them, or let another "
                    "one be 'rest'",
                    latest.origins[-1].place,
                )
                continue
            place = entry.origins[-1].place
            if not entry.changes and len(entry.origins) == 1:
                labels = {
                    d: own[i] for d, own, i in zip(owners.dims, owners.labels, cell, strict=False)
                }

                def wrong(value: float, sign: float = sign, limit: float = limit) -> bool:
                    return sign * (value - limit) > 1e-12

                place = blame(entry.form, labels, int(years[cell[-1]]), wrong, scenario.tables)
            problems.add(f"{name}: {shown} at {where} is {word}", place)
    problems.raise_if_any()


def require_sum(name: str, dim: str, values: Array, owners: Owners, years: NDArray[Any]) -> None:
    """Raise unless shares sum to 1 along a dimension."""
    axis = owners.dims.index(dim)
    total = values.sum(axis=axis - len(owners.dims) - 1, keepdims=True)
    off = _over_samples(np.abs(total - 1.0), owners, np.max)
    if off.max(initial=0.0) <= 1e-9:
        return
    cell = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    where = _cell(owners, cell, years, leave_out=dim)
    if total.ndim > off.ndim:
        raise MfaError(
            f"{name}: shares over {dim} that are drawn one by one do not sum to 1 at {where} (by up "
            f"to {off[cell]:.3g}); let one of them be 'rest', or write 'dirichlet' beside all of them",
            _latest(owners, cell, axis).origins[-1].place,
        )
    raise MfaError(
        f"{name}: shares over {dim} sum to {total[cell]:.10g} at {where}, not to 1; let one of them be 'rest'",
        _latest(owners, cell, axis).origins[-1].place,
    )


def bounds_of(system: System, name: str) -> tuple[tuple[float, str], tuple[float, str]]:
    """Return the lowest and the highest value of a parameter, canonical, and how to say it is passed."""
    spec = system.parameters[name]
    factor = canonical(spec.unit)[0]
    unit = "" if spec.unit == "1" else f" {spec.unit}"
    low = -np.inf if spec.min is None else spec.min * factor
    high = np.inf if spec.max is None else spec.max * factor
    why = f"below its bound {spec.min or 0:g}{unit}"
    if spec.min is None and (driven := _driven(system, name)):
        low, why = 0.0, f"below 0, and {driven}: a flow has one direction; turn the arrow round"
    return (low, why), (high, f"above its bound {spec.max or 0:g}{unit}")


def _over_samples(values: Array, owners: Owners, reduce: Callable[..., Any]) -> Array:
    """Return the lowest or highest values over samples, if there are any."""
    return values if values.ndim == len(owners.dims) + 1 else np.asarray(reduce(values, axis=0))


def _share_beyond(values: Array, sign: float, limit: float, owners: Owners, number: int) -> str:
    """Say in how many draws a cell of an entry lies beyond a bound."""
    beyond = (sign * (values - limit) > 1e-12) & (owners.owner == number)[..., None]
    count = int(beyond.reshape(len(values), -1).any(axis=1).sum())
    return f"{count:,} of {len(values):,} draws"


def _driven(system: System, name: str) -> str:
    """Say which process a parameter drives; nothing if it drives none."""
    for process, own in system.processes.items():
        if not isinstance(own, Source | Sink | Stock):
            continue
        for (key, *_), text in expressions(own).items():
            if key not in ("shares", "response") and name in factors(text):
                return f"it is the {key!r} of process {process!r}"
    return ""


def _latest(owners: Owners, cell: Sequence[int], axis: int) -> Entry:
    """Return the first of the entries along a dimension that were given last."""
    at = tuple(slice(None) if i == axis else n for i, n in enumerate(cell[:-1]))
    line = [int(number) for number in owners.owner[at]]
    last = _giver(owners.entries[max(line)])
    return next(owners.entries[n] for n in line if n >= 0 and _giver(owners.entries[n]) == last)


def _giver(entry: Entry) -> tuple[str, str]:
    return entry.origins[-1].layer, entry.origins[-1].giver


def _cell(
    owners: Owners, cell: Sequence[int], years: NDArray[Any] | None, leave_out: str = ""
) -> str:
    parts = [
        f"{d}={own[i]}"
        for d, own, i in zip(owners.dims, owners.labels, cell, strict=False)
        if d != leave_out
    ]
    if years is not None and owners.yearly:
        parts.append(f"year={years[cell[-1]]}")
    return ", ".join(parts) or "its only cell"
