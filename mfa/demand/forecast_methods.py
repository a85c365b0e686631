"""The forecasting methods of the package: four families, an S-curve, a stock, naive growth."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from mfa.demand.forecast_cases import Case, Outcome, method
from mfa.demand.input_output import material_multiplier, sector_demand
from mfa.demand.intensity import inverted_u
from mfa.demand.options import whole
from mfa.demand.regression import Array, Regression, error_paths, ols, widened_normal
from mfa.errors import MfaError, known

FORMS = ("quadratic", "log_quadratic")
"""Forms of the inverted U."""

ANCHORS = ("last", "none")
"""Whether a model of sectors is scaled to the last observed value."""


@method(
    "naive",
    meaning="the mean growth of the last years goes on",
    reference="Hyndman, Athanasopoulos (2021), Forecasting: Principles and Practice, 5.2 (drift)",
)
def naive(case: Case, *, last: int = 10) -> Outcome:
    """Continue with the mean growth of the ``last`` years: D_{T+h} = D_T e^{g h}.

    The band is that of a random walk of ln D with the estimated drift g.
    """
    case.require_positive("growth has no meaning there")
    if not 2 <= whole("naive: last", last) < len(case.history):
        raise MfaError(
            f"naive: growth of the last {last} years needs more than {last} years of history and "
            f"last ≥ 2; there are {len(case.history)} years up to {case.years[-1]}"
        )
    steps = np.diff(np.log(case.history[-last - 1 :]))
    rate = steps.mean()
    spread = float(np.sqrt(((steps - rate) ** 2).sum() / (last - 1)))
    ahead = np.arange(1, case.horizon + 1)
    rates = widened_normal(case.samples, 1, last - 1, case.rng) * spread / np.sqrt(last)
    walk = _walk(case, spread, last - 1)
    mid = case.history[-1] * np.exp(rate * ahead)
    return Outcome(
        mid, mid * _exp(rates * ahead + walk), {"growth": (rate, spread / np.sqrt(last))}
    )


@method(
    "last_value",
    meaning="the last observed value stays",
    reference="Hyndman, Athanasopoulos (2021), Forecasting: Principles and Practice, 5.2 (naive)",
)
def last_value(case: Case) -> Outcome:
    """Hold the last value, D_{T+h} = D_T; the band is that of a random walk of ln D."""
    case.require_positive("its logarithm is needed")
    steps = np.diff(np.log(case.history))
    if not len(steps):
        raise MfaError("last_value: one year of history says nothing about its errors; give more")
    spread = float(np.sqrt((steps**2).mean()))
    mid = np.full(case.horizon, case.history[-1])
    return Outcome(mid, mid * _exp(_walk(case, spread, len(steps))))


@method(
    "econometric",
    meaning="demand per head follows income and price with constant elasticities, and a trend",
    needs=("gdp_per_capita",),
    uses=("price", "population"),
    reference="Pei, Tilton (1999), Resources Policy 25, 11-20",
)
def econometric(
    case: Case, *, trend: bool = True, covariance: str = "newey_west", errors: str = "drift"
) -> Outcome:
    """Fit and continue ln(D/N) = a + e_Y ln Y + e_P ln P + g (t − T), the price if there is one.

    ``covariance`` is that of the estimates (``plain`` or ``newey_west``). With ``errors="drift"``
    the last error stays and may go on growing, with ``"walk"`` it stays, with ``"ar1"`` it fades
    (ρ^h), with ``"independent"`` it is forgotten (:func:`mfa.demand.regression.error_paths`).
    In hindcasts the bands of the first hold most nearly what they promise.
    """
    if not isinstance(trend, bool):
        raise MfaError(f"econometric: trend is True or False, found {trend!r}")
    case.require_positive("its logarithm is needed")
    drivers = {"income_elasticity": "gdp_per_capita"}
    if case.has("price"):
        drivers["price_elasticity"] = "price"
    for name in drivers.values():
        case.require_positive_driver(name)

    def terms(get: Callable[[str], Array], years: np.ndarray) -> Array:
        columns = [np.log(get(name)) for name in drivers.values()]
        if trend:
            columns.append((years - case.years[-1]).astype(float))
        return _columns(np.ones(len(years)), *columns)

    names = ["constant", *drivers, *(["trend"] if trend else [])]
    past, ahead, drawn = case.population()
    fit = ols(
        terms(case.past, case.years), np.log(case.history / past), names, covariance=covariance
    )
    mid, draws = _linear(case, fit, terms, errors)
    return Outcome(np.exp(mid) * ahead, _exp(draws) * drawn, _estimates(fit))


@method(
    "intensity",
    meaning="demand per unit of GDP rises and falls with income (inverted U)",
    needs=("gdp_per_capita",),
    uses=("population",),
    reference="Malenbaum (1978), World Demand for Raw Materials in 1985 and 2000, McGraw-Hill",
)
def intensity(
    case: Case,
    *,
    form: str = "log_quadratic",
    covariance: str = "newey_west",
    errors: str = "drift",
) -> Outcome:
    """Fit intensity I = D/(N Y) over income, then D = I(Y) Y N.

    ``quadratic``: I = a + b Y + c Y², which counts as 0 where it falls below it;
    ``log_quadratic``: ln I = a + b ln Y + c (ln Y)². The income of the peak (−b/2c, or its
    exponential) is among the estimates, with its delta-method error, NaN where c ≥ 0; and so is
    the probability p of the Lind–Mehlum test of the shape (:func:`mfa.demand.intensity.inverted_u`).
    ``covariance`` and ``errors`` as in econometric.
    """
    if form not in FORMS:
        raise MfaError(f"intensity: unknown form {form!r}. {known(form, FORMS, 'forms')}")
    case.require_positive_driver("gdp_per_capita")
    logarithmic = form == "log_quadratic"
    if logarithmic:
        case.require_positive("its logarithm is needed")

    def terms(get: Callable[[str], Array], years: np.ndarray) -> Array:
        income = get("gdp_per_capita")
        over = np.log(income) if logarithmic else income
        return _columns(np.ones(len(years)), over, over**2)

    past, ahead, drawn = case.population()
    observed = case.history / past / case.past("gdp_per_capita")
    response = np.log(observed) if logarithmic else observed
    fit = ols(terms(case.past, case.years), response, ["constant", "linear", "square"], covariance)
    mid, draws = _linear(case, fit, terms, errors)
    if logarithmic:
        mid, draws = np.exp(mid), _exp(draws)
    mid, draws = np.maximum(mid, 0.0), np.maximum(draws, 0.0)
    estimates = _estimates(fit) | {"peak_income": _peak(fit, logarithmic)}
    shape = inverted_u(case.past("gdp_per_capita"), observed, form=form)
    estimates["lind_mehlum_p"] = (shape.p, float("nan"))
    return Outcome(
        mid * case.ahead("gdp_per_capita") * ahead,
        draws * case.draws("gdp_per_capita") * drawn,
        estimates,
    )


@method(
    "input_output",
    meaning="final demand of sectors times the material that all their suppliers need (Leontief)",
    needs=("technical_coefficients", "material_intensity", "final_demand"),
    reference="Leontief (1936), Review of Economics and Statistics 18, 105-125, doi:10.2307/1927837",
)
def input_output(case: Case, *, anchor: str = "last") -> Outcome:
    """Return D = f' (I − A)⁻¹ y.

    ``technical_coefficients`` A (supplier, sector) and ``material_intensity`` f (sector), each
    by year or for all years, ``final_demand`` y (year, sector). With ``anchor="last"`` the model
    is scaled to the last observed value, with ``"none"`` it is taken as it is.
    """

    def model(drivers: Mapping[str, xr.DataArray]) -> xr.DataArray:
        multiplier = material_multiplier(
            drivers["technical_coefficients"], drivers["material_intensity"]
        )
        return (multiplier * drivers["final_demand"]).sum("sector")

    return _structural(case, model, anchor)


@method(
    "sectors",
    meaning="sum over sectors of activity times intensity times share of technology",
    needs=("activity", "intensity"),
    uses=("share",),
    reference="Watari, Nansai, Nakajima (2020), Resour. Conserv. Recycl. 155, 104669, "
    "doi:10.1016/j.resconrec.2019.104669",
)
def sectors(case: Case, *, anchor: str = "last") -> Outcome:
    """Return D = Σ_u activity_u Σ_k share_uk intensity_uk; ``anchor`` as in input_output."""

    def model(drivers: Mapping[str, xr.DataArray]) -> xr.DataArray:
        parts = sector_demand(drivers["activity"], drivers["intensity"], drivers.get("share"))
        return parts.sum("sector")

    return _structural(case, model, anchor)


def _structural(
    case: Case, model: Callable[[Mapping[str, xr.DataArray]], xr.DataArray], anchor: str
) -> Outcome:
    """Run a model of sectors; its errors in the past tell those ahead.

    Anchored, ln(observed/model) is a random walk from its last value; not anchored, it is noise
    about 0.
    """
    if anchor not in ANCHORS:
        raise MfaError(f"unknown anchor {anchor!r}. {known(anchor, ANCHORS)}")
    case.require_positive("its ratio to the model is needed")
    count = len(case.years)
    whole = np.broadcast_to(model(case.expected).values, count + case.horizon)
    past, ahead = whole[:count], whole[count:]
    drawn = np.atleast_2d(model(case.drawn).transpose(..., "year", missing_dims="ignore").values)
    if not (past > 0).all():
        raise MfaError(f"the model gives nothing in {case.years[int(np.argmax(~(past > 0)))]}")
    ratio = np.log(case.history / past)
    if anchor == "none":
        spread = float(np.sqrt((ratio**2).mean()))
        noise = spread * widened_normal(case.samples, case.horizon, count, case.rng)
        return Outcome(ahead, drawn * _exp(noise), {"anchor": (1.0, 0.0)})
    if count < 2:
        raise MfaError("one year of history says nothing about the errors of the model; give more")
    steps = np.diff(ratio)
    spread = float(np.sqrt((steps**2).mean()))
    factor = float(np.exp(ratio[-1]))
    walk = _walk(case, spread, count - 1)
    return Outcome(
        ahead * factor, drawn * factor * _exp(walk), {"anchor": (factor, factor * spread)}
    )


def _linear(
    case: Case, fit: Regression, terms: Callable[..., Array], errors: str
) -> tuple[Array, Array]:
    """Continue a regression: the middle (h,) and draws (samples, h) with all errors."""
    carried, noise = error_paths(
        fit.residuals, fit.freedom, errors, case.horizon, case.samples, case.rng
    )
    mid = terms(case.ahead, case.ahead_years) @ fit.coefficients + carried
    coefficients = fit.draws(case.samples, case.rng)
    drawn = terms(case.draws, case.ahead_years)
    draws = (drawn * coefficients[:, None, :]).sum(-1) + carried + noise
    return mid, draws


def _columns(*columns: Array) -> Array:
    """Stack terms as the last axis; a constant rides along."""
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


def _exp(draws: Array) -> Array:
    """Return e to the power of draws; few data have wide tails, which must not overflow."""
    return np.asarray(np.exp(np.minimum(draws, 300.0)))


def _walk(case: Case, spread: float, freedom: int) -> Array:
    """Return random walks (samples, h) with steps of the given spread."""
    steps = spread * widened_normal(case.samples, case.horizon, freedom, case.rng)
    return np.asarray(np.cumsum(steps, axis=1))


def _estimates(fit: Regression) -> dict[str, tuple[float, float]]:
    pairs = zip(fit.coefficients.tolist(), fit.standard_error.tolist(), strict=True)
    return dict(zip(fit.names, pairs, strict=True))


def _peak(fit: Regression, logarithmic: bool) -> tuple[float, float]:
    """Return the income of the peak, −b/2c or its exponential, and its delta-method error."""
    _, linear, square = fit.coefficients.tolist()
    if square >= 0:
        return float("nan"), float("nan")
    peak = -linear / (2 * square)
    slope = np.array([0.0, -1 / (2 * square), linear / (2 * square**2)])
    if logarithmic:
        peak = float(np.exp(peak))
        slope = slope * peak
    return peak, float(np.sqrt(slope @ fit.covariance @ slope))
