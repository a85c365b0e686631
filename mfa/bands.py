"""Quantiles over samples: exact, from the samples themselves, slab by slab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.errors import MfaError, known, shortly

Array = NDArray[np.float64]

BAND = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that are told if it is not said."""

SLAB_BYTES = 2**27
"""Samples that are sorted at a time take about this at most."""


def quantiles(
    result: xr.Dataset | xr.DataArray,
    of: str | Sequence[str] | None = None,
    at: Sequence[float] = BAND,
    *,
    weights: xr.DataArray | None = None,
) -> xr.Dataset:
    """Return quantiles over the samples of a result.

    Parameters
    ----------
    result : Dataset or DataArray
        With the dimension ``sample``; one that is read from a ``result.zarr`` is read slab by slab.
    of : str or sequence of str, optional
        Variables; without it all with samples.
    at : sequence of float
        Between 0 and 1.
    weights : DataArray, dims ``(sample,)``, optional
        Of :func:`mfa.weights`: how much each sample counts.

    Returns
    -------
    Dataset
        With the dimension ``quantile`` first in the place of ``sample``; unit as given.
        Between two samples a quantile is linear: with n samples in order x₀ … xₙ₋₁ that of p is x
        at (n − 1) p (Hyndman and Fan, 1996, type 7, doi:10.1080/00031305.1996.10473566).  With
        weights it is the lowest sample up to which they sum to p (type 1).

    Raises
    ------
    MfaError
        If there are no samples, a variable is unknown, or a quantile is not between 0 and 1.

    Examples
    --------
    >>> data = xr.Dataset({"x": ("sample", [4.0, 1.0, 2.0, 3.0, 5.0])})
    >>> quantiles(data, at=[0.5, 1.0]).x.values
    array([3., 5.])
    """
    data = with_samples(result, "quantiles")
    names = [of] if isinstance(of, str) else of
    have = [str(n) for n in data.data_vars if "sample" in data[n].dims]
    for name in names or ():
        if name not in have:
            raise MfaError(f"there is no {name!r} with samples. {known(name, have, 'variables')}")
    levels = np.asarray(at, dtype=float)
    if levels.ndim != 1 or not ((levels >= 0) & (levels <= 1)).all():
        raise MfaError(f"quantiles lie between 0 and 1, not {at!r}")
    share = None
    if weights is not None:
        if weights.dims != ("sample",) or not weights["sample"].equals(data["sample"]):
            raise MfaError("weights are of other samples than the result has")
        share = np.asarray(weights.values, dtype=float)
    found = {name: _of(data[name], levels, share) for name in names or have}
    return xr.Dataset(found, attrs=data.attrs).assign_coords(quantile=levels)


def with_samples(result: object, function: str) -> xr.Dataset:
    """Return a result as a Dataset with samples, or say that it is none."""
    if isinstance(result, xr.DataArray):
        result = result.to_dataset(name=result.name or "values")
    if not isinstance(result, xr.Dataset):
        raise MfaError(f"{function} wants a result of mfa.run, this is {shortly(result)}")
    if "sample" not in result.dims:
        raise MfaError(
            f"{function} wants a result with samples: mfa.run(scenario, samples=1000) or "
            "'mfa run FILE --samples 1000'"
        )
    return result


def _of(data: xr.DataArray, levels: Array, share: Array | None) -> xr.DataArray:
    if "year" not in data.dims or data.nbytes <= SLAB_BYTES:
        return _sorted(data, levels, share)
    years = data.sizes["year"]
    size = max(1, SLAB_BYTES * years // data.nbytes)
    parts = [
        _sorted(data.isel(year=slice(start, start + size)), levels, share)
        for start in range(0, years, size)
    ]
    return xr.concat(parts, "year", combine_attrs="override").transpose("quantile", ...)


def _sorted(data: xr.DataArray, levels: Array, share: Array | None) -> xr.DataArray:
    turned = data.transpose("sample", ...)
    method: Literal["linear", "inverted_cdf"] = "linear" if share is None else "inverted_cdf"
    values = np.quantile(np.asarray(turned.values), levels, axis=0, weights=share, method=method)
    coords = {d: c for d, c in turned.coords.items() if d in turned.dims and d != "sample"}
    return xr.DataArray(values, coords, ("quantile", *turned.dims[1:]), attrs=data.attrs)
