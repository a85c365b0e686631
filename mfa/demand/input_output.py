"""What sectors need: Leontief's inputs of inputs, and sums of activity × intensity × share."""

from __future__ import annotations

import numpy as np
import xarray as xr

from mfa.demand.regression import Array
from mfa.dims import require_same_labels
from mfa.errors import MfaError

SHARES_SUM = 1e-6
"""How far the sum of the technology shares of a sector may lie from 1."""


def leontief_output(coefficients: xr.DataArray, final_demand: xr.DataArray) -> xr.DataArray:
    """Return what each sector has to put out for a final demand, x = (I − A)⁻¹ y.

    Parameters
    ----------
    coefficients : DataArray, dims (supplier, sector, ...)
        A: what one unit of a sector's output takes from each supplier [1]. ``supplier`` has the
        labels of ``sector``.
    final_demand : DataArray, dims (sector, ...)
        y, e.g. [USD/yr].

    Returns
    -------
    DataArray, dims (..., sector) [unit of y]

    Raises
    ------
    MfaError
        If labels differ, a coefficient is negative or NaN, or the sectors use up more than they
        make (the largest eigenvalue of A is not below 1).

    References
    ----------
    Leontief, W. (1936), Rev. Econ. Stat. 18, 105–125, doi:10.2307/1927837. The figures of the
    example: Miller, R. E., Blair, P. D. (2009), Input–Output Analysis, ch. 2,
    doi:10.1017/CBO9780511626982.

    Examples
    --------
    >>> names = ["agriculture", "manufacturing"]
    >>> a = xr.DataArray(
    ...     [[0.15, 0.25], [0.20, 0.05]], {"supplier": names, "sector": names})
    >>> y = xr.DataArray([600.0, 1500.0], {"sector": names})
    >>> leontief_output(a, y).values.round(2).tolist()
    [1247.52, 1841.58]
    """
    _require_productive(coefficients)
    _require_numbers("final_demand", final_demand, "sector")
    require_same_labels(coefficients=coefficients, final_demand=final_demand)
    result: xr.DataArray = xr.apply_ufunc(
        _solve,
        coefficients,
        final_demand,
        input_core_dims=[["supplier", "sector"], ["sector"]],
        output_core_dims=[["sector"]],
        join="exact",
    )
    return result.assign_attrs(units=final_demand.attrs.get("units", "1"))


def material_multiplier(coefficients: xr.DataArray, intensity: xr.DataArray) -> xr.DataArray:
    """Return the material that one unit of final demand needs in all sectors, m' = f' (I − A)⁻¹.

    Then m'y = f'x with x of :func:`leontief_output`, and m_s y_s is what the final demand of
    sector s stands for: the parts sum to the total.

    Parameters
    ----------
    coefficients : DataArray, dims (supplier, sector, ...)
        A, as in :func:`leontief_output`.
    intensity : DataArray, dims (sector, ...)
        f: material used directly per unit of a sector's output, e.g. [t/USD].

    Returns
    -------
    DataArray, dims (..., sector) [unit of f]

    Raises
    ------
    MfaError
        As :func:`leontief_output`.

    Examples
    --------
    Only the second sector uses the material; the first needs it through the second:

    >>> names = ["service", "metal"]
    >>> a = xr.DataArray([[0.0, 0.0], [0.5, 0.0]], {"supplier": names, "sector": names})
    >>> f = xr.DataArray([0.0, 2.0], {"sector": names})
    >>> material_multiplier(a, f).values.tolist()
    [1.0, 2.0]
    """
    _require_productive(coefficients)
    _require_numbers("intensity", intensity, "sector")
    require_same_labels(coefficients=coefficients, intensity=intensity)
    result: xr.DataArray = xr.apply_ufunc(
        _solve,
        coefficients.rename(supplier="sector", sector="supplier"),
        intensity,
        input_core_dims=[["supplier", "sector"], ["sector"]],
        output_core_dims=[["sector"]],
        join="exact",
    )
    return result.assign_attrs(units=intensity.attrs.get("units", "1"))


