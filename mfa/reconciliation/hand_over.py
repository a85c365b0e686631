"""From reconciled data to a scenario: joint draws, and the coefficients that they imply."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, shortly
from mfa.plans import Plan, plan
from mfa.reconciliation.labelling import quantity
from mfa.reconciliation.relations import coefficients_of
from mfa.scenario import Scenario
from mfa.system import System, factors, placement
from mfa.trade_steps import TradeStep


def draws(result: xr.Dataset, samples: int, seed: int) -> xr.Dataset:
    """Return joint draws of reconciled data: each satisfies every balance.

    Parameters
    ----------
    result : Dataset
        Of ``mfa.reconcile(…, covariance=True)``.
    samples, seed : int

    Returns
    -------
    Dataset
        As the result, ``value`` with the dimension ``sample``; normal, so a
        small quantity with a large uncertainty may be drawn below 0.

    Raises
    ------
    MfaError
        If the result has no covariance.
    """
    if not isinstance(result, xr.Dataset) or "covariance" not in result:
        raise MfaError(
            f"draws need the covariance of a reconciliation, and {shortly(result)} without it came; "
            "mfa.reconcile(…, covariance=True) gives it"
        )
    if samples < 1:
        raise MfaError(f"samples must be 1 or more, found {samples}")
    joint = result["covariance"].transpose(..., "item", "item_2").values
    mean = result["value"].transpose(..., "item")
    values, vectors = np.linalg.eigh((joint + joint.swapaxes(-1, -2)) / 2)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    random = np.random.default_rng(seed).normal(size=(samples, *mean.shape))
    moved = np.einsum("...ij,s...j->s...i", root, random)
    drawn = xr.DataArray(
        mean.values + moved, dims=("sample", *mean.dims), coords={"sample": np.arange(samples)}
    )
    kept = result.drop_vars(list(result.data_vars))
    return kept.drop_dims("item_2").assign(value=drawn)


def coefficients(system: System | Plan | Scenario, values: xr.Dataset) -> xr.Dataset:
    """Return the shares and yields of a system that reconciled flows imply.

    A coefficient is the flow that it gives over what it is a share of, both
    added up over the dimensions that the coefficient does not have; one that
    was reconciled itself is taken as it is.

    Parameters
    ----------
    system : System, Plan or Scenario
    values : Dataset
        Of :func:`mfa.reconcile`, or of :func:`draws`: then with the dimension
        ``sample``, and jointly distributed.

    Returns
    -------
    Dataset
        One variable for each coefficient that can be told, dims as declared
        [1]; ``scenario.override(**coefficients)`` starts from them.

    Raises
    ------
    MfaError
        If the values are none of a reconciliation.
    """
    compiled = system if isinstance(system, Plan) else plan(system)
    found: dict[str, xr.DataArray] = {}
    reconciled = {str(n) for n in np.unique(values["quantity"])}
    for process, text, given, whole in coefficients_of(compiled):
        if len(factors(text)) > 1:
            continue  # two factors of one product cannot be told apart
        if text in reconciled:
            found[text] = quantity(values, text)["value"]
            continue
        dims = {*compiled.system.parameters[text].dims, "year", "sample"}
        above = _total(compiled, values, process, given, dims)
        step = next(s for s in compiled.steps if s.name == process)
        if isinstance(step, TradeStep):  # all that comes goes to some place
            below = above.sum(step.places, skipna=False)
        else:
            below = _total(compiled, values, process, whole, dims)
        share = above / below.where(below > 0)
        if bool(share.notnull().all()):
            found[text] = share
    return xr.Dataset({n: data.assign_attrs(units="1") for n, data in found.items()})


def _total(
    compiled: Plan, values: xr.Dataset, process: str, flows: list[str], dims: set[str]
) -> Any:
    """Return the sum of flows at a process over all but some dimensions."""
    total: Any = 0.0
    for flow in flows:
        data = quantity(values, flow)["value"]
        for dim, index in placement(compiled.system, compiled.flows[flow], process):
            if dim in data.dims or dim not in dims:
                continue
            labels = compiled.system.dimensions[dim]
            data = data.expand_dims({dim: [labels[index]]}).reindex(
                {dim: list(labels)}, fill_value=0.0
            )
        data = data.sum([d for d in data.dims if d not in dims], skipna=False)
        total = data if isinstance(total, float) else total + data
    return total
