"""Parameters: every declared input of a scenario as one complete, bounded, unit-checked array.

First every cell finds its owner (:mod:`mfa.ownership`): the assignment that
gives its value, with the changes made to it since.  Then each owner's form is
evaluated once on the cells it owns (:mod:`mfa.evaluation`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.columns import uncertain
from mfa.designs import Design, Kind
from mfa.dims import coordinates, order, require_contiguous
from mfa.draw_limits import limits_of
from mfa.draws import Draws, draw_shares, make_draws
from mfa.errors import MfaError, Place, Problem, Problems, YearsError
from mfa.evaluation import changed, evaluate
from mfa.forms import Known, Rest
from mfa.guards import (
    bounds_of,
    normalised,
    require_bounds,
    require_complete,
    require_sum,
    years_problems,
)
from mfa.ownership import Entry, Owners, resolve
from mfa.regions import Array, Region
from mfa.scenario import Scenario
from mfa.schema import ParameterSpec
from mfa.system import System
from mfa.units import canonical


def build_parameters(
    scenario: Scenario,
    names: Sequence[str] | None = None,
    *,
    samples: int | Iterable[int] | None = None,
    seed: int = 0,
    design: Kind | Design = "random",
    independent: bool = False,
) -> xr.Dataset:
    """Return every declared parameter of a scenario as a complete array.

    Parameters
    ----------
    scenario : Scenario
    names : sequence of str, optional
        Only these parameters, and those that they are laws of.
    samples : int or iterable of int, optional
        Draw the values that carry a distribution: so many times, or for these sample numbers.
        Without it every value is as it was written.
    seed : int
        Other seeds give other draws.
    design : {"random", "lhs", "sobol"} or Design
        Monte Carlo, Latin hypercube or a scrambled Sobol sequence (:mod:`mfa.designs`).
    independent : bool
        By default a sample has the same draws in every scenario; with this it has not.

    Returns
    -------
    Dataset
        One variable for each parameter, dims ``(year, …)`` as declared, in
        canonical units, with ``kind="parameter"``.  Those that are uncertain
        have ``sample`` as their first dimension, labelled by sample numbers.

    Raises
    ------
    MfaError
        For a cell without a value, out of bounds, with a wrong unit or with
        shares that do not sum to 1; all problems at once.
    """
    system = scenario.system
    years = np.arange(scenario.years[0], scenario.years[1] + 1)
    problems = Problems()
    draws = None
    if samples is not None:
        draws = make_draws(scenario, samples, seed, design, independent)
    builder = _Builder(scenario, years, problems, draws)
    for name in system.parameters if names is None else names:
        builder.build(name)
    variables = builder.variables
    problems.raise_if_any()
    used = {dim for variable in variables.values() for dim in variable.dims}
    labels: dict[str, Any] = {"year": years} | {
        d: v for d, v in system.dimensions.items() if d in used
    }
    if draws is not None:
        labels = {"sample": list(draws.samples)} | labels
    return xr.Dataset(variables, coords=coordinates(labels))


Other: TypeAlias = Callable[[str, Region, Place], tuple[Array, str]]


class _Builder:
    """Builds parameters, those that others are laws of first."""

    def __init__(
        self, scenario: Scenario, years: NDArray[Any], problems: Problems, draws: Draws | None
    ):
        self.scenario, self.years, self.problems, self.draws = scenario, years, problems, draws
        self.variables: dict[str, xr.Variable] = {}
        self.under_way: list[str] = []
        self.failed: set[str] = set()

    def build(self, name: str) -> None:
        if name in self.variables or name in self.failed:
            return
        self.under_way.append(name)
        try:
            self.variables[name] = _variable(
                self.scenario, name, self.years, self.other, self.draws
            )
        except MfaError as error:
            self.failed.add(name)
            for problem in error.problems:
                text = problem.message
                text = text if text.startswith(f"{name}: ") else f"{name}: {text}"
                self.problems.add(text, problem.place)
        self.under_way.remove(name)

    def other(self, name: str, region: Region, place: Place) -> tuple[Array, str]:
        """Return another parameter on the cells of a region, (*labels, year or one)."""
        if name in self.under_way:
            circle = " of ".join([*self.under_way[self.under_way.index(name) :], name])
            raise MfaError(f"a circle: {circle}", place)
        specs = self.scenario.system.parameters
        strange = [d for d in specs[name].dims if d != "year" and d not in region.dims]
        if strange:
            raise MfaError(
                f"{name} has the dimension {', '.join(strange)}, which this parameter has not",
                place,
            )
        if "year" in specs[name].dims:
            region.require_years(place)
        self.build(name)
        if name in self.failed:
            raise MfaError(())  # told already
        variable = self.variables[name]
        chosen = {
            d: [self.scenario.system.dimensions[d].index(label) for label in labels]
            for d, labels in zip(region.dims, region.labels, strict=True)
            if d in variable.dims
        }
        values = variable.isel(chosen)
        dims = (*("sample",)[: "sample" in variable.dims], *region.dims, "year")
        wanted = [d for d in dims if d in variable.dims]
        array = np.asarray(values.transpose(*wanted).values, dtype=float)
        index = tuple(slice(None) if d in variable.dims else None for d in dims)
        return array[index], str(variable.attrs["units"])


def _variable(
    scenario: Scenario, name: str, years: NDArray[Any], other: Other, draws: Draws | None
) -> xr.Variable:
    spec, owners = scenario.system.parameters[name], resolve(scenario, name)
    values = _values(scenario, spec, owners, years, other, bounds_of(scenario.system, name), draws)
    sampled = values.ndim > len(owners.dims) + 1
    require_complete(name, values[0] if sampled else values, owners, years, scenario)
    if spec.normalise:
        values = normalised(name, spec.normalise, values, owners, years)
    if draws is not None:
        values = draw_shares(draws, spec, owners, values)
        sampled = values.ndim > len(owners.dims) + 1
    require_bounds(name, values, owners, years, scenario)
    if spec.sums:
        require_sum(name, spec.sums, values, owners, years)
    own = ("year",) if "year" in spec.dims else ()
    array = values if own else values[..., 0]
    lead = ("sample",) if sampled else ()
    wanted = order(spec.dims, tuple(scenario.system.dimensions))
    attrs = {
        "units": canonical(spec.unit)[1],
        "long_name": spec.meaning or name.replace("_", " "),
        "kind": "parameter",
    }
    if np.isinf(array).any():
        attrs["comment"] = "infinite where it is unlimited"
    return xr.Variable((*lead, *owners.dims, *own), array, attrs).transpose(*lead, *wanted)


def _values(
    scenario: Scenario,
    spec: ParameterSpec,
    owners: Owners,
    years: NDArray[Any],
    other: Other,
    bounds: tuple[tuple[float, str], tuple[float, str]],
    draws: Draws | None,
) -> Array:
    has_year = "year" in spec.dims
    shape = (*owners.owner.shape, len(years) if has_year else 1)
    blocks: list[tuple[Any, tuple[Any, ...], Array]] = []
    rests: list[tuple[Any, Rest]] = []
    problems, short = Problems(), list[Problem]()
    for number, entry in enumerate(owners.entries):
        mask = owners.owner == number
        if not mask.any():
            continue
        chosen = tuple(np.unique(axis) for axis in np.nonzero(mask)) if mask.ndim else ()
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
            scenario.system.conserves, scenario.tables, other, draws,
        )  # fmt: skip
        try:
            block = _block(entry, region, draws, None if spec.normalise else bounds)
        except YearsError as error:
            short += error.problems
            continue
        except MfaError as error:
            problems.include(error)
            continue
        blocks.append((mask, chosen, region.wide(block, shape[-1])))
    for text, place in years_problems(short, scenario):
        problems.add(text, place)
    problems.raise_if_any()
    lead = max(
        (block.shape[: block.ndim - len(shape)] for *_, block in blocks), key=len, default=()
    )
    values = np.full((*lead, *shape), np.nan)
    for mask, chosen, block in blocks:
        _place(values, mask, chosen, block)
    for mask, rest in rests:
        axis = owners.dims.index(str(rest.dim)) - len(shape)
        others = np.where(mask[..., None], 0.0, values).sum(axis=axis, keepdims=True)
        values = np.where(mask[..., None], np.round(1.0 - others, 15), values)
    return values


def _place(values: Array, mask: Any, chosen: tuple[Any, ...], block: Array) -> None:
    """Write the block of a region into the cells of it that are owned."""
    if not mask.ndim:
        values[...] = block
        return
    inner = np.nonzero(mask[np.ix_(*chosen)])
    cells = tuple(own[i] for own, i in zip(chosen, inner, strict=True))
    at: Any = (..., *cells, slice(None))
    same: Any = (..., *inner, slice(None))
    values[at] = block[same]


def _block(
    entry: Entry,
    region: Region,
    draws: Draws | None,
    bounds: tuple[tuple[float, str], tuple[float, str]] | None,
) -> Array:
    """Return the values of an entry on the cells of a region, drawn if they are uncertain."""

    def change(values: Array) -> Array:
        return changed(values, entry.changes, region)

    form = entry.form
    if isinstance(form, Known) and form.distribution == "dirichlet":
        return change(evaluate(form.value, region))
    if draws is None or not isinstance(form, Known) or form.distribution in ("", "fitted"):
        return change(evaluate(form, region))
    values = evaluate(form.value, region)
    certain = values.ndim == len(region.dims) + 1 and not any(
        found for one in entry.changes for found in uncertain(one)
    )
    limits = limits_of(form, values, change, bounds) if bounds and certain else None
    return change(draws.of(form, values, region, limits))


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
    years = dataset.variables["year"].values
    require_contiguous(years)
    return np.asarray(years)
