"""Calibration: samples weighted by how well they agree with what was observed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.bands import with_samples
from mfa.errors import MfaError, known

Array = NDArray[np.float64]


def weights(
    result: xr.Dataset,
    observed: Mapping[str, xr.DataArray],
    *,
    error: float | Mapping[str, float] = 0.1,
    correlation: float = 0.0,
) -> xr.DataArray:
    """Return how much each sample counts in the light of observations.

    Parameters
    ----------
    result : Dataset
        With samples, as :func:`mfa.run` or :func:`mfa.load` returns it.
    observed : mapping of variable to DataArray
        Positive, in the unit of the variable, with some of its years and labels; a dimension that
        an observation lacks is summed.  NaN is what was not observed.
    error : float or mapping of variable to float
        Relative error of an observation together with that of the model: the standard deviation
        of ln(model / observation).
    correlation : float
        Between the errors of one year and the next, from 0 to below 1.  Statistics that are
        wrong in the same way for years tell less than their number of years.

    Returns
    -------
    DataArray, dims ``(sample,)``
        Sums to 1: importance weights w ∝ exp(−½ Σ e²), where e are the errors
        ln(model / observation) / error, freed of what follows from the year before.
        ``attrs["effective_samples"]``, 1 / Σ w² (Kish, 1965), says from how many equal
        ones they would be as certain: below a hundred a band says little.

    Raises
    ------
    MfaError
        If something observed is not in the result, not positive, in another unit, or a label is unknown.

    Examples
    --------
    >>> result = xr.Dataset(
    ...     {"demand": (("sample", "year"), [[100.0], [100.0], [1000.0]])},
    ...     {"sample": [0, 1, 2], "year": [2024]})
    >>> seen = xr.DataArray([100.0], {"year": [2024]}, "year")
    >>> weights(result, {"demand": seen}).values.round(3)
    array([0.5, 0.5, 0. ])
    """
    data = with_samples(result, "calibration")
    if not 0 <= correlation < 1:
        raise MfaError(f"correlation lies from 0 to below 1, not {correlation!r}")
    if not observed:
        raise MfaError("nothing is observed; give {'demand': a DataArray over years}")
    score = np.zeros(data.sizes["sample"])
    for name, seen in observed.items():
        have = [str(n) for n in data.data_vars if "sample" in data[n].dims]
        if name not in have:
            raise MfaError(f"there is no {name!r} with samples. {known(name, have, 'variables')}")
        size = error.get(name, np.nan) if isinstance(error, Mapping) else error
        if not size > 0:
            raise MfaError(f"{name}: its error is a positive number, like 0.1 for 10 %")
        score -= 0.5 * _freed(_errors(data[name], seen, name) / size, correlation)
    likely = np.exp(score - score.max())
    found = likely / likely.sum()
    attrs = {
        "units": "1",
        "long_name": "weight by agreement with observations",
        "effective_samples": float(1 / (found**2).sum()),
    }
    return xr.DataArray(found, {"sample": data["sample"]}, "sample", attrs=attrs)


def _errors(model: xr.DataArray, seen: xr.DataArray, name: str) -> xr.DataArray:
    """Return ln(model / observation), dims (sample, …)."""
    unit = seen.attrs.get("units")
    if unit is not None and unit != model.attrs.get("units", unit):
        raise MfaError(f"{name}: is observed in {unit}, the result has {model.attrs.get('units')}")
    strange = [str(d) for d in seen.dims if d not in model.dims]
    if strange:
        raise MfaError(f"{name}: is observed over {strange[0]!r}, which the result has not")
    over = [d for d in model.dims if d not in ("sample", *seen.dims)]
    world = model.sum(over) if over else model
    for dim in seen.dims:
        lost = [label for label in seen[dim].values if label not in world[dim].values]
        if lost:
            hint = known(lost[0], world[dim].values.tolist(), "labels")
            raise MfaError(f"{name}: {dim}={lost[0]} is observed, not computed. {hint}")
        world = world.sel({dim: seen[dim].values})
    if bool((seen <= 0).any()) or not bool(seen.notnull().any()):
        raise MfaError(f"{name}: observations are positive numbers; leave out what is not (NaN)")
    if bool((world <= 0).where(seen.notnull(), False).any()):
        raise MfaError(
            f"{name}: is 0 in some samples where it is observed; choose years in which it is not"
        )
    ratio: xr.DataArray = world / seen
    return ratio.copy(data=np.log(ratio.values)).transpose("sample", ...)


def _freed(errors: xr.DataArray, correlation: float) -> Array:
    """Return Σ e² of each sample, of what each error has beside that of the year observed before."""
    if "year" not in errors.dims or correlation == 0:
        whole = errors.values.reshape(errors.sizes["sample"], -1)
        return np.asarray(np.nansum(whole**2, axis=1))
    years = errors["year"].values
    turned = errors.transpose("sample", "year", ...).values
    series = turned.reshape(len(turned), len(years), -1)
    total: Array = np.zeros(len(series))
    for column in range(series.shape[2]):
        own = series[:, :, column]
        there = np.flatnonzero(np.isfinite(own).all(axis=0))
        order = there[np.argsort(years[there], kind="stable")]
        kept = correlation ** np.diff(years[order])
        total += own[:, order[0]] ** 2 if len(order) else 0.0
        fresh = own[:, order[1:]] - kept * own[:, order[:-1]]
        total += (fresh**2 / (1 - kept**2)).sum(axis=1)
    return total
