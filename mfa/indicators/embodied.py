"""Emissions embodied in trade: whose consumption the emissions of production are for."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.intensities import TOLD
from mfa.indicators.quantities import masses, refuse, require_units
from mfa.units import product


def embodied_emissions(
    production: Any,
    trade: Any,
    factor: Any,
    *,
    origin: str = "origin",
    destination: str = "destination",
) -> xr.Dataset:
    """Return whose consumption the emissions of production are for.

    Each place uses and passes on one mixture of what it makes and imports.  With
    A[i, j] = trade[i, j] / (production[j] + imports[j]) the origins of that
    mixture are O = diag(production / (production + imports)) (I − A)⁻¹, and its
    factor is Σᵢ O[i, j] factor[i].

    Parameters
    ----------
    production : array (origin, …) [t/yr]
    trade : array (origin, destination, …) [t/yr]
        Same labels on both; nothing from a place to itself.
    factor : number or array (origin, …) [t CO₂e/t]
    origin, destination : str
        Names of the two dimensions.

    Returns
    -------
    Dataset
        ``produced`` [t CO₂e/yr] and ``mix_factor`` [t CO₂e/t], ``imported``,
        ``exported`` and ``consumed``, all over ``destination``; ``origin_share``
        (origin, destination).  What is consumed sums to what is produced.

    Raises
    ------
    MfaError
        If labels differ, a place exports more than it makes and imports, or
        places only pass on what they get from each other.

    References
    ----------
    Kander et al. (2015), Nature Climate Change 5, 431–435, doi:10.1038/nclimate2555; Dalin et al.
    (2017), Nature 543, 700–704, doi:10.1038/nature21403 (origin tracing by proportional mixing)

    Examples
    --------
    A makes 10 at 3 t/t and sends 4 to B, which makes 6 at 1 t/t:

    >>> import mfa
    >>> places = ["A", "B"]
    >>> found = embodied_emissions(
    ...     mfa.array([10.0, 6.0], origin=places),
    ...     mfa.array([[0.0, 4.0], [0.0, 0.0]], origin=places, destination=places),
    ...     mfa.array([3.0, 1.0], origin=places),
    ... )
    >>> found.mix_factor.values.round(9).tolist(), found.consumed.values.round(9).tolist()
    ([3.0, 1.8], [18.0, 18.0])
    """
    arrays = masses(production=production, trade=trade, factor=factor)
    made, sent, own = arrays.values()
    for name, dims in (("production", (origin,)), ("trade", (origin, destination))):
        if lacking := [d for d in dims if d not in arrays[name].dims]:
            raise MfaError(
                f"{name}: needs the dimension {lacking[0]!r}; has {list(arrays[name].dims)}"
            )
    labels = sent[origin].values
    if list(labels) != list(sent[destination].values):
        raise MfaError(f"trade: {origin!r} and {destination!r} have different labels")
    if origin not in own.dims:
        own = own.expand_dims({origin: labels})
    turned = made.rename({origin: destination})
    imports, exports = sent.sum(origin), sent.sum(destination).rename({origin: destination})
    self_trade = sent * xr.DataArray(
        np.eye(len(labels)), {origin: labels, destination: labels}, (origin, destination)
    )
    refuse(self_trade > 0, "trade", self_trade, "nothing goes from a place to itself")
    handled = turned + imports
    refuse(
        exports > handled * (1 + 1e-9), "exports", exports,
        "more than the place makes and imports: statistics contradict each other; see mfa.reconcile",
    )  # fmt: skip
    filled = handled.where(handled > 0, 1.0)
    passed = (sent / filled).transpose(..., origin, destination)
    part = (turned / filled).rename({destination: origin})
    try:
        inverse = np.linalg.inv(np.eye(len(labels)) - passed.values)
    except np.linalg.LinAlgError:
        inverse = np.full(passed.shape, np.inf)
    if not (np.isfinite(inverse).all() and np.abs(inverse).max() < 1e12):
        raise MfaError("some places only pass on what they get from each other; nobody makes it")
    shares = passed.copy(data=inverse) * part
    mix = (shares * own).sum(origin)
    left = handled - exports
    units = _unit_of(arrays)
    found = {
        "produced": turned * own.rename({origin: destination}),
        "imported": _imports_of(sent, mix, origin, destination),
        "exported": mix * exports,
        "consumed": mix * left,
    }
    dataset = xr.Dataset({k: v.assign_attrs(units) for k, v in found.items()})
    dataset["mix_factor"] = mix.assign_attrs(_factor_units(arrays))
    dataset["origin_share"] = shares.assign_attrs(units="1")
    for key in TOLD:
        if key in getattr(factor, "attrs", {}):
            dataset.attrs[key] = factor.attrs[key]
    return dataset


def _imports_of(sent: Any, mix: Any, origin: str, destination: str) -> Any:
    return (sent * mix.rename({destination: origin})).sum(origin)


def _factor_units(arrays: dict[str, xr.DataArray]) -> dict[str, str]:
    said = arrays["factor"].attrs.get("units")
    return {} if said is None else {"units": str(said)}


def _unit_of(arrays: dict[str, xr.DataArray]) -> dict[str, str]:
    require_units("production", "trade", **arrays)
    said = [arrays[n].attrs.get("units") for n in ("production", "factor")]
    return {} if None in said else {"units": product(*(str(s) for s in said))}
