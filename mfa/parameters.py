"""Parameters: every declared input of a scenario as one complete, bounded, unit-checked array.

First every cell finds its owner (:mod:`mfa.ownership`): the assignment that
gives its value, with the changes made to it since.  Then each owner's form is
evaluated once on the cells it owns (:mod:`mfa.evaluation`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.dims import coordinates, order, require_contiguous
from mfa.errors import MfaError, Problems
from mfa.evaluation import changed, evaluate
from mfa.forms import Known, Rest
from mfa.ownership import Entry, Owners, resolve
from mfa.regions import Array, Region
from mfa.scenario import Scenario
from mfa.schema import ParameterSpec
from mfa.system import System
from mfa.units import canonical


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
        form = entry.form.value if isinstance(entry.form, Known) else entry.form
        if isinstance(form, Rest):
            rests.append((mask, form))
            continue
        labels = tuple(
            tuple(own[i] for i in index) for own, index in zip(owners.labels, chosen, strict=True)
        )
        fixed = frozenset().union(*(a.selection.keys() for a in entry.origins[:1]))
        region = Region(
            owners.dims, labels, scenario.system.dimensions, fixed, years, has_year, canonical(spec.unit)[1],
            scenario.system.conserves, scenario.tables,
        )  # fmt: skip
        block = changed(evaluate(entry.form, region), entry.changes, region)
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
    if "year" not in dataset.coords:
        raise MfaError(f"the parameters of {system.title!r} have no coordinate 'year'")
    require_contiguous(dataset["year"].values)
    return np.asarray(dataset["year"].values)
