"""Targets against a run: the minimum of every year and place, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.assessment import assess, combined
from mfa.dims import order
from mfa.errors import MfaError, Problems, known
from mfa.plans import Plan
from mfa.role_arrays import quotient
from mfa.targets import Clause, Step, by_name

Array = NDArray[np.float64]

KINDS = ("flow", "stock", "indicator")


def check_targets(compiled: Plan, clauses: Iterable[Clause], result: xr.Dataset) -> xr.Dataset:
    """Return for every target its minimum and whether the run meets it.

    Parameters
    ----------
    compiled : Plan
    clauses : iterable of Clause
        As :attr:`mfa.Scenario.targets` holds them.
    result : Dataset
        Flows, stocks and indicators of one run.

    Returns
    -------
    Dataset
        ``target_<name>``, the minimum in the unit of what it is of, NaN where none is asked
        for, and ``target_<name>_met``: 1 met, 0 missed, NaN where none is asked for or the
        indicator is undefined.  Dims ``(year, …)`` with the dimensions that the target names
        and that of the conserved substances; over all others the indicator is that of the
        sum (a rate of sums, not a sum of rates).

    Raises
    ------
    MfaError
        If a target is of something that is not in the result, names a dimension that this
        lacks, or has another unit.
    """
    problems, found = Problems(), dict[str, xr.Variable]()
    for name, own in by_name(clauses).items():
        try:
            pair = _checked(compiled, own, result)
        except MfaError as error:
            for problem in error.problems:
                place = problem.place if problem.place.file else own[0].place
                problems.add(f"target {name!r}: {problem.message}", place)
            continue
        for variable, data in zip((f"target_{name}", f"target_{name}_met"), pair, strict=True):
            if variable in found or variable in result:
                message = f"target {name!r}: its variable {variable!r} is there already; rename the target"
                problems.add(message, own[0].place)
            found[variable] = data
    problems.raise_if_any()
    used = {d for data in found.values() for d in data.dims}
    return xr.Dataset(found, {d: result.coords[d] for d in used if d in result.coords})


def rehearse(compiled: Plan, clauses: Sequence[Clause]) -> None:
    """Raise what :func:`check_targets` would, without a run: on one year of nothing."""
    system = compiled.system
    sizes = {d: len(labels) for d, labels in system.dimensions.items()}
    declared = tuple(system.dimensions)
    steps = {step.stock: step.stock_dims for step in compiled.steps if step.stock}
    flows, stocks = ({n: (*d, "year") for n, d in own.items()} for own in (compiled.dims, steps))
    specs = {name: spec.dims for name, spec in system.parameters.items()}
    variables = {}
    for kind, group in (("flow", flows), ("stock", stocks), ("parameter", specs)):
        for name, dims in group.items():
            wanted = order(dims, declared)
            nothing = np.zeros([1 if d == "year" else sizes[d] for d in wanted])
            units = {"flow": "t/yr", "stock": "t"}.get(kind, "1")
            variables[name] = xr.Variable(
                wanted, nothing, {"kind": kind, "units": units, "long_name": name}
            )
    labels = {d: np.asarray(own, dtype=str) for d, own in system.dimensions.items()}
    empty = xr.Dataset(variables, {"year": np.array([2000]), **labels})
    check_targets(compiled, clauses, empty.assign(assess(compiled, empty).data_vars))


def _checked(
    compiled: Plan, clauses: Sequence[Clause], result: xr.Dataset
) -> tuple[xr.Variable, xr.Variable]:
    system, first = compiled.system, clauses[0]
    name = _variable(first, result)
    data = result[name]
    lacking = [dim for dim in first.dims if dim not in data.dims]
    if lacking:
        have = ", ".join(str(d) for d in data.dims if d != "year") or "none"
        message = f"{first.of} has no dimension {lacking[0]!r} (its dims: {have})"
        raise MfaError(message, first.place)
    kept = {"year", *first.dims, *([system.conserves] if system.conserves in data.dims else [])}
    dims = tuple(str(d) for d in data.dims if d in kept)
    _require_sum(data, dims, first)
    reached = _reached(result, name, dims)
    units = str(data.attrs["units"])
    least = np.full(reached.shape, np.nan)
    years = result["year"].values
    for clause in clauses:
        for cell, steps in clause.steps.items():
            index: list[Any] = [slice(None)] * len(dims)
            for dim, label in cell:
                index[dims.index(dim)] = system.dimensions[dim].index(label)
            series = _series(steps, years, units, clause)
            rest = [d for d, i in zip(dims, index, strict=True) if isinstance(i, slice)]
            least[tuple(index)] = series[tuple(slice(None) if d == "year" else None for d in rest)]
    asked = ~np.isnan(least) & ~np.isnan(reached)
    met = np.where(asked, (reached >= least - 1e-9 * np.abs(least)).astype(float), np.nan)
    sources = "; ".join(dict.fromkeys(c.source for c in clauses if c.source))
    words = str(data.attrs["long_name"])
    attrs = {"units": units, "long_name": f"least that is asked of: {words}", "kind": "target"}
    told = {"of": name, **({"source": sources} if sources else {})}
    answer = {
        "units": "1",
        "long_name": f"1 met, 0 missed, NaN not asked: {words}",
        "kind": "target",
    }
    return xr.Variable(dims, least, attrs | told), xr.Variable(dims, met, answer | told)


def _require_sum(data: xr.DataArray, dims: tuple[str, ...], clause: Clause) -> None:
    """Raise if an indicator has no sum over the dimensions that a target leaves open."""
    others = [d for d in data.dims if d not in dims]
    per_head = "indicator_population" in data.attrs.get("whole", "")
    if others and (
        per_head or ("whole" not in data.attrs and data.attrs["units"] not in ("t", "t/yr"))
    ):
        message = f"{clause.of} has no sum over {others[0]!r}; name a label of it with 'at:'"
        raise MfaError(message, clause.place)


def _variable(clause: Clause, result: xr.Dataset) -> str:
    there = {str(n): v for n, v in result.data_vars.items() if v.attrs.get("kind") in KINDS}
    for name in (clause.of, f"indicator_{clause.of}"):
        if name in there:
            if "year" not in there[name].dims:
                message = f"{clause.of} is one number for all years; a target is for an indicator over years"
                raise MfaError(message, clause.place)
            return name
    names = [name.removeprefix("indicator_") for name in there]
    hint = known(clause.of, names, "indicators, flows and stocks")
    without = "" if any(v.attrs["kind"] == "indicator" for v in there.values()) else (
        "; the system has no roles, so there are no indicators"
    )  # fmt: skip
    raise MfaError(f"there is no {clause.of!r}. {hint}{without}", clause.place)


def _reached(result: xr.Dataset, name: str, dims: tuple[str, ...]) -> Array:
    """Return an indicator over these dims: a rate of sums over all the others."""
    data = result[name]
    if set(data.dims) == set(dims):
        return np.asarray(data.values)

    def summed(quantity: str) -> Array:
        own = result[quantity].variable
        total = own.sum([d for d in own.dims if d not in dims])
        return np.asarray(total.values)[tuple(slice(None) if d in own.dims else None for d in dims)]

    if "whole" not in data.attrs:
        return summed(name)
    above, below = summed(data.attrs["part"]), combined(data.attrs["whole"], summed)
    return quotient(*np.broadcast_arrays(above, below))


def _series(steps: tuple[Step, ...], years: NDArray[Any], units: str, clause: Clause) -> Array:
    """Return the minimum of every year: that of the last step begun, NaN before the first."""
    series = np.full(len(years), np.nan)
    for step in steps:
        if (step.unit or "1") != units:
            wrong = f"a minimum is in {step.unit}" if step.unit else "a minimum has no unit"
            raise MfaError(f"{wrong}, {clause.of} is in {units}", clause.place)
        if units == "1" and not 0 <= step.value <= 1:
            wrong = f"a minimum of {step.value:g} is asked for; a share lies between 0 and 1"
            raise MfaError(wrong, clause.place)
        series[years >= (years[0] if step.year is None else step.year)] = step.value
    return series


# ---------------------------------------------------------------------- text


def verdicts(result: xr.Dataset) -> Iterator[tuple[str, str, str]]:
    """Yield for every target and cell: its name, the cell, and when it is met or missed.

    Years before ``report_from`` are not told.
    """
    reported = result["year"] >= int(result.attrs.get("report_from", result["year"][0]))
    for name, met in result.data_vars.items():
        if met.attrs.get("kind") != "target" or not str(name).endswith("_met"):
            continue
        target = str(name).removesuffix("_met")
        if result[target].isnull().all():
            yield target.removeprefix("target_"), "", "asked for in no year of the run"
            continue
        reached = met.copy(data=_reached(result, met.attrs["of"], tuple(map(str, met.dims))))
        others = [str(d) for d in met.dims if d != "year"]
        for index in np.ndindex(*(met.sizes[d] for d in others)):
            at = dict(zip(others, index, strict=True))
            least = result[target].isel(at)
            if least.notnull().any():
                cell = ", ".join(str(met[d].values[i]) for d, i in at.items())
                series = (array.isel(at)[reported.values] for array in (reached, met))
                yield (
                    target.removeprefix("target_"),
                    cell,
                    _verdict(least[reported.values], *series),
                )


def _verdict(least: xr.DataArray, reached: xr.DataArray, met: xr.DataArray) -> str:
    years, verdict = met["year"].values, met.values
    if not least.notnull().any():
        return "asked for in no year that is reported"
    if np.isnan(verdict).all():
        return "undefined in every year it is asked for"
    missed, kept = years[verdict == 0], years[verdict == 1]
    if not len(missed):
        return f"met from {kept[0]}"
    short = np.where(verdict == 0, least.values - reached.values, -np.inf)
    worst, units = int(short.argmax()), str(least.attrs["units"])
    has, wants = (_told(array.values[worst], units) for array in (reached, least))
    text = f"missed in {_spans(missed)}, furthest in {years[worst]}: {has} instead of {wants}"
    return f"{text}; met in {_spans(kept)}" if len(kept) else text


def _told(value: float, units: str) -> str:
    if units == "1":
        return f"{100 * value:.1f} %"
    return f"{value:,.0f} {units}" if abs(value) >= 1000 else f"{value:.4g} {units}"


def _spans(years: NDArray[Any]) -> str:
    """Return years as text, those in a row together.

    >>> _spans(np.array([2030, 2031, 2035]))
    '2030–2031, 2035'
    """
    breaks = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(years)) if b != a + 1), len(years)]
    spans = [years[a:b] for a, b in pairwise(breaks)]
    return ", ".join(f"{s[0]}–{s[-1]}" if len(s) > 1 else str(s[0]) for s in spans)
