"""Indicators of risk and trade: what they refuse, what is undefined, shapes and units."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import MfaError, disruptions, networks, trade
from mfa.indicators import INDICATORS, risk

COUNTRY = ["CD", "ID", "CN"]
PLACE = ["A", "B", "C"]


def of(*values: float, unit: str = "1", dim: str = "country") -> xr.DataArray:
    data = np.asarray(values, dtype=float)
    return xr.DataArray(data, {dim: COUNTRY[: len(values)]}, attrs={"units": unit})


def square(values: Any, unit: str = "t/yr") -> xr.DataArray:
    data = np.asarray(values, dtype=float)
    names = PLACE[: len(data)]
    coords = {"exporter": names, "importer": names}
    return xr.DataArray(data, coords, attrs={"units": unit})


SOUND = of(0.5, 0.3, 0.2)
OF_SHARES: dict[str, Callable[[Any], Any]] = {
    "herfindahl": lambda s: risk.herfindahl(s, "country"),
    "largest_share": lambda s: risk.largest_share(s, "country"),
    "gini": lambda s: risk.gini(s, "country"),
    "normalised_herfindahl": lambda s: risk.normalised_herfindahl(s, "country"),
    "herfindahl_bounds": lambda s: risk.herfindahl_bounds(s, "country", "CN"),
    "governance": lambda s: risk.governance_weighted_herfindahl(s, of(1, 2, 3), "country"),
    "disruption_potential": lambda s: risk.disruption_potential(s, SOUND, SOUND, "country"),
    "economic_importance": lambda s: risk.economic_importance_eu(s, of(1, 2, 3), 1, "country"),
    "importance_nrc": lambda s: risk.importance_nrc(of(1, 2, 4), s, "country"),
}


# ------------------------------------------------------------- hostile shares


@pytest.mark.parametrize("function", OF_SHARES.values(), ids=OF_SHARES)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (of(0.5, 0.3, 0.4), r"summed over 'country': 1\.2; they add up to"),
        (of(50, 30, 20), r"shares: 50 at country=CD; .*per cent, divide it by 100"),
        (of(-0.1, 0.6, 0.5), r"shares: -0\.1 at country=CD; it lies within 0 and 1"),
        (of(0.5, np.nan, 0.5), r"shares: nan at country=ID; it is missing beside others"),
        (of(0.5, np.inf, 0.5), "shares: inf at country=ID"),
        (SOUND.rename(country="region"), r"no dimension 'country' to reduce. \(it has: region\)"),
        (SOUND.isel(country=[]), "dimension 'country' has no labels|only in shares: .]"),
        ([0.5, 0.3, 0.2], "shares: a list is neither a number nor a labelled array"),
        (0.5, "no dimension 'country'"),
        (xr.DataArray([0.5, 0.3, 0.2], dims="country"), "'country' has no labels; give it coordinates"),
    ],
)  # fmt: skip
def test_shares_that_are_none(function: Callable[[Any], Any], wrong: Any, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        function(wrong)


def test_too_little_is_refused_unless_the_assessed_country_is_left_out() -> None:
    foreign = of(0.5, 0.3, 0.1)
    with pytest.raises(MfaError, match=r"0\.9; they add up to 1: risk\.shares"):
        risk.herfindahl(foreign, "country")
    assert float(risk.disruption_potential(foreign, SOUND, SOUND, "country")) > 0


@pytest.mark.parametrize("name", ["herfindahl", "largest_share", "governance"])
def test_where_nothing_is_produced_concentration_is_undefined(name: str) -> None:
    amounts = mfa.array([[0, 0, 0], [1, 1, 2]], "t/yr", year=[2020, 2021], country=COUNTRY)
    share = risk.shares(amounts, "country")
    assert np.isnan(share.values[0]).all()
    found = OF_SHARES[name](share)
    assert np.isnan(found.values[0]) and np.isfinite(found.values[1])
    index = risk.herfindahl(share, "country")
    assert risk.concentration_class(index).values.tolist() == [
        "not evaluable",
        "highly concentrated",
    ]
    assert np.isnan(risk.effective_number(index).values[0])


def test_one_producer_is_as_concentrated_as_can_be() -> None:
    one = of(1.0)
    assert float(risk.herfindahl(one, "country")) == 1
    assert float(risk.normalised_herfindahl(one, "country")) == 1
    assert float(risk.gini(one, "country")) == 0
    assert risk.effective_number(1.0) == 1
    with pytest.raises(MfaError, match="two or more labels"):
        risk.herfindahl_bounds(one, "country", "CD")
    with pytest.raises(
        MfaError, match=r"'others' has to be one of two or more labels of 'country': \['CD'"
    ):
        risk.herfindahl_bounds(SOUND, "country", "others")


def test_shares_of_amounts() -> None:
    with pytest.raises(MfaError, match=r"amounts: -1 at country=CD; it has to be 0 or more"):
        risk.shares(of(-1, 2, 3), "country")
    with pytest.raises(MfaError, match="amounts: nan"):
        risk.shares(of(np.nan, 2, 3), "country")


# ----------------------------------------------------------------- governance


def test_governance_falls_where_risk_rises() -> None:
    assert risk.scale_governance(2.6) == 0 and risk.scale_governance(-3.0) == 10
    assert np.isnan(risk.scale_governance(np.nan))
    with pytest.raises(MfaError, match="is it a percentile, or scaled already"):
        risk.scale_governance(of(28.9, 5.2, 50))
    with pytest.raises(
        MfaError, match=r"governance: -1\.6 at country=CD; 0 is the best and more is worse"
    ):
        risk.governance_weighted_herfindahl(SOUND, of(-1.6, 0.1, 0.2), "country")
    with pytest.raises(MfaError, match="governance: nan at country=ID"):
        risk.governance_weighted_herfindahl(SOUND, of(6, np.nan, 4), "country")
    with pytest.raises(MfaError, match="governance has no dimension 'country'"):
        risk.governance_weighted_herfindahl(SOUND, 5.0, "country")
    with pytest.raises(MfaError, match="another order"):
        risk.governance_weighted_herfindahl(SOUND, of(6, 5, 4).isel(country=[1, 0, 2]), "country")


def test_a_producer_that_stands_twice_is_not_two() -> None:
    twice = xr.DataArray([0.5, 0.5], {"country": ["CD", "CD"]})
    with pytest.raises(MfaError, match="CD stands twice in 'country'; add up"):
        risk.herfindahl(twice, "country")


def test_the_parameter_of_trade_counts_once() -> None:
    plain = risk.governance_weighted_herfindahl(SOUND, of(6, 5, 4), "country")
    restricted = risk.governance_weighted_herfindahl(SOUND, of(6, 5, 4), "country", trade=1.1)
    assert float(restricted / plain) == pytest.approx(1.1)


# --------------------------------------------------------------------- scores


@pytest.mark.parametrize(
    "function", [risk.supply_risk_usgs, risk.early_warning, risk.risk_triangle]
)
def test_three_sides_of_a_risk(function: Callable[..., Any]) -> None:
    with pytest.raises(MfaError, match=r"1\.2 at country=ID; it lies within 0 and 1"):
        function(of(0.5, 1.2), 0.5, 0.5)
    with pytest.raises(MfaError, match=r"-0\.1"):
        function(0.5, -0.1, 0.5)
    with pytest.raises(MfaError, match="inf"):
        function(0.5, 0.5, np.inf)
    with pytest.raises(MfaError, match="labels of dimension 'country' differ"):
        function(of(0.5, 0.5), of(0.5, 0.5, 0.5), 0.5)
    years = mfa.array([0.5, 0.8], "1", year=[2020, 2021])
    found = function(of(0.5, 0.4), years, 0.5)
    assert found.dims == ("year", "country")
    assert found.attrs == {"units": "1"}
    assert found.name == function.__name__


def test_what_cannot_be_evaluated_is_not_critical_nor_uncritical() -> None:
    found = risk.screen_usgs(of(0.40, np.nan, 0.39))
    assert found.values.tolist() == ["critical", "not evaluable", "not critical"]
    assert risk.screen_usgs(np.nan, True) == "critical"
    assert risk.screen_usgs(0.4 - 1e-15) == "critical"
    with pytest.raises(MfaError, match="true or false"):
        risk.screen_usgs(0.4, 0.5)
    with pytest.raises(MfaError, match="threshold"):
        risk.screen_usgs(0.4, threshold=40)


def test_words_that_are_not_known() -> None:
    with pytest.raises(MfaError, match=r"combine 'mean'\. .*max, product"):
        risk.disruption_potential(SOUND, SOUND, SOUND, "country", combine="mean")
    with pytest.raises(MfaError, match=r"guidelines '1992'"):
        risk.concentration_class(0.3, guidelines="1992")
    with pytest.raises(MfaError, match="limits"):
        risk.concentration_class(0.3, limits=(0.3, 0.2))
    with pytest.raises(MfaError, match=r"limits: \(0\.1,\) has to be 2 numbers"):
        risk.concentration_class(0.3, limits=(0.1,))
    with pytest.raises(MfaError, match=r"method 'zscore'"):
        risk.normalise(SOUND, "zscore")
    with pytest.raises(MfaError, match=r"version 'draft'"):
        risk.crm_act_benchmarks(1, 0, 0, 0, 0, version="draft")
    with pytest.raises(MfaError, match=r"unknown benchmark 'mining'"):
        risk.crm_act_benchmarks(1, 0, 0, 0, 0, targets={"mining": 0.1})
    with pytest.raises(MfaError, match=r"combine 'product'\. .*max, mean"):
        risk.supply_risk_nrc(of(1, 2, 3), "country", "product")


def test_points_are_not_an_index() -> None:
    for function in (risk.effective_number, risk.concentration_class, risk.herfindahl_score_yale):
        with pytest.raises(MfaError, match="divide points by 10,000"):
            function(3800)


def test_percentages_are_refused() -> None:
    with pytest.raises(
        MfaError, match=r"eol_rir: 22; it lies within 0 and 1; if it is in per cent"
    ):
        risk.supply_risk_eu(2, 1, 0.8, 22, 1)
    with pytest.raises(MfaError, match="import_reliance: 80"):
        risk.supply_risk_eu(2, 1, 80, 0.2, 1)
    with pytest.raises(MfaError, match=r"largest_third_country_share: 70"):
        risk.crm_act_benchmarks(100, 8, 42, 18, 70)
    with pytest.raises(MfaError, match="herfindahl_global: 5773"):
        risk.supply_risk_eu(5773, 1, 0.8, 0.2, 1)


def test_a_half_goes_up_before_the_threshold() -> None:
    assert risk.classify_eu(0.95, 2.75) == "critical"
    assert risk.classify_eu(0.94, 5) == risk.classify_eu(3, 2.74) == "not critical"
    assert risk.classify_eu(np.nan, 5) == "not evaluable"
    with pytest.raises(MfaError, match="within 0 and 10"):
        risk.classify_eu(1, 28)


def test_scale_over_a_panel() -> None:
    with pytest.raises(MfaError, match="a panel of one value has no scale"):
        risk.normalise(of(0.3, 0.3))
    with pytest.raises(MfaError, match="needs bounds"):
        risk.normalise(SOUND, "fixed-reference")
    with pytest.raises(MfaError, match="one number is no panel"):
        risk.normalise(0.5, bounds=(0.1, 1))  # type: ignore[arg-type]
    with pytest.raises(MfaError, match="a raw score is 0 or more"):
        risk.normalise(of(-0.1, 1))
    with pytest.raises(MfaError, match=r"bounds: 0\.5 has to be 2 numbers"):
        risk.normalise(of(0.1, 1), bounds=0.5)  # type: ignore[arg-type]
    with pytest.raises(MfaError, match="no score above 0 in the panel"):
        risk.normalise(of(0.0, np.nan))
    found = risk.normalise(of(0.0, 0.01, 1.0))
    assert found.values.tolist() == [0, 0, 1]
    outside = risk.normalise(of(5.0, np.nan, 0.1), "fixed-reference", bounds=(0, 1))
    np.testing.assert_array_equal(outside, [1, np.nan, 0.1])


def test_recency() -> None:
    score = mfa.array([0.1, 0.2, 0.3], "1", year=[2016, 2017, 2018])
    with pytest.raises(MfaError, match=r"for the 3 labels of 'year': give one for each"):
        risk.recency_weighted(score)
    with pytest.raises(MfaError, match="not all 0"):
        risk.recency_weighted(score, weights=(0, 0, 0))
    assert np.isnan(risk.recency_weighted(score.where(score > 0.15), weights=(1, 1, 1)))


def test_an_industry_at_a_loss() -> None:
    worth, spent = of(10, 20, unit="USD/yr"), of(1, 1, unit="USD/yr")
    earned = of(5, -2, unit="USD/yr")
    with pytest.raises(MfaError, match=r"profit: -2 at country=ID; EXP/OP says nothing"):
        risk.economic_vulnerability(worth, 100, spent, earned, "country")
    left_out = risk.economic_vulnerability(
        worth, 100, spent, earned, "country", at_a_loss="leave out"
    )
    assert float(left_out) == pytest.approx(0.1 * 0.2)
    capped = risk.economic_vulnerability(worth, 100, spent, earned, "country", at_a_loss=1.0)
    assert float(capped) == pytest.approx(0.1 * 0.2 + 0.2)
    with pytest.raises(MfaError, match="at_a_loss 'drop'"):
        risk.economic_vulnerability(worth, 100, spent, earned, "country", at_a_loss="drop")
    with pytest.raises(MfaError, match="no ratio"):
        risk.economic_vulnerability(worth, 100, spent, earned, "country", at_a_loss=-1)
    with pytest.raises(MfaError, match="units differ: expenditure in USD/yr, profit in t/yr"):
        risk.economic_vulnerability(worth, 100, spent, of(1, 2, unit="t/yr"), "country")
    with pytest.raises(MfaError, match="gdp: 0; it has to be above 0"):
        risk.economic_vulnerability(worth, 0, spent, of(5, 2, unit="USD/yr"), "country")


def test_vulnerability_rises_with_the_price_of_the_year() -> None:
    """What industries spend is price × quantity: a price three times as high, and so is the score."""
    worth, earned = of(10, 20, unit="USD/yr"), of(5, 8, unit="USD/yr")
    price = mfa.array([1.0, 3.0], "USD/t", year=[2009, 2011])
    spent = (price * of(1, 2, unit="t/yr")).assign_attrs(units="USD/yr")
    found = risk.economic_vulnerability(worth, 100, spent, earned, "country")
    assert float(found.sel(year=2011) / found.sel(year=2009)) == pytest.approx(3)


# --------------------------------------------------------------- early warning


def test_growth_and_volatility_need_years() -> None:
    series = mfa.array([100, 0, 100, 110], "t/yr", year=[2020, 2021, 2022, 2023])
    growth = risk.production_growth(series, window=1)
    np.testing.assert_allclose(growth, [np.nan, -1, np.nan, 0.1], atol=1e-12)
    assert growth.attrs == {"units": "1/yr"}
    with pytest.raises(MfaError, match="needs the dimension 'year'"):
        risk.production_growth(SOUND)
    with pytest.raises(MfaError, match="window: 0"):
        risk.production_growth(series, window=0)
    with pytest.raises(MfaError, match="a price is above 0"):
        risk.price_volatility(series)
    with pytest.raises(MfaError, match="window: 1 is not a whole number of years, 2"):
        risk.price_volatility(series, window=1)


def test_clusters() -> None:
    with pytest.raises(MfaError, match="clusters: 4 of 3 minerals"):
        risk.high_cluster(SOUND, "country", 4)
    with pytest.raises(MfaError, match="clusters: 'two' of"):
        risk.high_cluster(SOUND, "country", "two")  # type: ignore[arg-type]
    with pytest.raises(MfaError, match="select one value per country"):
        risk.high_cluster(SOUND.expand_dims(year=[2020]), "country", 2)
    found = risk.high_cluster(of(0.1, np.nan, 0.9), "country", 2)
    assert found.values.tolist() == [False, False, True]


def test_an_alarm_does_not_tremble() -> None:
    years = list(range(2020, 2026))
    trembling = mfa.array([0.39, 0.41, 0.39, 0.41, 0.36, 0.34], "1", year=years)
    assert int(risk.alarm(trembling, 0.40, 0.35).astype(int).diff("year").clip(min=0).sum()) == 1
    assert int(risk.alarm(trembling, 0.40, 0.40).astype(int).diff("year").clip(min=0).sum()) == 2
    gap = trembling.where(trembling["year"] != 2022)
    assert bool(risk.alarm(gap, 0.40, 0.35).sel(year=2022))
    with pytest.raises(MfaError, match="is above raise_at"):
        risk.alarm(trembling, 0.3, 0.4)


# ------------------------------------------------------------ trade exposure


def test_contradicting_statistics_are_not_full_exposure() -> None:
    assert np.isnan(risk.trade_exposure(0, 15, 0, 10, 0))
    assert risk.trade_exposure(5, 10, 0, 10, 0) == 0
    assert risk.net_import_reliance(5, 10, 0, 10, 0) == -1
    with pytest.raises(MfaError, match="imports: nan"):
        risk.trade_exposure(np.nan, 0, 0, 0, 0)
    with pytest.raises(MfaError, match="stock_release: nan"):
        risk.trade_exposure(1, 0, np.nan, 0, 0)
    with pytest.raises(MfaError, match="units differ"):
        risk.trade_exposure(of(1.0, unit="t/yr"), of(1.0, unit="t"), 0, 0, 0)


def test_a_withheld_amount_gives_bounds_not_zero() -> None:
    withheld = xr.DataArray([0.0, np.nan], {"bound": ["low", "high"]})
    found = risk.trade_exposure_bounds(1500, 500, 0, withheld, 0)
    assert found.values.tolist() == [0, 1]
    with pytest.raises(MfaError, match="it is above its high"):
        risk.trade_exposure_bounds(1, 0, 0, mfa.array([2, 1], "1", bound=["low", "high"]), 0)
    with pytest.raises(MfaError, match="low, high"):
        risk.trade_exposure_bounds(1, 0, 0, mfa.array([2, 1], "1", bound=["min", "max"]), 0)
    with pytest.raises(MfaError, match="imports: nan"):
        risk.trade_exposure_bounds(withheld, 0, 0, 1, 0)


def test_quadrants_of_two_countries_add_up() -> None:
    own, other = of(0.9, -2.0, 0.2), of(0.8, 0.9, np.nan)
    found = risk.reliance_quadrant(own, other).values.tolist()
    assert found == ["both", "other", "not evaluable"]


def test_benchmarks_by_year_and_without_consumption() -> None:
    use = mfa.array([0, 100], "t/yr", year=[2029, 2030])
    part = mfa.array([0, 50], "t/yr", year=[2029, 2030])
    found = risk.crm_act_benchmarks(use, part, part, part, 0.5)
    assert found.met.sel(year=2030).all() and not found.met.sel(year=2029).any()
    assert found.gap_mass.attrs == {"units": "t/yr"}
    assert dict(found.sizes) == {"benchmark": 4, "year": 2}
    with pytest.raises(MfaError, match="extraction: -1"):
        risk.crm_act_benchmarks(100, -1, 0, 0, 0)


def test_lists_are_sets() -> None:
    with pytest.raises(MfaError, match="'nickel' is not on the list"):
        risk.revised_list(["cobalt"], removed=["nickel"])
    with pytest.raises(MfaError, match="'cobalt' is on the list already"):
        risk.revised_list(["cobalt"], added=["cobalt"])


def test_a_price_clears_the_market_within_capacity() -> None:
    price = risk.price_ratio(of(0.9, 0.9, 1.2), -0.2, 0.3, capacity=of(0.95, 1.5, 1.0))
    np.testing.assert_allclose(price**-0.2, [0.95, 0.9 * price[1] ** 0.3, 1.0])
    assert risk.price_ratio(1, -0.2, 0.3) == 1
    for change, message in [
        ({"supply": 0}, "supply: 0; it has to be above 0"),
        ({"demand_elasticity": 0.2}, "demand falls as the price rises"),
        ({"supply_elasticity": -1}, "supply_elasticity: -1"),
        ({"capacity": 0}, "capacity: 0"),
    ]:
        sound = {"supply": 0.9, "demand_elasticity": -0.2, "supply_elasticity": 0.3}
        with pytest.raises(MfaError, match=message):
            risk.price_ratio(**{**sound, **change})


def test_limits_of_supply() -> None:
    with pytest.raises(MfaError, match="is no time"):
        risk.days_of_cover(of(1.0, unit="t"), of(1.0, unit="t"))
    with pytest.raises(MfaError, match="recovery: 60"):
        risk.byproduct_ceiling(of(1, 2), 0.05, 60, "country")
    assert np.isnan(risk.depletion_time(10, 0))
    assert risk.unmet_after_stockpile(100, 60, 1, release_rate=40) == 20
    with pytest.raises(MfaError, match="a part of production"):
        risk.byproduct_dependence(2, 1)


# ---------------------------------------------------------------------- trade


def test_margins_that_disagree() -> None:
    z = square([[0, 1], [1, 0]])
    rows, columns = (xr.DataArray([3.0, 2.0], {d: PLACE[:2]}) for d in z.dims)
    with pytest.raises(
        MfaError, match=r"rows, summed up: 5; the columns add up to something else, by up to 16.7 %"
    ):
        trade.ras(z, rows, columns + 0.5)
    with pytest.raises(MfaError, match="rows are the sums over one dimension"):
        trade.ras(z, rows, rows)
    with pytest.raises(
        MfaError, match="its zeros leave no matrix with these sums of 'exporter' and 'importer'"
    ):
        trade.ras(z, rows, columns)
    with pytest.raises(MfaError, match=r"nothing but zeros in exporter no. \[1\]"):
        trade.ras(square([[0, 0], [1, 1]]), rows, columns)
    with pytest.raises(MfaError, match="no matrix of 0 or more"):
        trade.least_squares(z, rows, columns)
    found = trade.least_squares(z, rows, columns, uncertainty=z * 0 + 1)
    np.testing.assert_allclose(found.value.sum("importer"), rows)
    fixed = trade.least_squares(z, z.sum("importer"), z.sum("exporter"), uncertainty=0.0)
    assert (fixed.value == z).all() and not fixed.standard_uncertainty.any()
    with pytest.raises(MfaError, match="dimension 'exporter' has no labels"):
        trade.ras(z[:0, :0], rows[:0], columns[:0])
    with pytest.raises(MfaError, match="matrix: a ndarray is neither"):
        trade.ras(np.eye(2), rows, columns)
    with pytest.raises(MfaError, match="matrix: -1"):
        trade.ras(square([[0, -1], [1, 0]]), rows, columns)


def test_balancing_goes_by_further_dimensions() -> None:
    z = square([[1, 2], [3, 4]]).expand_dims(year=[2020, 2021])
    rows = mfa.array([[3, 7], [6, 14]], "t/yr", year=[2020, 2021], exporter=PLACE[:2])
    columns = mfa.array([[4, 6], [8, 12]], "t/yr", year=[2020, 2021], importer=PLACE[:2])
    found = trade.ras(z, rows, columns)
    np.testing.assert_allclose(found.sel(year=2021), 2 * z.sel(year=2021), rtol=1e-9)
    assert found.dims == ("year", "exporter", "importer")
    assert found.attrs == {"units": "t/yr"}
    nothing = trade.ras(0 * z, 0 * rows, 0 * columns)
    assert not nothing.any()


def test_least_squares_leaves_what_is_certain_and_never_goes_below_0() -> None:
    z = square([[0, 10], [10, 80]])
    sd = square([[5, 0], [5, 5]])
    rows, columns = (xr.DataArray([12.0, 88.0], {d: PLACE[:2]}) for d in z.dims)
    found = trade.least_squares(z, rows, columns, uncertainty=sd)
    np.testing.assert_allclose(found.value, [[2, 10], [10, 78]], atol=1e-9)
    assert float(found.standard_uncertainty.sel(exporter="A", importer="B")) == 0
    tight = square([[1, 10], [10, 80]])
    rows, columns = (xr.DataArray([5.0, 95.0], {d: PLACE[:2]}) for d in z.dims)
    assert (
        float(trade.least_squares(tight, rows, columns, uncertainty=tight * 0 + 1).value.min()) >= 0
    )


def test_silent_partners() -> None:
    sent = of(100, np.nan, 0.0)
    came = of(120, 50, 0.0)
    found = trade.reconcile_mirror(sent, came)
    assert found.reports.values.tolist() == [2, 1, 2]
    assert float(found.value[1]) == 50 and float(found.standard_uncertainty[1]) == pytest.approx(15)
    assert float(found.value[2]) == 0 and not bool(found.flagged[2])
    assert np.isnan(found.chi2[1])
    nobody = trade.reconcile_mirror(np.nan, np.nan)
    assert np.isnan(nobody.value) and int(nobody.reports) == 0
    one_says_none = trade.reconcile_mirror(0, 100)
    assert 0 < float(one_says_none.value) < 100 and bool(one_says_none.flagged)
    with pytest.raises(MfaError, match="exporter: -1"):
        trade.reconcile_mirror(-1, 1)
    with pytest.raises(MfaError, match="exporter_uncertainty: 0; it has to be above 0"):
        trade.reconcile_mirror(1, 1, 0, 1)
    cheaper = trade.reconcile_mirror(100, 110, 10, 10, cif_fob=1.1)
    assert float(cheaper.value) == pytest.approx(100)


def test_origins_of_what_is_nowhere_made() -> None:
    circle = square([[0, 5, 0], [5, 0, 0], [0, 0, 0]])
    with pytest.raises(MfaError, match="sent round in a circle and made nowhere"):
        trade.trace_origin(circle, xr.DataArray([0.0, 0, 0], {"exporter": PLACE}))
    with pytest.raises(MfaError, match="more than the place makes and imports together"):
        trade.trace_origin(
            square([[0, 5], [0, 0]]), xr.DataArray([4.0, 0], {"exporter": PLACE[:2]})
        )
    with pytest.raises(MfaError, match="does not trade with itself"):
        trade.trace_origin(
            square([[1, 0], [0, 0]]), xr.DataArray([4.0, 0], {"exporter": PLACE[:2]})
        )
    found = trade.trace_origin(
        square([[0, 4], [0, 0]]), xr.DataArray([4.0, 0], {"exporter": PLACE[:2]})
    )
    assert found.values.tolist() == [[1, 1], [0, 0]]
    alone = trade.trace_origin(
        square([[0, 0], [0, 0]]), xr.DataArray([4.0, 0], {"exporter": PLACE[:2]})
    )
    np.testing.assert_array_equal(alone.sel(importer="B"), [np.nan, np.nan])


def test_which_dimension_sends() -> None:
    m = xr.DataArray(np.zeros((2, 2, 2)), {"a": PLACE[:2], "b": PLACE[:2], "year": [2020, 2021]})
    with pytest.raises(MfaError, match=r"which of .* sends and which receives"):
        trade.trace_origin(m, xr.DataArray([1.0, 1], {"a": PLACE[:2]}))
    wide = xr.DataArray(np.zeros((2, 3)), {"exporter": PLACE[:2], "importer": PLACE})
    with pytest.raises(MfaError, match=r"have to be the same places .*not in both: \['C'\]"):
        trade.loss_propagation(wide, 0.1)
    shares = xr.DataArray([[0, 0.0], [0.6, 0]], {"buyer": PLACE[:2], "seller": PLACE[:2]})
    shock = xr.DataArray([0.5, 0], {"country": PLACE[:2]})
    assert trade.loss_propagation(shares, shock).values.tolist() == [0.5, 0.3]
    with pytest.raises(MfaError, match="its places are not those of the matrix"):
        trade.loss_propagation(shares, xr.DataArray([0.5, 0], {"country": ["A", "X"]}))


def test_losses_stay_within_what_there_is() -> None:
    circle = square([[0, 1], [1, 0]], "1")
    shock = xr.DataArray([0.1, 0], {"importer": PLACE[:2]})
    np.testing.assert_allclose(trade.loss_propagation(circle, shock), [1, 1], rtol=1e-12)
    assert trade.loss_propagation(circle, 0.0).values.tolist() == [0, 0]
    half = trade.loss_propagation(circle, shock, 0.5)
    np.testing.assert_allclose(half, np.array([0.1, 0.05]) / 0.75)
    for wrong in (1.1, -0.1, np.nan):
        with pytest.raises(MfaError, match="shock"):
            trade.loss_propagation(circle, wrong)
    with pytest.raises(MfaError, match="add up to 1 at most; is 'importer' the one"):
        trade.loss_propagation(square([[0, 1, 0], [1, 0, 0], [0.5, 0, 0]], "1"), 0.1)


def test_losses_go_by_samples_and_years_at_once() -> None:
    chain = square([[0, 0.6, 0], [0, 0, 0.4], [0, 0, 0]], "1")
    strength = mfa.array([[0, 0.5], [1, 0.25]], "1", sample=[0, 1], year=[2030, 2031])
    shock = strength * xr.DataArray([1.0, 0, 0], {"importer": PLACE})
    found = trade.loss_propagation(chain, shock)
    assert found.dims == ("sample", "year", "importer")
    np.testing.assert_allclose(found.sel(importer="C"), 0.24 * strength)


# ------------------------------------------------------------------- networks


def test_networks() -> None:
    pytest.importorskip("networkx")
    flows = square([[0, 80, 20], [0, 0, 60], [0, 0, 0]])
    graph = networks.network(flows)
    assert sorted(graph) == PLACE and graph.number_of_edges() == 3
    found = networks.measures(flows)
    assert found.out_strength.values.tolist() == [100, 60, 0]
    assert float(found.largest_source.sel(place="C")) == 0.75
    assert np.isnan(found.import_herfindahl.sel(place="A"))
    assert found.in_strength.attrs == {"units": "t/yr"}
    assert float(found.pagerank.sum()) == pytest.approx(1)
    with pytest.raises(MfaError, match="a network is of one mineral, stage and year"):
        networks.network(flows.expand_dims(year=[2020]))
    with pytest.raises(MfaError, match="trade: -1"):
        networks.network(square([[0, -1], [0, 0]]))
    links = networks.single_source_links(flows.expand_dims(year=[2020, 2021]))
    assert int(links.count()) == 4
    with pytest.raises(MfaError, match="above: 65"):
        networks.single_source_links(flows, above=65)


def test_without_networkx_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "networkx", None)
    with pytest.raises(MfaError, match=r"pip install 'mfa\[networks\]'"):
        networks.network(square([[0, 1], [0, 0]]))


def test_the_most_critical_producer_is_the_one_that_is_missed_most() -> None:
    flows = square([[0, 60, 10], [0, 0, 30], [0, 0, 0]])
    output = xr.DataArray([100.0, 0, 5], {"exporter": PLACE}, attrs={"units": "t/yr"})
    found = networks.rank_by_removal(flows, output)
    # Without A: B loses all 60, C its 10 and, of the 30 from B, all: 40 of 45; 100 of 105.
    np.testing.assert_allclose(found.sel(removed="A"), 100 / 105)
    np.testing.assert_allclose(found.sel(removed="B"), 30 / 145)
    assert float(found.sel(removed="C")) == 0
    absorbed = networks.rank_by_removal(flows, output, pass_through=0.0)
    np.testing.assert_allclose(absorbed.sel(removed="A"), 70 / 105)


# ---------------------------------------------------------------- disruptions


def test_draws_belong_to_the_seed_and_the_producer() -> None:
    years = mfa.years(2025, 2034)
    rate = mfa.array([0.3, 0.1], "1/yr", country=COUNTRY[:2])
    more = mfa.array([0.3, 0.1, 0.5], "1/yr", country=COUNTRY)
    two, three = (
        disruptions.draw_losses(r, 0.4, 0.7, "country", years, samples=200, seed=7)
        for r in (rate, more)
    )
    xr.testing.assert_equal(two, three.isel(country=[0, 1]))
    other = disruptions.draw_losses(rate, 0.4, 0.7, "country", years, samples=200, seed=8)
    assert (two != other).any()
    assert float(two.min()) >= 0 and float(two.max()) <= 1


def test_drawn_losses_have_the_mean_that_was_asked_for() -> None:
    """Short rare events, so that they do not meet: rate × mean share × mean duration."""
    years = mfa.years(2025, 2044)
    rate = mfa.array([0.05], "1/yr", country=COUNTRY[:1])
    lost = disruptions.draw_losses(
        rate, 0.4, 0.5, "country", years, duration_cv=0.3, samples=20_000
    )
    assert float(lost.mean()) == pytest.approx(0.05 * 0.4 * 0.5, rel=0.03)
    # The first year is like the last: events may have begun before.
    first, last = (float(lost.sel(year=y).mean()) for y in (2025, 2044))
    assert first == pytest.approx(last, rel=0.15)


def test_draws_that_make_no_sense() -> None:
    years = mfa.years(2025, 2026)
    rate = mfa.array([0.3], "1/yr", country=COUNTRY[:1])

    def draw(**change: Any) -> Any:
        given = {
            "rate": rate,
            "loss_mean": 0.4,
            "duration_mean": 1.0,
            "dim": "country",
            "years": years,
        }
        return disruptions.draw_losses(**{**given, **change})

    for change, message in [
        ({"rate": -rate}, r"rate: -0\.3"),
        ({"loss_mean": 40}, "loss_mean: 40"),
        ({"loss_spread": 0.6}, "loss_spread: 0.6"),
        ({"duration_mean": 0}, "duration_mean: 0; it has to be above 0 years"),
        ({"duration_cv": -1}, "duration_cv: -1"),
        ({"samples": 0}, "samples: 0"),
        ({"dim": "region"}, "no dimension 'region'"),
        ({"rate": 0.1}, "no dimension 'country'"),
        ({"years": [2025, 2026]}, "years: a list is neither"),
        ({"seed": "x"}, "seed: 'x'"),
        ({"rate": rate.expand_dims(year=[2025])}, "'country' alone"),
    ]:
        with pytest.raises(MfaError, match=message):
            draw(**change)


def test_unmet_demand_and_its_tail() -> None:
    lost = mfa.array([[[0.5, 0]], [[0, 0]]], "1", sample=[0, 1], year=[2030], country=COUNTRY[:2])
    output = of(80, 20, unit="t/yr")
    found = disruptions.unmet_demand(lost, output, "country", demand=of(90, unit="t/yr").isel(country=0, drop=True))  # fmt: skip
    assert found.unmet.values.ravel().tolist() == [30, 0]
    assert found.unused.values.ravel().tolist() == [0, 10]
    assert found.unmet.dims == ("sample", "year")
    assert (found.unmet.attrs, found.stock.attrs) == ({"units": "t/yr"}, {})
    tail = disruptions.tail(found.unmet.sum("year", keep_attrs=True), level=0.5)
    assert (float(tail.expected), float(tail.expected_shortfall)) == (15, 30)
    with pytest.raises(MfaError, match=r"lost: 1\.5"):
        disruptions.unmet_demand(lost * 3, output, "country")
    with pytest.raises(MfaError, match="'year' is missing"):
        disruptions.unmet_demand(lost.isel(year=0, drop=True), output, "country")
    with pytest.raises(MfaError, match="spare: -1"):
        disruptions.unmet_demand(lost, output, "country", spare=-1)
    with pytest.raises(MfaError, match="release_rate: -1"):
        disruptions.unmet_demand(lost, output, "country", release_rate=-1)
    with pytest.raises(MfaError, match="level: 95"):
        disruptions.tail(found.unmet, level=95)
    with pytest.raises(MfaError, match="no dimension 'sample'"):
        disruptions.tail(found.unmet.isel(sample=0))


def test_expected_shortfall_is_the_mean_of_the_worst() -> None:
    values = np.random.default_rng(0).exponential(10, 4000)
    unmet = mfa.array(values, "t/yr", sample=np.arange(4000))
    found = disruptions.tail(unmet)
    worst = np.sort(values)[-200:]
    assert float(found.expected_shortfall) == pytest.approx(worst.mean())
    assert np.sort(values)[-201] <= float(found.value_at_risk) <= worst[0]
    assert float(found.standard_error) == pytest.approx(values.std(ddof=1) / 4000**0.5)


# -------------------------------------------------------------------- the list


def test_every_function_is_listed_with_its_meaning_and_reference() -> None:
    for name in set(risk.__all__) - {"revised_list"}:
        listed = INDICATORS[name]
        assert listed.function is getattr(risk, name)
        assert listed.inputs
        assert f"Return {listed.meaning}" in str(listed.function.__doc__)
        assert re.search(r"\d{4}|[Oo]wn definition|yearly", listed.reference), name


def test_no_argument_is_changed() -> None:
    share, rating = SOUND.copy(deep=True), of(6, 5, 4)
    before = share.copy(deep=True), rating.copy(deep=True)
    risk.governance_weighted_herfindahl(share, rating, "country")
    risk.largest_share(share, "country")
    risk.normalise(share)
    xr.testing.assert_identical(share, before[0])
    xr.testing.assert_identical(rating, before[1])
