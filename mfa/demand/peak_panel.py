"""Do later industrialisers peak lower, and at a higher income? A test over countries."""

from __future__ import annotations

import numpy as np
import xarray as xr

from mfa.demand.options import number, share, whole
from mfa.demand.wave_order import peak_shift
from mfa.dims import require_same_labels
from mfa.errors import MfaError


def take_off_year(gdp_per_capita: xr.DataArray, income: float) -> xr.DataArray:
    """Return the first year from which income per head never falls below a level again.

    Parameters
    ----------
    gdp_per_capita : DataArray, dims (year, ...)
    income : float
        The income of take-off, in the unit of ``gdp_per_capita``.

    Returns
    -------
    DataArray, dims (...), NaN where the level is not reached for good, or was passed before the
    first year and the year of take-off is therefore unknown.

    Raises
    ------
    MfaError
        If a value is NaN.

    Examples
    --------
    >>> gdp = xr.DataArray([1.0, 3.0, 2.0, 3.0, 4.0], {"year": range(1900, 1905)})
    >>> float(take_off_year(gdp, 2.5))
    1903.0
    """
    _require_numbers("gdp_per_capita", gdp_per_capita)
    number("income", income)
    years = gdp_per_capita["year"]
    below = gdp_per_capita < income
    last_below = years.where(below).max("year")
    return (last_below + 1).where(last_below < years.max())


def observed_peak(
    intensity: xr.DataArray, gdp_per_capita: xr.DataArray, window: int = 5
) -> xr.Dataset:
    """Return where the moving average of intensity is highest, and whether that is a peak.

    Parameters
    ----------
    intensity : DataArray, dims (year, ...)
        Use per unit of GDP.
    gdp_per_capita : DataArray, dims (year, ...)
    window : int
        Years of the centred moving average; odd.

    Returns
    -------
    Dataset, dims (...)
        ``height`` of the averaged peak, its ``income`` and ``year``, and ``passed``: False where
        the highest value stands at an edge of the data, so that no peak was seen.

    Raises
    ------
    MfaError
        If labels differ, a value is NaN or the window is even or too long.

    Examples
    --------
    >>> years = range(2000, 2007)
    >>> use = xr.DataArray([1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0], {"year": years})
    >>> income = xr.DataArray(np.arange(10.0, 17.0), {"year": years})
    >>> peak = observed_peak(use, income, window=3)
    >>> int(peak.year), float(peak.income), bool(peak.passed)
    (2003, 13.0, True)
    """
    _require_numbers("intensity", intensity)
    _require_numbers("gdp_per_capita", gdp_per_capita)
    require_same_labels(intensity=intensity, gdp_per_capita=gdp_per_capita)
    if whole("window", window) < 1 or window % 2 == 0 or window > intensity.sizes["year"]:
        raise MfaError(
            f"window {window} must be odd and not above the {intensity.sizes['year']} years"
        )
    smooth = intensity.rolling(year=window, center=True).mean()
    known = smooth.isel(year=slice(window // 2, smooth.sizes["year"] - window // 2))
    at = known.argmax("year")
    year = known["year"].isel(year=at).drop_vars("year")
    return xr.Dataset(
        {
            "height": known.max("year"),
            "income": gdp_per_capita.sel(year=year).drop_vars("year"),
            "year": year,
            "passed": (at > 0) & (at < known.sizes["year"] - 1),
        }
    )


def panel_test(
    take_off: xr.DataArray, height: xr.DataArray, position: xr.DataArray, level: float = 0.95
) -> xr.Dataset:
    """Test over countries that later industrialisers peak lower and later.

    By least squares ln height_i = a − b T_i (claim ``lower``) and ln position_i = a + b T_i
    (claim ``later``), T the year of take-off: for both, b > 0 is what the claim says. The
    interval and the confidence are of the t distribution with n − 2 degrees of freedom.

    Parameters
    ----------
    take_off : DataArray, dims (region,) [year]
    height : DataArray, dims (region,)
        Intensity of use at its peak.
    position : DataArray, dims (region,)
        Income per head at the peak.
    level : float
        Of the interval.

    Returns
    -------
    Dataset, dims (claim,)
        ``b`` [1/yr], ``standard_error``, ``low``, ``high``, ``sign`` (+1, −1) of b and
        ``confidence`` that it has this sign, one-sided; ``tau``, the rank correlation in the
        direction of the claim, and ``p_tau`` (:func:`mfa.demand.peak_shift`); attribute
        ``countries``.

    Raises
    ------
    MfaError
        If labels differ, a value is NaN or not above 0, or there are fewer than four countries.

    References
    ----------
    Malenbaum (1978), World Demand for Raw Materials in 1985 and 2000; Bernardini, O., Galli, R.
    (1993), Futures 25, 431–448, doi:10.1016/0016-3287(93)90005-E.

    Examples
    --------
    Peaks that fall by 1 % for each year of delay, with no scatter but one of ±1 %:

    >>> regions = {"region": ["GB", "US", "JP", "KR"]}
    >>> year = xr.DataArray([1850.0, 1880.0, 1920.0, 1970.0], regions)
    >>> scatter = np.array([0.01, -0.01, -0.01, 0.01])
    >>> height = np.exp(-0.01 * (year - 1850) + scatter)
    >>> told = panel_test(year, height, position=np.exp(0.002 * year + scatter))
    >>> told.b.values.round(3).tolist(), told.sign.values.tolist()
    ([0.01, 0.002], [1.0, 1.0])
    """
    from scipy import stats

    share("level", level)
    given = {"take_off": take_off, "height": height, "position": position}
    for name, data in given.items():
        if data.ndim != 1:
            raise MfaError(f"{name}: needs one dimension, the countries; has {list(data.dims)}")
        _require_numbers(name, data)
        if not (data.values > 0).all():
            raise MfaError(f"{name}: must be above 0 everywhere")
    require_same_labels(**given)
    rows = []
    freedom = take_off.size - 2
    for expected, sign, data in (("falls", -1.0, height), ("rises", 1.0, position)):
        shift = peak_shift(take_off.values, data.values, expected=expected)
        b, error = sign * shift.slope, shift.standard_error
        reach = float(stats.t.ppf((1 + level) / 2, freedom)) * error
        sure = max(shift.p, 1 - shift.p)
        rows.append(
            (b, error, b - reach, b + reach, float(np.sign(b)), sure, sign * shift.tau, shift.p_tau)
        )
    names = ("b", "standard_error", "low", "high", "sign", "confidence", "tau", "p_tau")
    columns = zip(names, np.array(rows).T, strict=True)
    result = xr.Dataset(
        {name: ("claim", values) for name, values in columns},
        coords={"claim": ["lower", "later"]},
        attrs={"countries": int(take_off.size), "level": level},
    )
    for name in names[:4]:
        result[name].attrs["units"] = "1/yr"
    return result


def _require_numbers(name: str, data: xr.DataArray) -> None:
    if not np.isfinite(data.values).all():
        raise MfaError(f"{name}: a value is NaN or infinite; select the countries that have one")
