"""Forecasts: exact on exact data, blind to what comes later, kind about what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mfa import lifetime, stocks
from mfa.demand import growth_laws
from mfa.demand.backtests import backtest, error_figure, error_table
from mfa.demand.forecast_cases import METHODS, Case, Outcome, method
from mfa.demand.forecasts import continued, forecast
from mfa.demand.input_output import leontief_output, material_multiplier, sector_demand
from mfa.dims import years
from mfa.errors import MfaError

YEARS = np.arange(1950, 2011)
ORIGIN = 2000
AGE = YEARS - ORIGIN
SECTORS = ["mining", "metal", "car"]


def by_year(values: Any, years: Any = YEARS, **coords: Any) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, float), {"year": years, **coords})


INCOME = by_year(8.0 * np.exp(0.025 * AGE + 0.1 * np.sin(AGE / 3)))
PRICE = by_year(50.0 * np.exp(0.3 * np.cos(AGE / 5)))
PEOPLE = by_year(1e6 * np.exp(0.01 * AGE))
DRIVERS = {"gdp_per_capita": INCOME, "price": PRICE, "population": PEOPLE}
COEFFICIENTS = xr.DataArray(
    [[0.1, 0.3, 0.05], [0.05, 0.2, 0.4], [0.02, 0.0, 0.1]],
    {"supplier": SECTORS, "sector": SECTORS},
)
FINAL = xr.DataArray(
    np.exp(0.02 * AGE)[:, None] * [1.0, 2.0, 10.0], {"year": YEARS, "sector": SECTORS}
)
SECTORAL = {
    "technical_coefficients": COEFFICIENTS,
    "material_intensity": xr.DataArray([0.0, 0.8, 0.1], {"sector": SECTORS}),
    "final_demand": FINAL,
    "activity": FINAL,
    "intensity": xr.DataArray([0.1, 0.5, 2.0], {"sector": SECTORS}),
}


def until(data: xr.DataArray, origin: int = ORIGIN) -> xr.DataArray:
    return data.sel(year=slice(None, origin))


def after(data: xr.DataArray, count: int = 10) -> Any:
    return data.sel(year=np.arange(ORIGIN + 1, ORIGIN + 1 + count)).values


def noisy(data: xr.DataArray, size: float = 0.05, seed: int = 3) -> xr.DataArray:
    return data * np.exp(size * np.random.default_rng(seed).standard_normal(data.shape))


# ------------------------------------------------------------------- exact


@settings(max_examples=25, deadline=None)
@given(
    income=st.floats(-0.5, 2.0),
    price=st.floats(-1.0, 0.0),
    trend=st.floats(-0.03, 0.03),
    covariance=st.sampled_from(["plain", "newey_west"]),
    errors=st.sampled_from(["independent", "ar1"]),
)
def test_elasticities_come_back_exactly_from_data_without_noise(
    income: float, price: float, trend: float, covariance: str, errors: str
) -> None:
    demand = PEOPLE * 3.0 * INCOME**income * PRICE**price * np.exp(trend * by_year(AGE))
    told = forecast(
        "econometric", until(demand), DRIVERS, 10,
        samples=50, covariance=covariance, errors=errors,
    )  # fmt: skip
    estimate = told.estimate.sel(parameter=["income_elasticity", "price_elasticity", "trend"])
    np.testing.assert_allclose(estimate, [income, price, trend], atol=1e-9)
    for bound in ("low", "mid", "high"):
        np.testing.assert_allclose(told[bound], after(demand), rtol=1e-8)


def test_standard_errors_of_elasticities_are_those_of_repeated_samples() -> None:
    demand = 3.0 * INCOME**1.2 * PRICE**-0.4
    drivers = {"gdp_per_capita": INCOME, "price": PRICE}
    runs = [
        forecast("econometric", until(noisy(demand, 0.1, seed)), drivers, 1,
                 samples=2, covariance="plain")
        for seed in range(300)
    ]  # fmt: skip
    names = ["income_elasticity", "price_elasticity"]
    found = np.array([run.estimate.sel(parameter=names).values for run in runs])
    told = np.array([run.standard_error.sel(parameter=names).values for run in runs])
    np.testing.assert_allclose(found.std(axis=0), told.mean(axis=0), rtol=0.15)
    np.testing.assert_allclose(found.mean(axis=0), [1.2, -0.4], atol=0.02)


def test_newey_west_errors_grow_with_memory_and_ar1_carries_the_last_error() -> None:
    rng = np.random.default_rng(5)
    error = np.zeros(len(YEARS))
    for year in range(1, len(YEARS)):
        error[year] = 0.9 * error[year - 1] + 0.05 * rng.standard_normal()
    demand = until(INCOME * np.exp(by_year(error)))
    drivers = {"gdp_per_capita": INCOME}
    told = {
        kind: forecast(
            "econometric",
            demand,
            drivers,
            10,
            covariance=kind,
            trend=False,
            errors="independent",
        )
        for kind in ("plain", "newey_west")
    }
    wider = told["newey_west"].standard_error / told["plain"].standard_error
    assert float(wider.sel(parameter="income_elasticity")) > 1.3
    carried = forecast("econometric", demand, drivers, 10, trend=False, errors="ar1")
    ratio = np.log(carried.mid / told["newey_west"].mid).values
    fit = told["newey_west"].estimate
    last = np.log(demand) - fit.sel(parameter="constant")
    last = float(last[-1] - fit.sel(parameter="income_elasticity") * np.log(until(INCOME))[-1])
    assert np.all(np.abs(np.diff(ratio)) > 0) and np.all(np.sign(ratio) == np.sign(last))
    np.testing.assert_allclose(ratio[1:] / ratio[:-1], ratio[0] / last, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(form=st.sampled_from(["quadratic", "log_quadratic"]), peak=st.floats(5.0, 12.0))
def test_the_peak_of_an_inverted_u_comes_back_exactly(form: str, peak: float) -> None:
    over = np.log(INCOME) - np.log(peak) if form == "log_quadratic" else INCOME - peak
    use = np.exp(1.0 - 0.6 * over**2) if form == "log_quadratic" else 5.0 - 0.02 * over**2
    demand = use * INCOME * PEOPLE
    told = forecast("intensity", until(demand), DRIVERS, 10, form=form, samples=50)
    assert float(told.estimate.sel(parameter="peak_income")) == pytest.approx(peak, rel=1e-8)
    np.testing.assert_allclose(told.mid, after(demand), rtol=1e-8)
    np.testing.assert_allclose(told.high, after(demand), rtol=1e-7)


def test_intensity_without_a_peak_says_so_and_never_falls_below_nothing() -> None:
    rising = forecast("intensity", until(INCOME**2), {"gdp_per_capita": INCOME**1.0}, 2, samples=9)
    assert float(rising.estimate.sel(parameter="linear")) == pytest.approx(1.0)
    fast = {"gdp_per_capita": by_year(np.where(AGE > 0, 40.0, INCOME.values))}
    falling = until((5.0 - 0.1 * (INCOME - 5.0) ** 2) * INCOME)
    told = forecast("intensity", falling, fast, 3, form="quadratic", samples=50)
    assert (told.mid == 0).all() and (told.low == 0).all()
    upward = until((1.0 + 0.1 * (INCOME - 5.0) ** 2) * INCOME)
    told = forecast("intensity", upward, {"gdp_per_capita": INCOME}, 3, form="quadratic")
    assert np.isnan(told.estimate.sel(parameter="peak_income"))


def test_naive_growth_and_last_value_by_hand() -> None:
    history = by_year([1.0, 10.0, 11.0, 14.4], np.arange(2017, 2021)).assign_attrs(units="t/yr")
    told = forecast("naive", history, horizon=2, last=2)
    np.testing.assert_allclose(told.mid, [14.4 * 1.2, 14.4 * 1.44])
    assert told.mid.attrs["units"] == "t/yr" and told.year.values.tolist() == [2021, 2022]
    assert forecast("last_value", history, horizon=2).mid.values.tolist() == [14.4, 14.4]


# ----------------------------------------------------------------- sectors


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 6))
def test_material_of_final_demand_equals_material_of_all_output(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(count)]
    a = rng.random((count, count))
    a *= 0.9 / a.sum(axis=0).max()
    coefficients = xr.DataArray(a, {"supplier": names, "sector": names})
    final = xr.DataArray(rng.random(count), {"sector": names})
    intensity = xr.DataArray(rng.random(count), {"sector": names})
    output = leontief_output(coefficients, final)
    np.testing.assert_allclose(output - a @ output.values, final, atol=1e-12)
    parts = material_multiplier(coefficients, intensity) * final
    assert float(parts.sum()) == pytest.approx(float((intensity * output).sum()), rel=1e-12)


def test_leontief_with_coefficients_by_year_is_leontief_of_each_year() -> None:
    factor = xr.DataArray([1.0, 0.5], {"year": [2000, 2010]})
    moving = COEFFICIENTS * factor
    both = leontief_output(moving, FINAL.sel(year=[2000, 2010]))
    for year in (2000, 2010):
        alone = leontief_output(moving.sel(year=year), FINAL.sel(year=year))
        np.testing.assert_allclose(both.sel(year=year), alone, rtol=1e-14)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (COEFFICIENTS * 5, "use up more than they make (largest eigenvalue"),
        (-COEFFICIENTS, "negative amount"),
        (COEFFICIENTS.assign_coords(supplier=["a", "b", "c"]), "must be those of 'sector'"),
        (COEFFICIENTS * np.nan, "absent is not zero"),
        (COEFFICIENTS.isel(supplier=0), "needs the dimension 'supplier'"),
    ],
)
def test_a_table_that_cannot_be_is_refused(changed: xr.DataArray, says: str) -> None:
    with pytest.raises(MfaError) as caught:
        leontief_output(changed, FINAL)
    assert says in str(caught.value)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_sectors_sum_to_the_total(seed: int) -> None:
    rng = np.random.default_rng(seed)
    by = {"sector": SECTORS, "technology": ["a", "b"]}
    share = xr.DataArray(rng.dirichlet([1, 1], 3), by)
    intensity = xr.DataArray(rng.random((3, 2)), by)
    parts = sector_demand(FINAL, intensity, share)
    drivers = {"activity": FINAL, "intensity": intensity, "share": share}
    total = (FINAL * intensity * share).sum(["sector", "technology"])
    told = forecast("sectors", until(total), drivers, 10, anchor="none", samples=20)
    np.testing.assert_allclose(told.mid, after(parts.sum("sector")), rtol=1e-12)
    with pytest.raises(MfaError, match="something else than 1"):
        sector_demand(FINAL, intensity, share * 0.9)


@pytest.mark.parametrize("name", ["input_output", "sectors"])
def test_models_of_sectors_are_taken_as_they_are_or_scaled_to_the_last_year(name: str) -> None:
    if name == "input_output":
        multiplier = material_multiplier(COEFFICIENTS, SECTORAL["material_intensity"])
        model = (multiplier * FINAL).sum("sector")
    else:
        model = sector_demand(FINAL, SECTORAL["intensity"]).sum("sector")
    as_it_is = forecast(name, until(2 * model), SECTORAL, 10, anchor="none", samples=20)
    scaled = forecast(name, until(2 * model), SECTORAL, 10, samples=20)
    np.testing.assert_allclose(as_it_is.mid, after(model), rtol=1e-12)
    np.testing.assert_allclose(scaled.mid, 2 * after(model), rtol=1e-12)
    assert float(scaled.estimate.sel(parameter="anchor")) == pytest.approx(2.0)


# -------------------------------------------------------------------- laws

SURVIVAL = lifetime.weibull(years(1950, 2010), mean=20, shape=3)


@settings(max_examples=10, deadline=None)
@given(
    law=st.sampled_from(["logistic", "gompertz"]),
    scale=st.sampled_from(["linear", "log"]),
    midpoint=st.floats(3.0, 6.0),
)
def test_an_s_curve_goes_on_as_it_was(law: str, scale: str, midpoint: float) -> None:
    rate = 0.6 if scale == "linear" else 2.5
    demand = PEOPLE * getattr(growth_laws, law)(
        INCOME, saturation=0.5, midpoint=midpoint, rate=rate, scale=scale
    )
    told = forecast("s_curve", until(demand), DRIVERS, 10, law=law, scale=scale, samples=50)
    for bound in ("low", "mid", "high"):
        np.testing.assert_allclose(told[bound], after(demand), rtol=1e-5)
    names = ["saturation", "midpoint", "rate", "identified"]
    found = told.estimate.sel(parameter=names)
    np.testing.assert_allclose(found, [0.5, midpoint, rate, 1.0], rtol=1e-5)


def test_an_s_curve_that_data_do_not_fix_has_a_wide_band_and_says_so() -> None:
    demand = noisy(growth_laws.logistic(INCOME, saturation=100.0, midpoint=15.0, rate=0.3), 0.1)
    seen = {"gdp_per_capita": INCOME.where(AGE <= 0, 30.0)}
    told = forecast("s_curve", until(demand), seen, 5, law="logistic")
    assert float(told.estimate.sel(parameter="identified")) == 0.0
    assert (told.high / told.low > 3).all()


def test_a_stock_that_follows_an_s_curve_asks_for_what_it_loses_and_gains() -> None:
    level = growth_laws.logistic(INCOME, saturation=8.0, midpoint=6.0, rate=0.5)
    use = stocks.from_stock(PEOPLE * level, SURVIVAL)
    told = forecast(
        "stock_driven", until(use.inflow), DRIVERS | {"survival": SURVIVAL}, 10,
        law="logistic", samples=50,
    )  # fmt: skip
    for bound in ("low", "mid", "high"):
        np.testing.assert_allclose(told[bound], after(use.inflow), rtol=1e-4)
    np.testing.assert_allclose(told.estimate.sel(parameter="saturation"), 8.0, rtol=1e-5)


def test_a_stock_off_its_curve_goes_on_without_a_jump_of_demand() -> None:
    bend = np.exp(by_year(0.1 * np.sin(AGE / 12 - 1)))
    level = growth_laws.logistic(INCOME, saturation=8.0, midpoint=6.0, rate=0.5)
    use = stocks.from_stock(PEOPLE * level * bend, SURVIVAL)
    told = forecast(
        "stock_driven", until(use.inflow), DRIVERS | {"survival": SURVIVAL}, 3, law="logistic"
    )
    last = until(use.inflow)[-1].item()
    assert 0.5 * last < told.mid[0].item() < 2 * last


def test_a_shrinking_stock_asks_for_nothing_or_stops_as_chosen() -> None:
    level = growth_laws.logistic(INCOME, saturation=8.0, midpoint=6.0, rate=0.5)
    use = stocks.from_stock(PEOPLE * level, SURVIVAL)
    drivers = DRIVERS | {"survival": SURVIVAL, "population": PEOPLE.where(AGE < 3, 1e5)}
    call = {"drivers": drivers, "horizon": 5, "law": "logistic", "samples": 20}
    told = forecast("stock_driven", until(use.inflow), **call)
    assert (told.mid.sel(year=[2001, 2002]) > 0).all() and float(told.mid.sel(year=2003)) == 0.0
    with pytest.raises(MfaError, match="2003"):
        forecast("stock_driven", until(use.inflow), on_decline="raise", **call)


# --------------------------------------------------------------- interface


def test_regions_ride_along_and_do_not_touch_each_other() -> None:
    factor = xr.DataArray([1.0, 5.0], {"region": ["CN", "DE"]})
    demand = until(noisy(PEOPLE * INCOME) * factor)
    drivers = {"gdp_per_capita": INCOME, "population": PEOPLE * factor}
    told = forecast("econometric", demand, drivers, 5, level=[0.8, 0.95])
    assert told.low.dims == ("level", "year", "region") and told.mid.dims == ("year", "region")
    here = {name: data.sel(region="CN") if "region" in data.dims else data
            for name, data in drivers.items()}  # fmt: skip
    alone = forecast("econometric", demand.sel(region="CN"), here, 5, level=[0.8, 0.95])
    xr.testing.assert_identical(told.sel(region="CN", drop=True).low, alone.low)
    assert (told.low.sel(level=0.95) < told.low.sel(level=0.8)).all()
    assert (told.low < told.mid).all() and (told.mid < told.high).all()


def test_the_uncertainty_of_drivers_widens_the_band_and_keeps_the_middle() -> None:
    demand = until(PEOPLE * INCOME)
    rng = np.random.default_rng(0)
    spread = xr.DataArray(rng.standard_normal(501), dims="sample") * (by_year(AGE) > 0)
    vague = DRIVERS | {"gdp_per_capita": INCOME * np.exp(0.1 * (spread - spread.median("sample")))}
    sharp = forecast("econometric", demand, DRIVERS, 5, samples=501)
    told = forecast("econometric", demand, vague, 5, samples=501)
    np.testing.assert_allclose(told.mid, sharp.mid, rtol=1e-8)
    width = np.log(told.high / told.low)
    np.testing.assert_allclose(width, 2 * 1.2816 * 0.1, rtol=0.15)


def test_a_driver_without_years_holds_in_all() -> None:
    constant = {"activity": FINAL.sel(year=2000, drop=True), "intensity": SECTORAL["intensity"]}
    told = forecast("sectors", until(INCOME), constant, 3, anchor="none", samples=9)
    np.testing.assert_allclose(told.mid, 0.1 * 1 + 0.5 * 2 + 2 * 10)
    flat = {"gdp_per_capita": INCOME, "population": xr.DataArray(2.0)}
    told = forecast("econometric", until(INCOME), flat, 3, samples=9)
    np.testing.assert_allclose(told.mid, after(INCOME, 3))


def test_a_method_of_ones_own_is_one_function() -> None:
    @method("mean", meaning="the mean of all years", uses=("population",))
    def mean(case: Case, *, times: float = 1.0) -> Outcome:
        mid = np.full(case.horizon, times * case.history.mean())
        return Outcome(mid, np.tile(mid, (case.samples, 1)))

    try:
        told = forecast("mean", until(INCOME), horizon=2, times=2.0)
        np.testing.assert_allclose(told.mid, 2 * float(until(INCOME).mean()))
        assert told.attrs["meaning"] == "the mean of all years" and told.attrs["origin"] == 2000
        with pytest.raises(MfaError, match="there is a forecasting method 'mean' already"):
            method("mean", meaning="")(mean)
    finally:
        METHODS.pop("mean")


def test_a_law_must_be_known_and_something_must_be_used() -> None:
    with pytest.raises(MfaError, match='Did you mean "logistic"'):
        forecast("s_curve", until(INCOME), DRIVERS, law="logistik")
    with pytest.raises(MfaError, match="nothing was used by 1950"):
        forecast("s_curve", until(ZERO), DRIVERS)


def test_every_method_says_what_it_means_and_where_it_is_from() -> None:
    wanted = {"econometric", "intensity", "input_output", "sectors", "naive", "last_value"}
    wanted |= {"s_curve", "stock_driven"}
    assert wanted <= set(METHODS)
    for one in METHODS.values():
        assert one.meaning and one.reference and one.function.__doc__


HOLED = INCOME.where(INCOME.year != 1970)
ZERO = INCOME.where(INCOME.year != 1950, 0.0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: forecast("naiv", until(INCOME)), 'Did you mean "naive"?'),
        (lambda: forecast("naive", until(INCOME), last=2, lats=3), 'Did you mean "last"?'),
        (lambda: forecast("naive", until(INCOME), last=60), "more than 60 years of history"),
        (lambda: forecast("econometric", until(INCOME)), "needs the driver 'gdp_per_capita'"),
        (lambda: forecast("naive", until(HOLED)), "history: no number at year 1970"),
        (lambda: forecast("econometric", until(INCOME), {"gdp_per_capita": HOLED}),
         "driver 'gdp_per_capita': no number at year 1970"),
        (lambda: forecast("econometric", until(ZERO), DRIVERS), "the history is 0 in 1950"),
        (lambda: forecast("econometric", until(INCOME), DRIVERS, 11),
         "no value in 2011 to 2011 (1 years)"),
        (lambda: forecast("naive", INCOME[[0, 2]]), "contiguous"),
        (lambda: forecast("naive", until(INCOME), level=1.2), "between 0 and 1"),
        (lambda: forecast("naive", until(INCOME), horizon=0), "horizon must be a whole number, 1 or more, found 0"),
        (lambda: forecast("econometric", until(INCOME), DRIVERS, covariance="hac"),
         "unknown covariance 'hac'"),
        (lambda: forecast("econometric", until(INCOME),
                          DRIVERS | {"price": INCOME**2}, trend=False), "cannot be told apart"),
        (lambda: forecast("econometric", until(INCOME), {"gdp_per_capita": FINAL}),
         "has the dimensions ['sector'], which the history does not have"),
        (lambda: forecast("naive", until(INCOME), horizon=2.5), "horizon must be a whole number"),
        (lambda: forecast("naive", until(INCOME), samples=10.5), "samples must be a whole number"),
        (lambda: forecast("naive", until(INCOME), samples=1), "2 or more, found 1"),
        (lambda: forecast("naive", until(INCOME), seed="a"), "seed must be a whole number"),
        (lambda: forecast("naive", until(INCOME), level=[0.8, 0.8]), "level: 0.8 stands there twice"),
        (lambda: forecast("naive", until(INCOME), level=[]), "level must be a list of one or more"),
        (lambda: forecast("naive", until(INCOME), level="0.8"), "between 0 and 1, found '0.8'"),
        (lambda: forecast("naive", until(INCOME), last=2.5), "naive: last must be a whole number"),
        (lambda: forecast(["naive"], until(INCOME)), "unknown forecasting method ['naive']"),
        (lambda: forecast("naive", until(INCOME).values), "history: needs the dimension 'year'"),
        (lambda: forecast("naive", until(INCOME), INCOME), "drivers must be a Dataset or a mapping"),
        (lambda: forecast("econometric", until(INCOME), {"gdp_per_capita": INCOME.values}),
         "driver 'gdp_per_capita' must be a DataArray"),
        *((lambda name=name: forecast(name, until(INCOME), DRIVERS | {"population": ZERO}),
           "driver 'population' must be above 0; it is 0 in 1950")
          for name in ("econometric", "intensity", "s_curve")),
        (lambda: forecast("s_curve", until(INCOME), {"gdp_per_capita": -INCOME}),
         "driver 'gdp_per_capita' must be above 0"),
        (lambda: forecast("naive", until(INCOME).expand_dims(region=["A"]).isel(region=[])), "dimension 'region' is empty"),
        (lambda: forecast("naive", until(INCOME).astype(str)), "history must be numbers, found values of type str"),
        (lambda: forecast("econometric", until(INCOME), {"gdp_per_capita": INCOME.astype(str)}), "must be numbers"),
        (lambda: forecast("econometric", until(INCOME), DRIVERS, trend="no"), "trend is True or False, found 'no'"),
        (lambda: backtest(["naive"], INCOME.values, None, [2000], 5), "history: needs the dimension 'year'"),
        (lambda: backtest(["econometric"], INCOME, DRIVERS, [2010], 5, drivers_ahead="observed"),
         "drivers are observed up to 2010: nothing is left to score after the origin 2010"),
        (lambda: error_table(5), "summarises what backtest"),
        (lambda: error_table(backtest(["naive"], INCOME, None, [2000], 2), over=["region"]), "no dimension 'region'"),
        (lambda: error_figure(backtest(["naive"], INCOME, None, [2000], 2)), "draws what error_table"),
        (lambda: continued([INCOME], 2000, 2), "drivers must be a Dataset or a mapping"),
        (lambda: continued({"price": INCOME.values}, 2000, 2), "driver 'price' must be a DataArray"),
        (lambda: continued({"price": INCOME}, "2000", 2), "origin must be a whole number"),
        (lambda: backtest(["naive"], INCOME, None, 2000, 5), "origins must be a list of one or more, found 2000"),
        (lambda: backtest(["naive"], INCOME, None, [], 5), "origins must be a list of one or more, found none"),
        (lambda: backtest(["naive"], INCOME, None, [1990, 1990], 5), "1990 stands there twice"),
        (lambda: backtest(["naive"], INCOME, None, [1990.5], 5), "must be a whole number"),
        (lambda: backtest([], INCOME, None, [1990], 5), "methods must be a list of one or more, found none"),
        (lambda: backtest({}, INCOME, None, [1990], 5), "methods must be a list of one or more, found none"),
        (lambda: backtest("naive", INCOME, None, [1990], 5), "methods must be a list of one or more"),
        (lambda: backtest(["naive", "naive"], INCOME, None, [1990], 5), "naive stands there twice"),
        (lambda: backtest({"a": "naive"}, INCOME, None, [1990], 5), "'a' must be (name, options)"),
        (lambda: backtest(["naive"], INCOME, None, [1990], 2.5), "horizon must be a whole number"),
        (lambda: backtest(["naive"], INCOME, None, [2020], 5), "2020 is not a year of the history"),
        (lambda: backtest(["naive"], INCOME, None, [1955], 5), "naive, origin 1955: naive: growth"),
        (lambda: backtest(["naive"], INCOME, None, [2000], 5, drivers_ahead="all"),
         "unknown drivers_ahead 'all'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(call: Any, says: str) -> None:
    with pytest.raises(MfaError) as caught:
        call()
    assert says in str(caught.value)


# --------------------------------------------------------------- backtests

ALL = ["econometric", "intensity", "input_output", "sectors", "naive", "last_value"]
ALL += ["s_curve", "stock_driven"]


@pytest.mark.parametrize("poison", [np.nan, 1e9])
def test_nothing_after_the_origin_can_change_a_forecast(poison: float) -> None:
    demand = noisy(PEOPLE * INCOME)
    drivers = DRIVERS | SECTORAL | {"survival": SURVIVAL}
    later = by_year(YEARS > ORIGIN).astype(bool)
    poisoned = {
        name: data.where(~later, poison) if "year" in data.dims else data
        for name, data in drivers.items()
    }
    clean = backtest(ALL, demand, drivers, [1990, ORIGIN], 10, samples=50)
    bad = backtest(ALL, demand.where(~later, poison), poisoned, [1990, ORIGIN], 10, samples=50)
    for bound in ("low", "mid", "high"):
        xr.testing.assert_identical(clean[bound], bad[bound])
    assert not np.allclose(clean.observed, bad.observed)


def test_a_law_is_fitted_before_the_origin_even_where_drivers_are_observed() -> None:
    demand = noisy(PEOPLE * INCOME)
    later = by_year(YEARS > ORIGIN + 5).astype(bool)
    poisoned = {name: data.where(~later, 1e9) for name, data in DRIVERS.items()}
    names = ["econometric", "intensity", "s_curve"]
    told = [
        backtest(names, demand, drivers, [ORIGIN], 5, samples=50, drivers_ahead="observed")
        for drivers in (DRIVERS, poisoned)
    ]
    xr.testing.assert_identical(told[0], told[1])


def test_errors_by_method_and_horizon_are_counted_by_hand() -> None:
    history = by_year([100.0, 100.0, 110.0, 121.0], np.arange(2000, 2004))
    scores = backtest(["last_value"], history, None, [2001, 2002], 2)
    expected = [[100 / 110 - 1, 100 / 121 - 1], [110 / 121 - 1, np.nan]]
    np.testing.assert_allclose(scores.relative_error.sel(model="last_value"), expected)
    table = error_table(scores, against="last_value")
    np.testing.assert_allclose(table.mape[0], [1 - 100 / 110, 1 - 100 / 121])
    np.testing.assert_allclose(table.bias, -table.mape)
    assert table["count"].values.tolist() == [2, 1]
    np.testing.assert_allclose(table.mape_ratio, 1.0)
    # without any change so far the band is a point, which the rise of 2002 leaves
    assert table.coverage.sel(level=0.95, horizon=1).item() == pytest.approx(0.5)


def test_bands_hold_what_they_promise_where_the_method_is_right() -> None:
    rng = np.random.default_rng(1)
    regions = {"region": [f"r{i}" for i in range(60)]}
    steps = 0.02 + 0.05 * rng.standard_normal((60, len(YEARS)))
    walks = xr.DataArray(np.exp(np.cumsum(steps, axis=1)), regions | {"year": YEARS})
    table = error_table(backtest({"walk": ("naive", {"last": 30})}, walks, None, [1985, ORIGIN], 8))
    covered = table.coverage.sel(model="walk").mean("horizon")
    np.testing.assert_allclose(covered, [0.8, 0.95], atol=0.05)

    income = xr.DataArray(rng.permuted(np.tile(INCOME.values, (60, 1)), axis=1), walks.coords)
    demand = income**0.7 * np.exp(0.1 * rng.standard_normal(income.shape))
    told = {"econometric": ("econometric", {"errors": "independent"})}
    scores = backtest(told, demand, {"gdp_per_capita": income}, [1980, ORIGIN], 8,
                      drivers_ahead="observed")  # fmt: skip
    covered = error_table(scores).coverage.sel(model="econometric").mean("horizon")
    np.testing.assert_allclose(covered, [0.8, 0.95], atol=0.03)

    wanders = np.exp(np.cumsum(rng.normal(0, 0.03, income.shape), axis=1))
    scores = backtest(["econometric"], income**0.7 * wanders, {"gdp_per_capita": income}, [ORIGIN], 8,
                      drivers_ahead="observed")  # fmt: skip
    covered = error_table(scores).coverage.sel(model="econometric").mean("horizon")
    np.testing.assert_allclose(covered, [0.8, 0.95], atol=0.08)


def test_continued_drivers_grow_wander_or_stay_and_their_spread_grows_with_time() -> None:
    drivers = {"gdp_per_capita": noisy(INCOME), "price": noisy(PRICE), "intensity": PRICE}
    ahead = continued(drivers, ORIGIN, 5, last=20, samples=1001)
    past = until(drivers["gdp_per_capita"])
    rate = np.log(past[-1] / past[-21]).item() / 20
    median = ahead["gdp_per_capita"].median("sample").sel(year=slice(ORIGIN + 1, None))
    np.testing.assert_allclose(median, past[-1].item() * np.exp(rate * np.arange(1, 6)))
    flat = ahead["price"].median("sample").sel(year=slice(ORIGIN, None))
    np.testing.assert_allclose(flat, until(drivers["price"])[-1].item())
    spread = np.log(ahead["price"]).std("sample").sel(year=slice(ORIGIN + 1, None))
    np.testing.assert_allclose(spread / spread[0], np.sqrt(np.arange(1, 6)), rtol=0.1)
    assert (ahead["intensity"].sel(year=slice(ORIGIN, None)) == PRICE.sel(year=ORIGIN)).all()


def test_the_figure_has_one_named_line_for_each_method() -> None:
    from matplotlib.figure import Figure

    scores = backtest(["naive", "last_value"], noisy(INCOME), None, [1980, 1990], 5)
    ax = error_figure(error_table(scores), Figure().add_subplot())
    assert len(ax.get_lines()) == 2
    assert {text.get_text() for text in ax.texts} == {"naive", "last_value"}


def test_one_level_is_as_good_as_a_list_of_one() -> None:
    one, other = (backtest(["naive"], INCOME, None, [2000], 3, level=lv) for lv in (0.8, [0.8]))
    np.testing.assert_array_equal(one.low, other.low)


def test_all_methods_are_known_where_demand_shows_them() -> None:
    from mfa import demand

    assert {"s_curve", "econometric", "naive"} <= set(demand.METHODS)
