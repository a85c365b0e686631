"""Build → simulate → check: one scenario or a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.accounts import accounts
from mfa.assessment import assess
from mfa.balances import check, extremes, residuals
from mfa.dims import order
from mfa.errors import MfaError, shortly
from mfa.execution import bind
from mfa.parameters import build_parameters, years_of
from mfa.plans import Plan, plan
from mfa.results import describe
from mfa.scenario import Scenario
from mfa.shortage_results import shortage_frame, supplied
from mfa.shortages import Outcome
from mfa.steps import Bound, Dims, spread
from mfa.stock_step import StockStep
from mfa.system import System, factors
from mfa.target_checks import check_targets
from mfa.units import canonical

Array = NDArray[np.float64]


def simulate(system: Plan | System, parameters: xr.Dataset) -> xr.Dataset:
    """Compute every flow and stock of a system from its parameters.

    Parameters
    ----------
    system : Plan or System
    parameters : Dataset
        Every declared parameter, dims ``(year, …)``, in canonical units, as
        :func:`mfa.build_parameters` returns it; with a coordinate ``year``.

    Returns
    -------
    Dataset
        Flows [t/yr] and stocks at the end of the year [t], dims ``(year, …)``;
        ``attrs["balance_residual"]`` is the worst relative mass balance;
        ``first_year``, ``flows`` and ``stocks`` name what was computed.

    Raises
    ------
    MfaError
        If a parameter is missing, or its labels or its unit differ from the system's.
    BalanceError
        If mass was lost or made.
    """
    if not isinstance(system, Plan | System):
        hint = "; mfa.run takes a scenario" if isinstance(system, Scenario) else ""
        raise MfaError(f"simulate wants a Plan or a System, this is {shortly(system)}{hint}")
    if not isinstance(parameters, xr.Dataset):
        raise MfaError(
            f"simulate wants the Dataset of mfa.build_parameters, this is {shortly(parameters)}"
        )
    compiled = system if isinstance(system, Plan) else plan(system)
    parameter = aligner(compiled, parameters.variables)
    bound, years = prepare(compiled, parameters, parameter)
    found = supplied(compiled, bound, parameter, years)
    values = found.values
    labels = compiled.system.dimensions
    sizes = {d: len(own) for d, own in labels.items()}
    balances = residuals(accounts(compiled), values, sizes, compiled.system.axes)
    extent = extremes(values[name] for name in compiled.flows)
    worst = check(balances, extent, labels, years)
    return _labelled(compiled, found, years, worst)


def prepare(
    compiled: Plan,
    parameters: xr.Dataset,
    parameter: Callable[[str, Dims], Array] | None = None,
) -> tuple[dict[str, Bound], range]:
    """Return the parameters of every step, aligned and checked, and the years of the run."""
    labels = years_of(compiled.system, parameters)
    years = range(int(labels[0]), int(labels[-1]) + 1)
    require_labels(compiled.system, parameters)
    return bind(compiled, parameter or aligner(compiled, parameters.variables), years), years


def require_labels(system: System, parameters: xr.Dataset) -> None:
    """Raise unless parameters have the labels of a system, in its order."""
    for dim in parameters.dims:
        if dim == "year":
            continue
        named = dim in parameters.coords
        labels = tuple(map(str, parameters.get_index(dim))) if named else ()
        if labels != system.dimensions.get(str(dim)):
            raise MfaError(
                f"the labels of {dim!r} in the parameters are {labels}, the system has "
                f"{system.dimensions.get(str(dim))}; select or reorder them"
            )


def aligner(compiled: Plan, parameters: Mapping[Any, xr.Variable]) -> Callable[[str, Dims], Array]:
    """Return a function that gives a product of parameters aligned to dimensions, the year last.

    Parameters
    ----------
    compiled : Plan
    parameters : mapping of name to Variable
        With the labels of the system.

    Raises
    ------
    MfaError
        Where it is called: if a parameter is missing, is not a number everywhere or has other
        dimensions or another unit than the system's.
    """
    system, axes = compiled.system, compiled.system.axes
    unlimited = system.unlimited

    @cache
    def single(name: str) -> tuple[Array, Dims]:
        if name not in parameters:
            raise MfaError(f"the parameters lack {name!r}, which the system declares")
        variable = parameters[name]
        own = tuple(axis for axis in axes if axis in variable.dims)
        declared = system.parameters[name].dims
        if set(variable.dims) != set(declared):
            raise MfaError(f"{name}: has dims {variable.dims}, the system declares {declared}")
        _same_unit(name, variable.attrs.get("units"), system.parameters[name].unit)
        turned = (*own, "year") if "year" in variable.dims else own
        array = np.asarray(variable.values, dtype=float).transpose(
            [variable.dims.index(d) for d in turned]
        )
        if array.ndim and 0 not in array.strides:  # what is only spread stays so
            array = np.ascontiguousarray(array)
        bounded = name not in unlimited or np.isnan(array).any() or (array == -np.inf).any()
        if bounded and not (np.isfinite(array.sum()) or np.isfinite(array).all()):
            raise MfaError(f"{name}: a value is NaN or infinite; give every cell a number")
        return (array if "year" in variable.dims else array[..., None]), own

    def product(expression: str, dims: Dims) -> Array:
        arrays = [spread(*single(name), dims) for name in factors(expression)]
        result = arrays[0]
        for array in arrays[1:]:
            result = result * array
        return result

    return product


def _same_unit(name: str, stamped: object, declared: str) -> None:
    """Raise if a parameter is stamped with another unit than the canonical one; no stamp is no claim."""
    wanted = canonical(declared)[1]
    if stamped is not None and stamped != wanted and canonical(str(stamped)) != (1.0, wanted):
        raise MfaError(
            f"{name}: its attribute 'units' is {stamped!r}, wanted is {wanted!r}; "
            "convert the numbers and stamp them anew"
        )


def _labelled(compiled: Plan, found: Outcome, years: range, worst: float) -> xr.Dataset:
    values = found.values
    frame, axes = _frame(compiled, years)
    result = frame.copy(
        data={name: values[name].transpose(turned) for name, turned in axes.items()}
    )
    result.attrs["balance_residual"] = worst
    if compiled.scarcity is not None:
        result.attrs["shortage_iterations"] = found.iterations
        result.attrs["shortage_residual"] = found.residual
    return result


@lru_cache(maxsize=16)
def _frame(compiled: Plan, years: range) -> tuple[xr.Dataset, dict[str, tuple[int, ...]]]:
    """Return a plan's results without numbers and the order of the axes of each of them.

    Making labels and their indexes costs more than a small run, filling them in little.
    """
    system = compiled.system
    steps = {step.stock: step for step in compiled.steps if step.stock}
    declared = tuple(system.dimensions)
    sizes = {
        "year": len(years),
        **{d: len(labels) for d, labels in system.dimensions.items()},
    }
    nothing = np.zeros(())
    variables: dict[str, xr.Variable] = {}
    axes: dict[str, tuple[int, ...]] = {}
    short = shortage_frame(compiled)
    for name in (*compiled.flows, *compiled.stocks, *short):
        if name in short:
            dims, told = short[name]
        else:
            dims = compiled.dims[name] if name in compiled.flows else steps[name].stock_dims
            told = describe(compiled, name)
        wanted = order((*dims, "year"), declared)
        axes[name] = tuple(((*dims, "year")).index(d) for d in wanted)
        empty = np.broadcast_to(nothing, [sizes[d] for d in wanted])
        variables[name] = xr.Variable(wanted, empty, dict(told), fastpath=True)
    used = {str(d) for variable in variables.values() for d in variable.dims}
    year = xr.Variable("year", np.array(years), {"long_name": "calendar year"})
    labels = {d: xr.Variable(d, np.array(own)) for d, own in system.dimensions.items() if d in used}
    conventions = {s.lifetime.inflow_at for s in compiled.steps if isinstance(s, StockStep)}
    attrs = {
        "balance_residual": np.nan,
        "inflow_convention": ", ".join(sorted(conventions)) or "none",
        "first_year": years[0],
        "flows": ", ".join(compiled.flows),
        "stocks": ", ".join(compiled.stocks),
    }
    return xr.Dataset(variables, {"year": year, **labels}, attrs), axes


def run(scenario: Scenario) -> xr.Dataset:
    """Run one scenario: parameters, flows, stocks and the mass balance.

    Parameters
    ----------
    scenario : Scenario
        As :func:`mfa.read_scenario` returns it.

    Returns
    -------
    Dataset
        Flows and stocks (see :func:`simulate`) beside the parameters that they
        were computed from, the indicators of a system with roles (see
        :func:`mfa.assess`) and the targets of the scenario; the global attributes say what made it.

    Examples
    --------
    >>> import mfa
    >>> reference = mfa.read_scenario("scenarios/reference.yaml")  # doctest: +SKIP
    >>> result = mfa.run(reference)                                # doctest: +SKIP
    """
    from mfa.provenance import with_provenance

    if not isinstance(scenario, Scenario):
        hint = (
            f"; read it first: mfa.run(mfa.read_scenario({scenario!r}))"
            if isinstance(scenario, str)
            else "; mfa.run_batch takes several"
            if isinstance(scenario, list | tuple)
            else ""
        )
        raise MfaError(f"run wants a Scenario, this is {shortly(scenario)}{hint}")
    return with_provenance(computed(scenario), [scenario])


def computed(
    scenario: Scenario, compiled: Plan | None = None, parameters: xr.Dataset | None = None
) -> xr.Dataset:
    """Run a scenario whose plan or parameters may be made already; nothing says what made it."""
    parameters = build_parameters(scenario) if parameters is None else parameters
    compiled = plan(scenario.system) if compiled is None else compiled
    result = _with(simulate(compiled, parameters), parameters)
    result = _with(result, assess(compiled, result))
    return _with(result, check_targets(compiled, scenario.targets, result))


def _with(result: xr.Dataset, more: xr.Dataset) -> xr.Dataset:
    """Return a result with the variables of another Dataset, whose labels are known to be the same."""
    labels = {dim: data for dim, data in more.coords.items() if dim not in result.coords}
    bare = {name: more.variables[name] for name in more.data_vars}
    return result.assign_coords(labels).assign(bare)


def run_batch(scenarios: Iterable[Scenario]) -> xr.Dataset:
    """Run several scenarios of one system and put them beside each other.

    Parameters
    ----------
    scenarios : iterable of Scenario
        With one system, the same years and different names.

    Returns
    -------
    Dataset
        As :func:`run`, with the dimension ``scenario`` first.

    Raises
    ------
    MfaError
        If the scenarios cannot stand beside each other.
    """
    from mfa.provenance import with_provenance

    if isinstance(scenarios, str) or not isinstance(scenarios, Iterable):
        raise MfaError(f"run_batch wants a list of scenarios, this is {shortly(scenarios)}")
    scenarios = list(scenarios)
    for one in scenarios:
        if not isinstance(one, Scenario):
            raise MfaError(
                f"run_batch wants scenarios, this is {shortly(one)}; see mfa.read_scenario"
            )
    if not scenarios:
        raise MfaError("there is no scenario to run")
    names = [scenario.name for scenario in scenarios]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise MfaError(f"two scenarios are named {doubled[0]!r}; give one another title")
    first = scenarios[0]
    for other in scenarios[1:]:
        if other.system.dimensions != first.system.dimensions or other.years != first.years:
            raise MfaError(
                f"{other.name!r} and {first.name!r} differ in dimensions or years; run them apart"
            )
    results = [computed(scenario) for scenario in scenarios]
    worst = max(result.attrs["balance_residual"] for result in results)
    labels = xr.Variable("scenario", np.array(names), {"long_name": "scenario"})
    joined = xr.concat(
        results,
        dim=labels,
        join="exact",
        combine_attrs="drop_conflicts",
        coords="minimal",
        compat="equals",
        data_vars="all",
    )
    joined.attrs["balance_residual"] = worst
    return with_provenance(joined.transpose("scenario", ...), scenarios)