def sector_demand(
    activity: xr.DataArray, intensity: xr.DataArray, share: xr.DataArray | None = None
) -> xr.DataArray:
    """Return demand from the bottom up, D_u = activity_u · Σ_k share_uk · intensity_uk.

    Parameters
    ----------
    activity : DataArray, dims (sector, ...)
        What the sector makes, e.g. [vehicle/yr].
    intensity : DataArray, dims (sector, ...) or (sector, technology, ...)
        Material in one unit of it, e.g. [t/vehicle].
    share : DataArray, dims (sector, technology, ...), optional
        Share of each technology in the activity [1]; sums to 1. Needed if the intensity is told
        by technology.

    Returns
    -------
    DataArray, dims (..., sector)
        Its sum over ``sector`` is the total. Units are the caller's: set ``attrs["units"]``.

    Raises
    ------
    MfaError
        If labels differ, a value is NaN, shares do not sum to 1, or intensity has technologies
        and no shares are given.

    Examples
    --------
    Ten cars, a quarter of them with 2 units and the others with 1, and 3 trucks with 5:

    >>> names = ["car", "truck"]
    >>> activity = xr.DataArray([10.0, 3.0], {"sector": names})
    >>> by = {"sector": names, "technology": ["a", "b"]}
    >>> intensity = xr.DataArray([[2.0, 1.0], [5.0, 5.0]], by)
    >>> share = xr.DataArray([[0.25, 0.75], [1.0, 0.0]], by)
    >>> sector_demand(activity, intensity, share).values.tolist()
    [12.5, 15.0]
    """
    _require_numbers("activity", activity, "sector")
    _require_numbers("intensity", intensity, "sector")
    if share is None:
        if "technology" in intensity.dims:
            raise MfaError("the intensity is told by technology: give their share as well")
        require_same_labels(activity=activity, intensity=intensity)
        return activity * intensity
    _require_numbers("share", share, "technology")
    require_same_labels(activity=activity, intensity=intensity, share=share)
    total = share.sum("technology")
    if (worst := float(np.abs(total - 1.0).max())) > SHARES_SUM:
        raise MfaError(f"share: sums over technology to something else than 1 (off by {worst:.3g})")
    return activity * (intensity * share).sum("technology")


def _solve(coefficients: Array, right: Array) -> Array:
    """Return (I − A)⁻¹ right for matrices in the last two axes, vectors in the last."""
    identity = np.eye(coefficients.shape[-1])
    return np.asarray(np.linalg.solve(identity - coefficients, right[..., None])[..., 0])


def _require_productive(coefficients: xr.DataArray) -> None:
    _require_numbers("coefficients", coefficients, "supplier", "sector")
    suppliers, sectors = coefficients["supplier"].values, coefficients["sector"].values
    if not np.array_equal(suppliers, sectors):
        raise MfaError(
            f"coefficients: the labels of 'supplier' {list(suppliers)} must be those of 'sector' "
            f"{list(sectors)}, in the same order"
        )
    matrices = coefficients.transpose(..., "supplier", "sector").values
    if (matrices < 0).any():
        raise MfaError("coefficients: a sector cannot take a negative amount from a supplier")
    largest = float(np.abs(np.linalg.eigvals(matrices)).max())
    if largest >= 1:
        raise MfaError(
            f"coefficients: the sectors use up more than they make (largest eigenvalue "
            f"{largest:.4g}, must be below 1); columns are divided by the output of the sector"
        )


def _require_numbers(name: str, data: xr.DataArray, *dims: str) -> None:
    for dim in dims:
        if dim not in data.dims:
            raise MfaError(f"{name}: needs the dimension {dim!r}; has {list(data.dims)}")
    if not np.isfinite(data.values).all():
        raise MfaError(f"{name}: a value is NaN or infinite; absent is not zero")
