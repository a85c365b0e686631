"""Laws of the cohort model: inverse, linear, mass-conserving, blind to what rides along."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mfa import kernels, lifetime, stocks
from mfa.dims import years
from mfa.errors import MfaError
from mfa.survival import survival_values

COUNT = 25
SPAN = years(2000, 2000 + COUNT - 1)
REGIONS = ["CN", "EU", "US"]
MASS = st.floats(0.0, 1e6, allow_subnormal=False)
INFLOWS = arrays(float, (3, COUNT), elements=MASS)
MEANS = arrays(float, 3, elements=st.floats(0.3, 30.0))
COHORT_MEANS = arrays(float, (3, COUNT), elements=st.floats(0.3, 30.0))


def labelled(values: Any, units: str | None = None) -> xr.DataArray:
    attrs = {} if units is None else {"units": units}
    coords = {"region": REGIONS, "year": SPAN.values}
    return xr.DataArray(values, dims=("region", "year"), coords=coords, attrs=attrs)


def surviving(means: Any) -> xr.DataArray:
    values = np.asarray(means)
    dims = ("region", "cohort")[: values.ndim]
    coords = {"region": REGIONS, "cohort": SPAN.values}
    mean = xr.DataArray(values, dims=dims, coords={dim: coords[dim] for dim in dims})
    return lifetime.weibull(SPAN, mean=mean, shape=2.2)


def direct(inflow: Any, alive: Any, by_cohort: bool) -> Any:
    """Sum cohort by cohort, as the definition says."""
    stock = np.zeros(inflow.shape)
    for year in range(inflow.shape[-1]):
        for cohort in range(year + 1):
            at = (..., cohort, year - cohort) if by_cohort else (..., year - cohort)
            stock[..., year] += alive[at] * inflow[..., cohort]
    return stock


@settings(deadline=None)
@given(inflow=INFLOWS, means=st.one_of(MEANS, COHORT_MEANS))
def test_stock_is_the_sum_over_cohorts(inflow: Any, means: Any) -> None:
    alive = survival_values("weibull", COUNT, mean=means, shape=2.2)
    before = inflow.copy(), alive.copy()
    by_cohort = means.ndim == 2
    stock = kernels.stock_from_inflow(inflow, alive, by_cohort)
    np.testing.assert_allclose(stock, direct(inflow, alive, by_cohort), rtol=1e-13, atol=1e-300)
    tables = kernels.stock_by_cohort(inflow, alive, by_cohort)
    np.testing.assert_allclose(tables.sum(axis=-1), stock, rtol=1e-12, atol=1e-300)
    np.testing.assert_array_equal(before[0], inflow)
    np.testing.assert_array_equal(before[1], alive)


@pytest.mark.parametrize("lead", [((), ()), ((3,), ()), ((), (3,)), ((3, 1), (2,)), ((1,), (1, 1))])
def test_every_structure_gives_the_same_numbers(lead: Any) -> None:
    random = np.random.default_rng(7)
    inflow = random.uniform(1.0, 5.0, (*lead[0], COUNT))
    alive = np.sort(random.uniform(0.0, 1.0, (*lead[1], COUNT + 4)), axis=-1)[..., ::-1]
    stock = kernels.stock_from_inflow(inflow, alive)
    shape = np.broadcast_shapes(lead[0], lead[1])
    assert stock.shape == (*shape, COUNT)
    whole = np.broadcast_to(inflow, (*shape, COUNT))
    np.testing.assert_allclose(stock, direct(whole, alive, False), rtol=1e-13)
    back = kernels.inflow_from_stock(stock, alive)
    np.testing.assert_allclose(back, whole, rtol=1e-9)
    same = np.broadcast_to(alive[..., np.newaxis, :], (*lead[1], COUNT, COUNT + 4))
    np.testing.assert_allclose(kernels.stock_from_inflow(inflow, same, True), stock, rtol=1e-12)
    np.testing.assert_allclose(kernels.inflow_from_stock(stock, same, True), whole, rtol=1e-9)


@settings(deadline=None)
@given(inflow=INFLOWS, means=st.one_of(MEANS, COHORT_MEANS))
def test_inflow_to_stock_and_back(inflow: Any, means: Any) -> None:
    survival = surviving(means)
    use = stocks.from_inflow(labelled(inflow), survival)
    back = stocks.from_stock(use.stock, survival)
    size = np.abs(inflow).max(axis=-1, keepdims=True)
    np.testing.assert_allclose(
        back.inflow.transpose("region", "year"), inflow, rtol=1e-9, atol=1e-9 * size.max()
    )


@settings(deadline=None)
@given(one=INFLOWS, other=INFLOWS, factor=st.floats(-3, 3), means=MEANS)
def test_linear_in_the_inflow(one: Any, other: Any, factor: float, means: Any) -> None:
    survival = surviving(means)

    def level(values: Any) -> Any:
        return stocks.from_inflow(labelled(values), survival).stock.values

    together = level(one) + factor * level(other)
    size = np.abs(level(one)).max() + 3 * np.abs(level(other)).max()
    np.testing.assert_allclose(level(one + factor * other), together, rtol=0, atol=1e-13 * size)


@settings(deadline=None)
@given(
    inflow=INFLOWS,
    means=MEANS,
    initial=arrays(float, (3, 6), elements=MASS),
    choice=st.sampled_from(["none", "cohorts", "run_off"]),
)
def test_mass_is_conserved(inflow: Any, means: Any, initial: Any, choice: str) -> None:
    """Initial stock + Σ inflow = Σ outflow + final stock."""
    past = np.arange(1994, 2000)
    mean = xr.DataArray(means, dims="region", coords={"region": REGIONS})
    survival = lifetime.weibull(years(1994, 2024), mean=mean + 1.0, shape=1.5)
    stock = xr.DataArray(
        initial, dims=("region", "cohort"), coords={"region": REGIONS, "cohort": past}
    )
    whole = stock.sum("cohort")
    starts = {"none": None, "cohorts": stock, "run_off": stocks.run_off(whole, survival, SPAN)}
    start = starts[choice]
    before = 0.0 * whole if start is None else whole
    use = stocks.from_inflow(labelled(inflow), survival, initial=start)
    gained = before + use.inflow.sum("year")
    kept = use.outflow.sum("year") + use.stock.sel(year=2024)
    np.testing.assert_allclose(gained, kept, rtol=1e-12, atol=1e-280)
    assert (use.outflow >= 0).all()
    back = stocks.from_stock(use.stock, survival, initial=start, on_decline="allow")
    size = float(use.stock.max()) + 1e-280
    np.testing.assert_allclose(
        back.inflow, use.inflow.transpose(*back.inflow.dims), atol=1e-9 * size
    )


@settings(deadline=None)
@given(
    stock=arrays(float, (3, COUNT), elements=st.floats(0, 1e6, allow_subnormal=False)), means=MEANS
)
def test_early_retirement_meets_the_stock_without_negative_flows(stock: Any, means: Any) -> None:
    use = stocks.from_stock(labelled(stock), surviving(means), on_decline="retire_early")
    assert (use.inflow >= 0).all()
    assert (use.outflow >= 0).all()
    final = labelled(stock).sel(year=2024)
    balance = use.inflow.sum("year") - use.outflow.sum("year") - final
    assert abs(balance).max() <= 1e-12 * (use.inflow.sum("year").max() + 1e-280)


def test_early_retirement_takes_the_same_share_of_the_initial_stock() -> None:
    survival = lifetime.table(years(2018, 2022), survival=[1.0] * 5)
    initial = xr.DataArray([3.0, 1.0], dims="cohort", coords={"cohort": [2018, 2019]})
    stock = xr.DataArray([6.0, 3.0, 4.0], dims="year", coords={"year": [2020, 2021, 2022]})
    use = stocks.from_stock(stock, survival, initial=initial, on_decline="retire_early")
    assert use.inflow.values.tolist() == [2.0, 0.0, 1.0]
    assert use.outflow.values.tolist() == [0.0, 3.0, 0.0]


@settings(deadline=None)
@given(inflow=INFLOWS, means=st.one_of(MEANS, COHORT_MEANS))
def test_cohorts_sum_to_the_totals(inflow: Any, means: Any) -> None:
    survival = surviving(means)
    use = stocks.from_inflow(labelled(inflow), survival)
    cohorts = stocks.by_cohort(labelled(inflow), survival)
    assert cohorts.stock.dims == ("year", "cohort", "region")
    size = float(use.stock.max()) + 1e-280
    np.testing.assert_allclose(cohorts.stock.sum("cohort"), use.stock, rtol=0, atol=1e-13 * size)
    np.testing.assert_allclose(
        cohorts.outflow.sum("cohort"), use.outflow, rtol=0, atol=1e-12 * size
    )
    assert (cohorts.outflow >= 0).all()


@settings(deadline=None)
@given(inflow=INFLOWS, means=st.one_of(MEANS, COHORT_MEANS))
def test_a_dimension_added_and_summed_changes_nothing(inflow: Any, means: Any) -> None:
    survival = surviving(means)
    share = xr.DataArray([0.25, 0.75], dims="product", coords={"product": ["car", "bus"]})
    plain = stocks.from_inflow(labelled(inflow), survival)
    split = stocks.from_inflow(labelled(inflow) * share, survival)
    assert split.stock.dims == ("year", "region", "product")
    size = float(plain.stock.max()) + 1e-280
    np.testing.assert_allclose(split.stock.sum("product"), plain.stock, rtol=0, atol=1e-13 * size)


@settings(deadline=None)
@given(inflow=INFLOWS, means=MEANS)
def test_order_of_labels_does_not_matter(inflow: Any, means: Any) -> None:
    survival = surviving(means)
    turned = stocks.from_inflow(labelled(inflow)[::-1], survival.sel(region=REGIONS[::-1]))
    plain = stocks.from_inflow(labelled(inflow), survival)
    np.testing.assert_array_equal(turned.stock.sel(region=REGIONS), plain.stock)


@settings(deadline=None)
@given(inflow=INFLOWS, means=st.one_of(MEANS, COHORT_MEANS), year=st.integers(0, COUNT - 1))
def test_release_from_history_is_the_outflow_less_that_of_the_year(
    inflow: Any, means: Any, year: int
) -> None:
    alive = survival_values("weibull", COUNT, mean=means, shape=2.2)
    by_cohort = means.ndim == 2
    stock = kernels.stock_from_inflow(inflow, alive, by_cohort)
    whole = kernels.outflow(inflow, stock)[..., year]
    first = alive[..., year, 0] if by_cohort else alive[..., 0]
    later = kernels.release_from_history(inflow, alive, year, by_cohort)
    expected = whole - (1.0 - first) * inflow[..., year]
    np.testing.assert_allclose(later, expected, rtol=0, atol=1e-12 * (stock.max() + 1e-280))


def test_tiny_inflow_beside_a_huge_one_keeps_its_digits() -> None:
    import math

    inflow = np.ones((2, 60))
    inflow[0, 10] = 1e16
    inflow[1] = 1e-8 * 1.3 ** np.arange(60)
    alive = survival_values("weibull", 60, mean=np.array([3.0, 9.0]), shape=4.0)
    stock = kernels.stock_from_inflow(inflow, alive)
    for series in range(2):
        for year in range(60):
            exact = math.fsum(inflow[series, : year + 1] * alive[series, year::-1])
            assert abs(stock[series, year] - exact) <= 1e-14 * exact


def test_backcast_then_run_gives_the_initial_stock() -> None:
    past = xr.DataArray([4.0, 3.0, 2.0, 5.0], dims="year", coords={"year": np.arange(2000, 2004)})
    survival = lifetime.weibull(years(2000, 2003), mean=4, shape=2)
    final = stocks.by_cohort(past, survival).stock.sel(year=2003, drop=True)
    xr.testing.assert_allclose(stocks.backcast_inflow(final, survival), past, rtol=1e-14)


def test_run_in_two_parts_equals_the_whole() -> None:
    inflow = labelled(np.random.default_rng(3).uniform(1, 9, (3, COUNT)), "t/yr")
    survival = surviving(np.linspace(3, 20, 3 * COUNT).reshape(3, COUNT))
    whole = stocks.from_inflow(inflow, survival)
    first = years(2000, 2009)
    early = survival.sel(cohort=first.values)
    cohorts = stocks.by_cohort(inflow.sel(year=first.values), early).stock
    initial = cohorts.sel(year=2009, drop=True)
    second = stocks.from_inflow(inflow.sel(year=slice(2010, None)), survival, initial=initial)
    late = whole.stock.sel(year=slice(2010, None))
    xr.testing.assert_allclose(second.stock, late, rtol=1e-12)
    xr.testing.assert_allclose(
        second.outflow, whole.outflow.sel(year=slice(2010, None)), rtol=1e-10
    )


@settings(deadline=None)
@given(growth=st.floats(-0.2, 0.5))
def test_initial_from_growth_has_the_total_and_the_growth(growth: float) -> None:
    survival = lifetime.weibull(years(1960, 1999), mean=12, shape=2)
    total = xr.DataArray(90.0, attrs={"units": "t"})
    shared = stocks.initial_from_growth(total, survival, years(1960, 1999), growth)
    np.testing.assert_allclose(shared.sum(), 90.0, rtol=1e-12)
    inflow = stocks.backcast_inflow(shared.sel(cohort=slice(1990, None)), survival)
    np.testing.assert_allclose(inflow[1:].values / inflow[:-1].values, 1 + growth, rtol=1e-9)


def test_units_are_carried() -> None:
    use = stocks.from_inflow(labelled(np.ones((3, COUNT)), "t/yr"), surviving([5.0, 6.0, 7.0]))
    assert (use.stock.attrs["units"], use.outflow.attrs["units"]) == ("t", "t/yr")
    assert use.stock.attrs["inflow_at"] == "spread"
    assert stocks.from_stock(use.stock, surviving([5.0, 6.0, 7.0])).inflow.attrs["units"] == "t/yr"


ONES = np.ones((3, COUNT))
LIVES = surviving([5.0, 6.0, 7.0])
FALLING = labelled(np.stack([np.ones(COUNT), 0.5 ** np.arange(COUNT), np.ones(COUNT)]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stocks.from_inflow(labelled(ONES), LIVES[:, ::-1]), "another order"),
        (lambda: stocks.from_inflow(labelled(ONES), LIVES[:, :2]), "only in inflow: .*US"),
        (lambda: stocks.from_inflow(labelled(ONES), LIVES[:9]), "9 ages, but 25 years of entry"),
        (lambda: stocks.from_inflow(labelled(ONES)[:, ::2], LIVES), "contiguous"),
        (lambda: stocks.from_inflow(labelled(ONES, "t"), LIVES), "a flow is per year, as 't/yr'"),
        (lambda: stocks.from_stock(labelled(ONES, "t/yr"), LIVES), "a stock is not per year"),
        (lambda: stocks.from_inflow(labelled(ONES).drop_vars("year"), LIVES), "has no labels"),
        (
            lambda: stocks.from_inflow(labelled(ONES).where(SPAN != 2003), LIVES),
            "not a finite number .region CN, year 2003",
        ),
        (
            lambda: stocks.from_stock(FALLING, LIVES),
            "faster than it retires in year 2001, region EU.*'retire_early'.*'allow'",
        ),
        (lambda: stocks.from_stock(FALLING, LIVES, on_decline="clip"), "raise, allow"),
        (
            lambda: stocks.from_inflow(
                labelled(ONES), LIVES, initial=xr.DataArray([1.0], coords={"cohort": [1998]})
            ),
            "must end in 1999",
        ),
        (
            lambda: stocks.backcast_inflow(
                xr.DataArray([1.0, 1.0], coords={"cohort": [1998, 1999]}),
                lifetime.table(years(1998, 1999), survival=[1.0, 0.0]),
            ),
            "left of cohort 1998",
        ),
        (lambda: kernels.stock_from_inflow(np.ones(5), np.ones(4)), "4 ages, fewer than the 5"),
        (
            lambda: kernels.inflow_from_stock(np.ones((2, 2)), [[1.0, 0.0], [0.0, 0.0]]),
            r"at cell \(1,\)",
        ),
    ],
)
def test_errors_say_where_and_what_to_do(call: Any, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        call()


def test_an_initial_stock_is_not_repeated_along_a_dimension() -> None:
    """CONVENTIONS §2: adding never broadcasts."""
    inflow = labelled(np.ones((3, COUNT)))
    survival = lifetime.exponential(years(1999, 1999 + COUNT), mean=5.0)
    whole = xr.DataArray([90.0], dims="cohort", coords={"cohort": [1999]})
    with pytest.raises(MfaError, match=r"initial: has the dimensions \(\), the inflow \(region\)"):
        stocks.from_inflow(inflow, survival, initial=whole)
    parts = whole.expand_dims(region=REGIONS)
    with pytest.raises(MfaError, match=r"has the dimensions \(region\), the stock \(\)"):
        stocks.from_stock(inflow.sum("region"), survival, initial=parts)


def test_cases_beside_each_other_have_three_arrays_alike() -> None:
    several = lifetime.weibull(
        SPAN, mean=xr.DataArray([5.0, 9.0], {"sample": [0, 1]}, ["sample"]), shape=2.0
    )
    stock = labelled(np.linspace([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], COUNT).T)
    use = stocks.from_stock(stock, several)
    assert use.stock.dims == use.inflow.dims == use.outflow.dims
    np.testing.assert_array_equal(use.stock.isel(sample=1).transpose(*stock.dims), stock)


def test_years_of_shares_and_of_a_told_stock_are_those_of_the_run() -> None:
    """CONVENTIONS §1: identical labels in the same order."""
    survival = lifetime.weibull(SPAN, mean=9.0, shape=2.0)
    fleet = xr.DataArray(np.linspace(1.0, 9.0, COUNT), {"year": SPAN.values}, ["year"])
    half = xr.DataArray(
        np.full((COUNT, 2), 0.5), {"year": SPAN.values, "type": ["a", "b"]}, ["year", "type"]
    )
    for wrong in (
        half.isel(year=slice(None, None, -1)),
        half.isel(year=[0]),
        half.isel(year=[0, 1]),
    ):
        with pytest.raises(MfaError, match="shares: its years must be those of the stock"):
            stocks.from_stock(fleet, survival, shares=wrong)
    use = stocks.from_stock(fleet, survival)
    with pytest.raises(MfaError, match="stock: its years must be those of the inflow"):
        stocks.by_cohort(use.inflow, survival, stock=fleet.isel(year=[3]))


def test_a_mixture_may_have_a_type_that_is_gone_within_a_year() -> None:
    lives = xr.DataArray([0.2, 4.0], {"type": ["a", "b"]}, ["type"])
    survival = lifetime.fixed(SPAN, mean=lives, inflow_at="start")
    half = xr.DataArray([0.5, 0.5], {"type": ["a", "b"]}, ["type"])
    fleet = xr.DataArray(np.linspace(1.0, 9.0, COUNT), {"year": SPAN.values}, ["year"])
    use = stocks.from_stock(fleet, survival, shares=half, on_decline="allow")
    assert float(use.stock.sel(type="a").max()) == 0.0
    np.testing.assert_allclose(use.stock.sum("type"), fleet, rtol=1e-12)


def test_what_is_no_survival_is_refused() -> None:
    survival = lifetime.weibull(SPAN, mean=9.0, shape=2.0)
    inflow = labelled(np.ones((3, COUNT)))
    with pytest.raises(MfaError, match="survival: is in '%'"):
        stocks.from_inflow(inflow, (survival * 100).assign_attrs(units="%"))
    with pytest.raises(MfaError, match="of a cohort in its first year; at most 1"):
        stocks.from_inflow(inflow, survival * 100)


def test_ordinary_mistakes_are_said_in_words() -> None:
    survival = lifetime.weibull(SPAN, mean=9.0, shape=2.0)
    inflow = labelled(np.ones((3, COUNT))).isel(region=0, drop=True)
    total = xr.DataArray(9.0)
    calls: dict[str, Any] = {
        "has the dimension 'cohort'": lambda: stocks.from_inflow(
            inflow.expand_dims(cohort=[1]), survival
        ),
        "whole numbers, like 2020, not float64": lambda: stocks.from_inflow(
            inflow.assign_coords(year=inflow.year + 0.5), survival
        ),
        "has no years": lambda: stocks.from_inflow(inflow.isel(year=slice(0, 0)), survival),
        "total: is told at one moment": lambda: stocks.run_off(inflow, survival, SPAN),
        "growth is one number": lambda: stocks.initial_from_growth(
            total, survival, SPAN, growth=inflow
        ),
    }
    for message, call in calls.items():
        with pytest.raises(MfaError, match=message):
            call()
