"""Reconciliation of statistics that contradict each other, under a system's own balances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from mfa.dims import order
from mfa.errors import MfaError, known, shortly
from mfa.plans import Plan, plan
from mfa.reconciliation import bounded, gross_errors, iterated
from mfa.reconciliation.elimination import STATUS, UNDETERMINABLE, Array
from mfa.reconciliation.intervals import intervals as intervals_of
from mfa.reconciliation.least_squares import Adjusted, adjust
from mfa.reconciliation.model import Model, build
from mfa.reconciliation.observed import read
from mfa.scenario import Scenario
from mfa.system import System


def reconcile(
    system: System | Plan | Scenario,
    observed: Mapping[str, Any],
    *,
    bounds: bool = False,
    eliminate: bool = False,
    correlation: Mapping[tuple[str, str], float] | None = None,
    covariance: bool = False,
    intervals: bool = False,
    level: float = 0.95,
    missing: str = "raise",
) -> xr.Dataset:
    """Reconcile observed flows, stocks and coefficients under the balances of a system.

    Each observation moves as little as its uncertainty asks, in the sense of
    weighted least squares, until every process balances.  Years, materials and
    other dimensions that nothing ties together are solved beside each other.

    Parameters
    ----------
    system : System, Plan or Scenario
        Declares processes, flows and coefficients.  Balances are those that
        every run checks; a process that is a source or only keeps what
        arrives has none.
    observed : mapping of name to (value, uncertainty) or Observation
        Names of flows [t/yr], stocks at the end of the year [t] (``use_stock``),
        stock changes [t/yr] (``use_stock_change``), shares and yields of
        processes (parameters) [1], or your own names of observed sums, see
        :class:`mfa.reconciliation.Observation`.  Numbers or arrays with the
        dimensions of what they are.  What is not named is not measured.
    bounds : bool
        Keep flows and stocks at 0 or more and shares in [0, 1] (needs osqp).
    eliminate : bool
        Leave out the most suspect observation where the test fails, one after
        the other, until it is passed or suspects cannot be told apart.
    correlation : mapping of (name, name) to a number in [−1, 1], optional
        Between equal cells of two observations; (name, the same name) between
        all cells of one that are solved together, such as countries with a
        common systematic error.
    covariance : bool
        Also return ``covariance`` (…, item, item_2) of the reconciled values.
    intervals : bool
        Also return ``lowest`` and ``highest``, what balances and bounds leave
        to the undeterminable.
    level : float
        Of the tests, 0.95 by default.
    missing : {"raise", "unmeasured"}
        What NaN in a value means.

    Returns
    -------
    Dataset, dims (…, item)
        ``value``, ``standard_uncertainty``, ``adjustment`` (reconciled −
        measured), ``standardised`` (adjustment over its standard deviation) and
        ``status``: redundant (measured and checked), not checkable, exact,
        determinable, undeterminable (NaN), eliminated.  ``measured`` and
        ``measured_uncertainty`` are what went in.  ``chi2``,
        ``degrees_of_freedom``, ``p_value`` and ``suspect`` of each cell; the
        attributes of these names are those of all cells together.
        ``mfa.reconciliation.quantity(result, name)`` gives one flow with its
        own dimensions.

    Raises
    ------
    MfaError
        If a name, dimension, label or unit is not of the system, a value or an
        uncertainty cannot be one, or exact values contradict the balances.

    References
    ----------
    VDI 2048 part 1 (2017); Cencic (2016), Sustainable Environment Research 26, 224–228,
    doi:10.1016/j.serj.2016.06.006

    Examples
    --------
    What enters a process is measured as 100 ± 10, what leaves it as 110 ± 10:

    >>> from mfa import System
    >>> system = System(
    ...     title="One process",
    ...     parameters={"demand": {"dims": ["year"], "unit": "t/yr"}},
    ...     processes={
    ...         "abroad": {"rule": "source"},
    ...         "refine": {"rule": "make", "from": "abroad"},
    ...         "use": {"rule": "sink", "takes": "demand", "from": "refine"},
    ...     },
    ... )
    >>> found = reconcile(system, {"abroad_to_refine": (100, 10), "refine_to_use": (110, 10)})
    >>> found.value.values.round(6).tolist(), round(found.attrs["chi2"], 6)
    ([105.0, 105.0], 0.5)
    """
    compiled = _plan(system)
    if not 0 < level < 1:
        raise MfaError(f"the level of the tests is between 0 and 1, like 0.95; found {level!r}")
    seen = read(observed, missing)
    model = build(compiled, seen)
    names = model.items.names()
    linked = _correlation(correlation, model)
    settings: dict[str, Any] = {"correlation": linked, "names": names, "covariance": covariance}

    def linear(matrix: Array, value: Array, sd: Array, **more: Any) -> Adjusted:
        found = adjust(matrix, value, sd, **settings, **more)
        if bounds:
            more["correlation"] = linked
            found = bounded.within(found, matrix, value, sd, model.low, model.high, names, **more)
        return found

    def solve(value: Array, sd: Array) -> Adjusted:
        return iterated.iterate(model.balances, model.relations, value, sd, model.lognormal, linear)

    value = model.value.reshape(-1, model.items.count)
    sd = model.uncertainty.reshape(-1, model.items.count)
    found = solve(value, sd)
    dropped: list[list[int]] = [[] for _ in value]
    if eliminate:
        found, dropped = gross_errors.leave_out(found, value, sd, solve, level)
    result = _labelled(model, found, value, sd, names)
    shape = model.items.batch_shape
    told = np.array(gross_errors.suspects(found, level, names)).reshape(shape)
    result["suspect"] = (model.items.batch, told)
    if eliminate:
        listed = np.array(["; ".join(names[i] for i in own) for own in dropped]).reshape(shape)
        result["eliminated"] = (model.items.batch, listed)
    if intervals:
        _add_intervals(result, model, found)
    return _finished(result, model, found, compiled, level)


def classify(system: System | Plan | Scenario, observed: Mapping[str, Any], **options: Any) -> Any:
    """Return a table of what can be checked, what follows, and what nothing determines.

    Parameters
    ----------
    system, observed, options : as for :func:`reconcile`

    Returns
    -------
    pandas DataFrame
        One row for each quantity of each cell: ``status``, and ``lowest`` and
        ``highest``, the interval that the balances leave to it.

    Examples
    --------
    >>> from mfa import System
    >>> system = System(
    ...     title="Two uses",
    ...     parameters={"a": {"dims": ["year"], "unit": "t/yr"}, "b": {"dims": ["year"], "unit": "t/yr"}},
    ...     processes={
    ...         "mine": {"rule": "source"},
    ...         "metal": {"rule": "market", "from": ["mine"]},
    ...         "cars": {"rule": "sink", "takes": "a", "from": "metal"},
    ...         "cans": {"rule": "sink", "takes": "b", "from": "metal"},
    ...     },
    ... )
    >>> table = classify(system, {"mine_to_metal": (10, 1)})
    >>> table.loc[table["item"] == "metal_to_cars", ["status", "lowest", "highest"]].values.tolist()
    [['undeterminable', 0.0, 10.0]]
    """
    found = reconcile(system, observed, intervals=True, **options)
    kept = found[["status", "lowest", "highest"]].drop_vars(
        [c for c in found.coords if c not in found.dims]
    )
    return kept.to_dataframe().reset_index()


def quantity(result: xr.Dataset, name: str) -> xr.Dataset:
    """Return one flow, stock or coefficient of a reconciliation with its own dimensions.

    Parameters
    ----------
    result : Dataset
        As returned by :func:`reconcile`.
    name : str

    Returns
    -------
    Dataset
        ``value``, ``standard_uncertainty``, ``adjustment``, ``status`` …, dims as in the system.

    Raises
    ------
    MfaError
        If nothing of this name was reconciled.
    """
    if not isinstance(result, xr.Dataset) or "quantity" not in result.coords:
        raise MfaError(f"quantity wants the Dataset of mfa.reconcile, this is {shortly(result)}")
    names = result["quantity"].values
    if name not in names:
        raise MfaError(f"nothing was reconciled as {name!r}. {known(name, names)}")
    own = result[
        [v for v in result.data_vars if "item" in result[v].dims and "item_2" not in result[v].dims]
    ]
    own = own.isel(item=np.flatnonzero(names == name))
    places = [
        c for c in own.coords if own[c].dims == ("item",) and c not in ("item", "quantity", "kind")
    ]
    inner = [c for c in places if (own[c] != "").all()]
    units = str(result.attrs["units_of"]).split("; ")
    unit = dict(pair.split("=", 1) for pair in units)[name]
    own = own.drop_vars([c for c in own.coords if c not in own.dims and c not in inner])
    if not inner:
        found = own.isel(item=0, drop=True)
    else:
        found = own
        labels = {c: list(dict.fromkeys(own[c].values.tolist())) for c in inner}
        shape = [len(v) for v in labels.values()]
        arrays = {}
        for key, data in own.data_vars.items():
            lead = [d for d in data.dims if d != "item"]
            values = data.transpose(*lead, "item").values
            arrays[key] = ((*lead, *labels), values.reshape(*values.shape[:-1], *shape))
        coords = {d: own[d].values for d in own.dims if d != "item"}
        if "year" in labels:
            labels["year"] = [int(y) for y in labels["year"]]
        found = xr.Dataset(arrays, coords={**coords, **labels})
    for key in ("value", "standard_uncertainty", "adjustment"):
        found[key].attrs["units"] = unit
    return found.transpose(*order(found.dims, list(found.dims)))


def _plan(system: Any) -> Plan:
    if isinstance(system, Plan):
        return system
    if not isinstance(system, System | Scenario):
        raise MfaError(
            f"reconcile wants a System, a Plan or a Scenario, this is {shortly(system)}; "
            "mfa.reconciliation.adjust works on bare arrays"
        )
    return plan(system)


def _correlation(given: Mapping[tuple[str, str], float] | None, model: Model) -> Array | None:
    if not given:
        return None
    items = model.items
    linked = np.eye(items.count)
    for pair, number in given.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise MfaError(f"correlation: {pair!r} is no pair of names")
        for name in pair:
            if name not in items.groups:
                hint = known(name, items.groups, "quantities")
                raise MfaError(f"correlation: nothing is called {name!r}. {hint}")
        if not -1 <= number <= 1:
            raise MfaError(
                f"correlation of {pair[0]!r} and {pair[1]!r}: {number!r} is not in [−1, 1]"
            )
        first, second = (items.columns(name).reshape(-1) for name in pair)
        if pair[0] == pair[1]:
            block = np.full((len(first), len(first)), float(number))
            np.fill_diagonal(block, 1.0)
            linked[np.ix_(first, first)] = block
            continue
        if items.inner[pair[0]] != items.inner[pair[1]]:
            raise MfaError(f"correlation: {pair[0]!r} and {pair[1]!r} have different dimensions")
        linked[first, second] = linked[second, first] = number
    return linked


def _labelled(
    model: Model, found: Adjusted, value: Array, sd: Array, names: list[str]
) -> xr.Dataset:
    items = model.items
    shape = (*items.batch_shape, items.count)
    dims = (*items.batch, "item")
    measured = ~np.isnan(value)
    arrays: dict[str, Any] = {
        "value": found.value,
        "standard_uncertainty": found.standard_uncertainty,
        "adjustment": found.adjustment,
        "standardised": found.standardised,
        "status": np.array(STATUS)[found.code],
        "measured": value,
        "measured_uncertainty": np.where(measured, sd, np.nan),
    }
    variables: dict[str, Any] = {k: (dims, a.reshape(shape)) for k, a in arrays.items()}
    for key in ("chi2", "degrees_of_freedom", "p_value"):
        variables[key] = (items.batch, getattr(found, key).reshape(items.batch_shape))
    if found.covariance is not None:
        variables["covariance"] = ((*dims, "item_2"), found.covariance.reshape(*shape, items.count))
    owners = [n for n in items.groups for _ in range(items.columns(n).size)]
    coords: dict[str, Any] = {d: list(items.labels[d]) for d in items.batch}
    coords |= {
        "item": names,
        "quantity": ("item", owners),
        "kind": ("item", [items.groups[n].kind for n in owners]),
    }
    if found.covariance is not None:
        coords["item_2"] = names
    for dim in sorted({d for own in items.inner.values() for d in own}):
        coords[dim] = ("item", items.coordinate(dim))
    return xr.Dataset(variables, coords=coords)


def _add_intervals(result: xr.Dataset, model: Model, found: Adjusted) -> None:
    lowest, highest = found.value.copy(), found.value.copy()
    for cell in range(len(found.value)):
        if (found.code[cell] == UNDETERMINABLE).any():
            lowest[cell], highest[cell] = intervals_of(
                model.balances, found.value[cell], model.low, model.high
            )
    shape = result["value"].shape
    result["lowest"] = (result["value"].dims, lowest.reshape(shape))
    result["highest"] = (result["value"].dims, highest.reshape(shape))


def _finished(
    result: xr.Dataset, model: Model, found: Adjusted, compiled: Plan, level: float
) -> xr.Dataset:
    from scipy.special import chdtrc

    chi2, degrees = float(found.chi2.sum()), int(found.degrees_of_freedom.sum())
    told = sorted({text for text in result["suspect"].values.reshape(-1).tolist() if text})
    outside = (found.value < model.low * (1 + 0) - 1e-9) | (found.value > model.high + 1e-9)
    units = {}
    for name, group in model.items.groups.items():
        kind = group.kind
        units[name] = {"stock": "t", "coefficient": "1"}.get(kind, "t/yr")
    result.attrs = {
        "title": f"Reconciliation: {compiled.system.title}",
        "chi2": chi2,
        "degrees_of_freedom": degrees,
        "p_value": float(chdtrc(float(degrees), chi2)) if degrees else float("nan"),
        "level": level,
        "suspect": "; ".join(told),
        "outside_bounds": int(outside.sum()),
        "units_of": "; ".join(f"{name}={unit}" for name, unit in units.items()),
    }
    return result
