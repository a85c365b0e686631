"""The result of a reconciliation as a Dataset, and one quantity of it with its own dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.dims import order
from mfa.errors import MfaError, known, shortly
from mfa.plans import Plan
from mfa.reconciliation.elimination import STATUS, UNDETERMINABLE, Array
from mfa.reconciliation.intervals import intervals as intervals_of
from mfa.reconciliation.least_squares import Adjusted
from mfa.reconciliation.model import Model


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
        labels = {c: list(dict.fromkeys(own[c].values.tolist())) for c in inner}
        cells = tuple(np.array([labels[c].index(x) for x in own[c].values.tolist()]) for c in inner)
        shape = [len(v) for v in labels.values()]
        arrays = {}
        for key, data in own.data_vars.items():
            lead = [d for d in data.dims if d != "item"]
            values = data.transpose(*lead, "item").values
            whole = np.empty((*values.shape[:-1], *shape), dtype=values.dtype)
            index: Any = (..., *cells)
            whole[index] = values
            arrays[key] = ((*lead, *labels), whole)
        coords = {d: own[d].values for d in own.dims if d != "item"}
        if "year" in labels:
            labels["year"] = [int(y) for y in labels["year"]]
        found = xr.Dataset(arrays, coords={**coords, **labels})
    for key in {"value", "standard_uncertainty", "adjustment"} & {*found.data_vars}:
        found[key].attrs["units"] = unit
    return found.transpose(*order(found.dims, [str(d) for d in found.dims]))


def dataset(model: Model, found: Adjusted, value: Array, sd: Array, names: list[str]) -> xr.Dataset:
    """Return reconciled data (cell, column) with their labels."""
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


def add_intervals(result: xr.Dataset, model: Model, found: Adjusted) -> None:
    """Add what the linear balances and the bounds leave to the undeterminable."""
    lowest, highest = found.value.copy(), found.value.copy()
    for cell in range(len(found.value)):
        if (found.code[cell] == UNDETERMINABLE).any():
            lowest[cell], highest[cell] = intervals_of(
                model.balances, found.value[cell], model.low, model.high
            )
    shape = result["value"].shape
    result["lowest"] = (result["value"].dims, lowest.reshape(shape))
    result["highest"] = (result["value"].dims, highest.reshape(shape))


def stamped(
    result: xr.Dataset, model: Model, found: Adjusted, compiled: Plan, level: float
) -> xr.Dataset:
    """Return a result with what holds of all its cells together."""
    from scipy.special import chdtrc

    chi2, degrees = float(found.chi2.sum()), int(found.degrees_of_freedom.sum())
    told = sorted({text for text in result["suspect"].values.reshape(-1).tolist() if text})
    outside = (found.value < model.low - 1e-9) | (found.value > model.high + 1e-9)
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
        "suspect": " | ".join(told),
        "outside_bounds": int(outside.sum()),
        "units_of": "; ".join(f"{name}={unit}" for name, unit in units.items()),
    }
    return result
