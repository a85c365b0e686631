"""Forecasts by a law of growth: S-curves of consumption, and of the stock in use behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from mfa import stocks
from mfa.demand import growth_laws
from mfa.demand.fits import fit
from mfa.demand.forecast_cases import Case, Outcome, method
from mfa.demand.regression import Array, error_paths
from mfa.errors import MfaError, known

LAWS: Mapping[str, Callable[..., Any]] = {
    "logistic": growth_laws.logistic,
    "gompertz": growth_laws.gompertz,
    "richards": growth_laws.richards,
    "modified_exponential": growth_laws.modified_exponential,
    "rise_and_decline": growth_laws.rise_and_decline,
}
"""Laws over income per head that a forecast can follow."""


@method(
    "s_curve",
    meaning="demand per head follows an S-curve over income per head",
    needs=("gdp_per_capita",),
    uses=("population",),
    reference="Wang et al. (2015), Natural Resources Research 24, 53-64",
)
def s_curve(
    case: Case, *, law: str = "gompertz", scale: str = "linear", errors: str = "drift"
) -> Outcome:
    """Fit and continue D/N = C(Y) with one of the :data:`LAWS`, errors in proportion.

    Where the data do not fix the saturation, the middle is the median of the draws along all
    laws that fit. With ``errors="drift"`` the last error stays and may go on growing, with
    ``"walk"`` it stays, with ``"ar1"`` it fades, with ``"independent"`` it is forgotten at once
    (:func:`mfa.demand.regression.error_paths`). In hindcasts the bands of the first hold most
    nearly what they promise.
    """
    past, ahead, drawn = case.population()
    mid, draws, estimates = _follow(case, case.history / past, law, scale, errors)
    return Outcome(mid * ahead, draws * drawn, estimates)


@method(
    "stock_driven",
    meaning="the stock in use per head follows an S-curve over income; demand replaces and adds",
    needs=("gdp_per_capita", "survival"),
    uses=("population",),
    reference="Mueller, Hilty, Widmer, Schluep, Faulstich (2014), Environ. Sci. Technol. 48, "
    "2102-2113, doi:10.1021/es403506a; Pauliuk, Milford, Mueller, Allwood (2013), "
    "Environ. Sci. Technol. 47, 3448-3454, doi:10.1021/es303149z",
)
def stock_driven(
    case: Case,
    *,
    law: str = "gompertz",
    scale: str = "linear",
    on_decline: str = "retire_early",
) -> Outcome:
    """Build the stock from the history, follow its S-curve per head, return the inflow it needs.

    The driver ``survival`` (age) is made with :mod:`mfa.lifetime` for all years of history and
    horizon. Nothing is in use before the first year of the history, which has to lie far enough
    back. The last ratio of stock and law stays (a random walk), so that the stock goes on
    without a jump, which demand would feel at once. Where the stock falls faster than it
    retires, demand is 0 and the stock retires early; ``on_decline="raise"`` stops instead.
    Demand follows the yearly change of income: give a smooth path of it.
    """
    survival = case.expected["survival"]
    inflow = xr.DataArray(case.history, {"year": case.years})
    known_stock = stocks.from_inflow(inflow, survival).stock.values
    past, ahead, drawn = case.population()
    mid, draws, estimates = _follow(case, known_stock / past, law, scale, "walk")
    paths = np.vstack([mid * ahead, draws * drawn])
    whole = np.hstack([np.broadcast_to(known_stock, (len(paths), len(case.years))), paths])
    years = np.concatenate([case.years, case.ahead_years])
    samples = xr.DataArray(
        whole, {"sample": np.arange(len(whole)), "year": years}, ("sample", "year")
    )
    needed = stocks.from_stock(samples, survival, on_decline=on_decline).inflow
    found = needed.transpose("sample", "year").values[:, len(case.years) :]
    return Outcome(found[0], found[1:], estimates)


def _follow(
    case: Case, per_head: Array, law: str, scale: str, errors: str
) -> tuple[Array, Array, dict[str, tuple[float, float]]]:
    """Fit a law over income; return it ahead (h,), its draws (samples, h) and its parameters."""
    if law not in LAWS:
        raise MfaError(f"unknown law {law!r}. {known(law, LAWS, 'laws')}")
    case.require_positive_driver("gdp_per_capita")
    if not (per_head > 0).all():
        year = case.years[int(np.argmax(~(per_head > 0)))]
        raise MfaError(f"nothing was used by {year}; start the history later")
    income = xr.DataArray(case.past("gdp_per_capita"), {"year": case.years})
    used = xr.DataArray(per_head, {"year": case.years})
    fitted = fit(law, income, used, x_dim="year", scale=scale, noise="relative")
    after = xr.DataArray(case.ahead("gdp_per_capita"), {"year": case.ahead_years})

    parameters = fitted.sample(case.samples, seed=int(case.rng.integers(2**31)))
    columns = {str(name): parameters[name].values[:, None] for name in parameters}
    drawn = LAWS[law](case.draws("gdp_per_capita"), scale=scale, **columns)

    residuals = np.log(per_head / fitted.predict(income, noise=False)[1].values)
    carried, noise = error_paths(
        residuals, fitted.degrees, errors, case.horizon, case.samples, case.rng
    )
    mid = fitted.predict(after, noise=False)[1].values * np.exp(carried)
    draws = drawn * np.exp(np.minimum(carried + noise, 300.0))
    error = fitted.standard_error
    estimates = {name: (value, error[name]) for name, value in fitted.parameters.items()}
    return mid, np.asarray(draws), estimates | {"identified": (float(fitted.identified), 0.0)}
