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
    _require_covariance(result, "draws need")
    if samples < 1:
        raise MfaError(f"samples must be 1 or more, found {samples}")
    mean, root = result["value"].transpose(..., "item"), _root(result)
    shape = (samples, *mean.shape[:-1], root.shape[-1])
    random = np.random.default_rng(seed).normal(size=shape)
    moved = np.einsum("...ij,s...j->s...i", root, random)
    drawn = xr.DataArray(
        mean.values + moved, dims=("sample", *mean.dims), coords={"sample": np.arange(samples)}
    )
    kept = result.drop_vars(list(result.data_vars))
    return kept.drop_dims("item_2").assign(value=drawn)


def _require_covariance(result: Any, needs: str) -> None:
    if not isinstance(result, xr.Dataset) or "covariance" not in result:
        raise MfaError(
            f"{needs} the covariance of a reconciliation, and {shortly(result)} without it came; "
            "mfa.reconcile(…, covariance=True) gives it"
        )


def _root(result: xr.Dataset) -> Any:
    """Return R (…, item, factor) with R R' the covariance."""
    joint = result["covariance"].transpose(..., "item", "item_2").values
    used = (np.einsum("...ii->...i", joint) > 0).reshape(-1, joint.shape[-1]).any(axis=0)
    own = joint[..., used, :][..., used]
    values, vectors = np.linalg.eigh((own + own.swapaxes(-1, -2)) / 2)
    root = np.zeros((*joint.shape[:-1], own.shape[-1]))
    root[..., used, :] = vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return root


def responses(system: System | Plan | Scenario, result: xr.Dataset, names: list[str]) -> Any:
    """Return how coefficients answer to the independent factors behind reconciled data.

    Parameters
    ----------
    system : System, Plan or Scenario
    result : Dataset
        Of ``mfa.reconcile(…, covariance=True)``, without a dimension ``year``.
    names : list of str
        Coefficients that :func:`coefficients` tells of it.

    Returns
    -------
    dict of arrays (…, factor)
        Dims of each coefficient as declared, and all factors of all cells last: R of which
        R R' is, to first order, the covariance within and between coefficients.

    Raises
    ------
    MfaError
        If the result has no covariance.
    """
    _require_covariance(result, "to start from reconciled data takes")
    compiled = system if isinstance(system, Plan) else plan(system)
    mean = result["value"].transpose(..., "item")
    batch, root = mean.dims[:-1], _root(result)
    count = root.shape[-1]
    moved = xr.DataArray(np.moveaxis(root, -1, 0), dims=("sample", *mean.dims))
    kept = result.drop_vars(list(result.data_vars)).drop_dims("item_2")
    spread = kept.assign_coords(sample=np.arange(count)).assign(value=moved)
    flat = kept.assign(value=mean)
    found: dict[str, Any] = {}
    for process, text, given, whole in coefficients_of(compiled):
        if text not in names:
            continue
        own = [d for d in compiled.system.parameters[text].dims if d != "year"]
        if text in {str(n) for n in np.unique(result["quantity"])}:
            apart = quantity(spread, text)["value"]
        else:
            dims = {*own, *map(str, batch), "sample"}
            apart = _ratio(compiled, spread, flat, process, text, given, whole, dims, {*own})
        apart = apart.broadcast_like(flat["value"].isel(item=0, drop=True)).transpose(
            *own, *(d for d in batch if d not in own), "sample"
        )
        found[text] = _by_cell(apart, own, [str(d) for d in batch], result, count)
    return found


def _ratio(
    compiled: Plan, spread: xr.Dataset, flat: xr.Dataset, process: str, text: str,
    given: list[str], whole: list[str], dims: set[str], own: set[str],
) -> Any:  # fmt: skip
    """Return (da − c db) / b for each factor and cell, c and b being those of all cells."""
    step = next(s for s in compiled.steps if s.name == process)

    def pair(values: xr.Dataset, kept: set[str]) -> tuple[Any, Any]:
        above = _total(compiled, values, process, given, kept)
        if isinstance(step, TradeStep):
            return above, above.sum(step.places, skipna=False)
        return above, _total(compiled, values, process, whole, kept)

    above, below = pair(flat, own)
    up, down = pair(spread, dims)
    return (up - above / below * down) / below


def _by_cell(
    apart: xr.DataArray, own: list[str], batch: list[str], result: xr.Dataset, count: int
) -> Any:
    """Return (…, cell × factor): a factor of one cell moves nothing in another."""
    shape = [result.sizes[d] for d in batch]
    lead = [apart.sizes[d] for d in own]
    found = np.zeros((*lead, *shape, count))
    values = apart.values
    for index in np.ndindex(*lead):
        for cell in np.ndindex(*shape):
            at = dict(zip(batch, cell, strict=True))
            if all(at[d] == i for d, i in zip(own, index, strict=True) if d in at):
                rest = tuple(at[d] for d in batch if d not in own)
                found[(*index, *cell)] = values[(*index, *rest)]
    return found.reshape(*lead, -1)


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
