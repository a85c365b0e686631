"""Indicators of circularity: what they refuse, what is undefined, and their laws."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import mfa
from mfa import MfaError
from mfa.indicators import INDICATORS, circularity, indicator

YEARS = [2030, 2031, 2032]
PARTS = [
    circularity.collection_rate,
    circularity.process_efficiency,
    circularity.eol_recycling_rate,
    circularity.nonfunctional_recycling_rate,
    circularity.eol_recycling_input_rate,
]
"""Functions of a part and its whole."""

DIVIDED = [
    *PARTS,
    circularity.old_scrap_ratio,
    circularity.in_use_stock_per_capita,
    circularity.urban_mine_to_reserve,
    circularity.self_sufficiency,
    circularity.static_reserve_life,
]
"""Functions that divide, of two masses."""


def series(*values: float, unit: str = "t/yr") -> xr.DataArray:
    return mfa.array(list(values), unit, year=YEARS[: len(values)])


def cube(*places: str, value: float = 1.0, unit: str = "t/yr") -> xr.DataArray:
    return mfa.array(np.full((3, len(places)), value), unit, year=YEARS, region=list(places))


# ------------------------------------------------------------------ undefined


@pytest.mark.parametrize("function", DIVIDED)
def test_nothing_over_nothing_is_undefined_without_a_warning(function: Callable[..., Any]) -> None:
    assert np.isnan(function(0, 0))
    zero = xr.DataArray([0.0, 1.0], dims="year", coords={"year": [2030, 2031]})
    found = function(zero, zero)
    assert np.isnan(found.values[0])
    assert np.isfinite(found.values[1])


def test_what_is_undefined_stays_so() -> None:
    rate = circularity.eol_recycling_rate(series(0, 5), series(0, 10))
    np.testing.assert_array_equal(circularity.mean_number_of_uses(rate), [np.nan, 2])


def test_a_metal_that_is_never_lost_has_no_mean_number_of_uses() -> None:
    assert np.isnan(circularity.mean_number_of_uses(1))
    assert np.isnan(circularity.mean_number_of_uses(1 + 1e-12))
    assert circularity.mean_number_of_uses(0) == 1


def test_reserves_outlast_a_production_that_falls_fast() -> None:
    assert np.isnan(circularity.growing_reserve_life(100, 2, -0.03))
    assert np.isnan(circularity.growing_reserve_life(100, 2, -0.02))
    assert circularity.growing_reserve_life(100, 2, -0.01) == pytest.approx(100 * np.log(2))


@pytest.mark.parametrize("compounding", ["continuous", "annual"])
def test_without_growth_the_lives_of_reserves_agree(compounding: str) -> None:
    growth = mfa.array([-1e-12, 0.0, 1e-12], "1", year=YEARS)
    found = circularity.growing_reserve_life(100, 2, growth, compounding=compounding)
    np.testing.assert_allclose(found, 50, rtol=1e-9)
    assert np.isnan(circularity.growing_reserve_life(100, 0, 0.0, compounding=compounding))


# ------------------------------------------------------------------- refusals


@pytest.mark.parametrize("function", PARTS)
def test_a_part_is_not_larger_than_its_whole(function: Callable[..., Any]) -> None:
    message = r"12 at year=2031; it is a part of \w+ and cannot be larger"
    with pytest.raises(MfaError, match=message):
        function(series(1, 12), series(10, 10))
    assert function(series(1, 10 * (1 + 1e-12)), series(10, 10))[1] == pytest.approx(1)


def test_rounding_where_there_is_nothing_is_not_a_part() -> None:
    found = circularity.collection_rate(series(1e-16, 1), series(0, 10))
    np.testing.assert_array_equal(found, [np.nan, 0.1])


def test_more_scrap_than_metal_is_refused() -> None:
    with pytest.raises(MfaError, match=r"old_scrap \+ new_scrap: 11 at year=2030"):
        circularity.recycled_content(series(6), series(5), series(10))


@pytest.mark.parametrize(("value", "why"), [(np.nan, "absent is not zero"), (-1.0, "0 or more"), (np.inf, "absent")])  # fmt: skip
def test_a_mass_is_a_number_of_0_or_more(value: float, why: str) -> None:
    wrong = series(1, 2).copy(data=[1, value])
    with pytest.raises(MfaError, match=f"collected: .* at year=2031; .*{why}"):
        circularity.collection_rate(wrong, series(10, 10))


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (cube("CN", "DE"), cube("DE", "CN"), "another order"),
        (cube("CN"), cube("DE"), r"only in collected: .*CN"),
        (cube("CN", "DE"), cube("CN", "DE").sel(region="CN"), "region=CN only, collected has all of 'region'"),
        (cube("CN", "DE").sel(region="DE"), cube("CN", "DE").sel(region="CN"), "has region="),
        (series(1), series(1, unit="t"), "collected in t/yr, end_of_life in t"),
        ([1.0, 2.0], 3.0, "collected: .*neither a number nor a labelled array"),
        ("1", 3.0, "neither a number"),
        (None, 3.0, "neither a number"),
        (True, 3.0, "neither a number"),
        (xr.DataArray("a"), 3.0, "neither a number"),
        (xr.Dataset(), 3.0, "neither a number"),
        (xr.DataArray([1.0], dims="year"), 3.0, "'year' has no labels"),
    ],
)  # fmt: skip
def test_what_does_not_match_is_refused(one: Any, other: Any, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        circularity.collection_rate(one, other)


def test_adding_never_broadcasts() -> None:
    with pytest.raises(MfaError, match="adding never broadcasts"):
        circularity.old_scrap_ratio(series(1, 1, 1), cube("CN", "DE"))
    with pytest.raises(MfaError, match="adding never broadcasts"):
        circularity.net_addition_to_stock(cube("CN"), series(1, 1, 1))
    with pytest.raises(MfaError, match="adding never broadcasts"):
        circularity.crossing_year(cube("CN"), series(1, 1, 1))


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_lies_within_0_and_1(rate: float) -> None:
    with pytest.raises(MfaError, match=f"recycling_rate: {rate:g}; a rate lies"):
        circularity.mean_number_of_uses(rate)


def test_units_that_make_no_sense() -> None:
    with pytest.raises(MfaError, match="it is a flow"):
        circularity.in_use_stock_per_capita(series(1), 1)
    with pytest.raises(MfaError, match="population is in t"):
        circularity.in_use_stock_per_capita(1, series(1, unit="t"))
    with pytest.raises(MfaError, match="no number of years"):
        circularity.static_reserve_life(series(1), series(1))
    with pytest.raises(MfaError, match="secondary is in t, not per year"):
        circularity.avoided_primary(series(1, unit="t"))
    with pytest.raises(MfaError, match="recycling_rate is in t/yr; it has to be in 1"):
        circularity.mean_number_of_uses(series(0.5))


def test_other_refusals() -> None:
    with pytest.raises(MfaError, match=r"compounding 'daily'.*annual"):
        circularity.growing_reserve_life(1, 1, 0.1, compounding="daily")
    for growth in (-1.0, np.nan, np.inf):
        with pytest.raises(MfaError, match="a rate of growth is above -1"):
            circularity.growing_reserve_life(1, 1, growth)
    with pytest.raises(MfaError, match="needs the dimension 'year'"):
        circularity.peak_year(mfa.array([1.0], "t", region=["CN"]))
    with pytest.raises(MfaError, match="contiguous"):
        circularity.peak_year(mfa.array([1.0, 2.0], "t", year=[2030, 2032]))
    with pytest.raises(MfaError, match=r"displacement: 1\.2; a tonne replaces"):
        circularity.avoided_primary(series(1), 1.2)


# -------------------------------------------------------------- shapes, units


def test_numbers_give_a_number_and_arrays_an_array_in_order() -> None:
    assert isinstance(circularity.collection_rate(1, 2), float)
    part = cube("CN", "DE").transpose("region", "year")
    found = circularity.collection_rate(part, series(2, 2, 2))
    assert found.dims == ("year", "region")
    assert found.name == "collection_rate"
    assert part.dims == ("region", "year")
    assert (found == 0.5).all()


def test_units_of_results() -> None:
    stock, people = cube("CN", unit="t"), cube("CN", unit="person")
    flow = cube("CN")
    assert circularity.in_use_stock_per_capita(stock, people).attrs == {"units": "t/person"}
    assert circularity.in_use_stock_per_capita(stock, 2).attrs == {}
    assert circularity.net_addition_to_stock(flow, flow).attrs == {"units": "t/yr"}
    assert circularity.urban_mine_to_reserve(stock, stock).attrs == {"units": "1"}
    assert circularity.static_reserve_life(stock, flow).attrs == {"units": "yr"}
    assert circularity.growing_reserve_life(stock, flow, 0.01).attrs == {"units": "yr"}
    assert circularity.avoided_primary(flow).attrs == {"units": "t"}
    assert circularity.peak_year(flow).attrs == {"units": "year"}
    assert circularity.crossing_year(flow, flow).attrs == {"units": "year"}


# ----------------------------------------------------------------- milestones


@pytest.mark.parametrize(
    ("values", "year"),
    [
        ((1, 3, 2), 2031),
        ((3, 2, 1), 2030),
        ((3, 3, 1), 2030),
        ((1, 2, 3), np.nan),
        ((1, 3, 3), np.nan),
        ((0, 0, 0), np.nan),
        ((-3, -1, -2), 2031),
    ],
)
def test_a_peak_has_been_seen_once_the_series_falls(values: tuple[float, ...], year: float) -> None:
    np.testing.assert_equal(circularity.peak_year(series(*values)).item(), float(year))


def test_peaks_of_many_series_at_once() -> None:
    both = xr.concat([series(1, 3, 2), series(1, 2, 3)], "sample").assign_coords(sample=[0, 1])
    found = circularity.peak_year(both)
    assert found.dims == ("sample",)
    np.testing.assert_equal(found.values, [2031.0, np.nan])


@pytest.mark.parametrize(
    ("secondary", "first", "for_good"),
    [
        ((1, 3, 5), 2031, 2031),
        ((3, 1, 5), 2030, 2032),
        ((3, 3, 1), 2030, np.nan),
        ((2, 2, 2), np.nan, np.nan),
        ((3, 3, 3), 2030, 2030),
    ],
)
def test_crossing(secondary: tuple[float, ...], first: float, for_good: float) -> None:
    both = series(*secondary), series(2, 2, 2)
    np.testing.assert_equal(circularity.crossing_year(*both).item(), float(first))
    np.testing.assert_equal(circularity.crossing_year(*both, for_good=True).item(), float(for_good))


# ----------------------------------------------------------------------- laws

MASSES = st.floats(0, 1e9)
SHARES = st.floats(0, 1)


@given(MASSES, SHARES, SHARES)
def test_recycling_rate_is_collection_times_process(retired: float, a: float, b: float) -> None:
    collected = retired * a
    recycled = collected * b
    rate = circularity.eol_recycling_rate(recycled, retired)
    product = circularity.collection_rate(collected, retired) * circularity.process_efficiency(
        recycled, collected
    )
    if collected > 1e-300 and recycled > 1e-300:
        assert rate == pytest.approx(product, rel=1e-9)
    elif retired:
        assert rate == pytest.approx(0, abs=1e-9 + 1e-300 / retired)
    else:
        assert np.isnan(rate)


@given(MASSES, MASSES, MASSES)
def test_old_scrap_alone_never_counts_for_more(old: float, new: float, primary: float) -> None:
    total = old + new + primary
    old_only = circularity.eol_recycling_input_rate(old, total)
    both = circularity.recycled_content(old, new, total)
    if total:
        assert 0 <= old_only <= both <= 1 + 1e-9
    else:
        assert np.isnan(old_only) and np.isnan(both)


@given(st.floats(1, 1e6), st.floats(1, 1e3), st.floats(-0.3, 0.3))
def test_production_over_the_life_of_reserves_exhausts_them(
    reserves: float, production: float, growth: float
) -> None:
    years = circularity.growing_reserve_life(reserves, production, growth)
    if growth == 0:
        assert years == reserves / production
    elif not np.isnan(years):
        mined = production * np.expm1(growth * years) / growth
        assert mined == pytest.approx(reserves, rel=1e-6)
    else:
        assert -production / growth <= reserves * (1 + 1e-12)


@given(st.lists(MASSES, min_size=1, max_size=3))
def test_avoided_primary_is_the_sum_and_never_falls(values: list[float]) -> None:
    found = circularity.avoided_primary(series(*values)).values
    assert found[-1] == pytest.approx(sum(values))
    assert (np.diff(found) >= 0).all()


# ------------------------------------------------------------------- the list


def test_every_function_is_listed_with_its_meaning_and_reference() -> None:
    for name in circularity.__all__:
        listed = INDICATORS[name]
        assert listed.function is getattr(circularity, name)
        assert listed.inputs
        assert f"Return {listed.meaning}" in str(listed.function.__doc__)
        assert re.search(r"\d{4}|own definition|yearly", listed.reference), name


def test_the_room_is_reached_from_the_package() -> None:
    assert mfa.indicators.circularity is circularity
    assert "indicators" in dir(mfa)


def test_a_name_is_not_taken_twice() -> None:
    with pytest.raises(MfaError, match=r"'collection_rate' is there already, as mfa\.indicators"):

        @indicator("collection_rate")
        def other(a: float) -> float:
            """Something else."""
            return a

    assert INDICATORS["collection_rate"].function is circularity.collection_rate


def test_an_indicator_says_what_it_means_and_of_what() -> None:
    with pytest.raises(MfaError, match=r"'silent': say what it means"):

        @indicator()
        def silent(a: float) -> float:
            return a

    with pytest.raises(MfaError, match="takes nothing"):

        @indicator(meaning="Always one")
        def constant() -> float:
            return 1.0

    assert not {"silent", "constant"} & set(INDICATORS)


def test_a_cell_of_a_notebook_can_be_run_again(request: pytest.FixtureRequest) -> None:
    request.addfinalizer(lambda: INDICATORS.pop("doubled"))
    functions = []
    for _ in range(2):

        @indicator("doubled", reference="own")
        def doubled(a: float) -> float:
            """Return twice the input."""
            return 2 * a

        functions.append(doubled)
    assert INDICATORS["doubled"].function is functions[1]
    assert INDICATORS["doubled"].reference == "own"


def test_the_command_lists_every_indicator() -> None:
    from click.testing import CliRunner

    from mfa.cli import main
    from mfa.indicators import INDICATORS

    shown = CliRunner().invoke(main, ["indicators"])
    assert shown.exit_code == 0
    for name, found in INDICATORS.items():
        assert f"{name}({', '.join(found.inputs)})" in shown.output
        assert found.meaning in shown.output
