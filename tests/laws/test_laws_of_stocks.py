"""Laws of stocks that stand for whole chapters: growth, sharing, a second life, cohorts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mfa import lifetime, stocks
from mfa.dims import array, years
from mfa.errors import MfaError
from mfa.retirement import stock_by_cohort_retired_early
from mfa.survival import survival_values

COUNT = 30
SPAN = years(2000, 2000 + COUNT - 1)
TYPES = ["small", "large"]
MASS = st.floats(0.0, 1e6, allow_subnormal=False)
MEANS = arrays(float, 2, elements=st.floats(0.4, 25.0))


def over_years(values: Any, units: str = "t") -> xr.DataArray:
    return array(values, units, year=SPAN.values)


def by_type(values: Any, **labels: Any) -> xr.DataArray:
    return array(values, "1", **labels, type=TYPES)


@settings(deadline=None)
@given(
    law=st.sampled_from(["weibull", "lognormal", "gamma", "normal", "gompertz"]),
    moment=st.sampled_from(["start", "middle", "end", "spread"]),
    mean=st.floats(4.0, 25.0),
    growth=st.floats(0.001, 0.12),
)
def test_growth_divides_outflow_and_inflow(
    law: str, moment: str, mean: float, growth: float
) -> None:
    """Under steady growth g, O/I = M(−g) = Σ_a (survival[a−1] − survival[a]) (1 + g)^−a."""
    alive = survival_values(law, 600, moment, mean=mean, std=0.3 * mean)
    factor = (1.0 + growth) ** -np.arange(600.0)
    leaving = -np.diff(alive, prepend=1.0)
    span = years(1500, 2099)
    inflow = array((1.0 + growth) ** np.arange(600.0), "t/yr", year=span.values)
    survival = getattr(lifetime, law)(span, mean=mean, std=0.3 * mean, inflow_at=moment)
    use = stocks.from_inflow(inflow, survival)
    found = float(use.outflow[-1] / inflow[-1])
    np.testing.assert_allclose(found, (leaving * factor).sum(), rtol=1e-9)


@settings(deadline=None)
@given(
    stock=arrays(float, COUNT, elements=MASS),
    means=MEANS,
    small=arrays(float, COUNT, elements=st.floats(0.0, 1.0)),
    choice=st.sampled_from(["allow", "retire_early"]),
)
def test_types_share_the_stock_that_was_told(
    stock: Any, means: Any, small: Any, choice: str
) -> None:
    """Types sum to the stock, divide the inflow by their shares, and conserve mass each."""
    survival = lifetime.weibull(SPAN, mean=by_type(means), shape=2.5)
    shares = by_type(np.stack([small, 1.0 - small], axis=1), year=SPAN.values)
    use = stocks.from_stock(over_years(stock), survival, on_decline=choice, shares=shares)
    size = max(stock.max(), float(np.abs(use.inflow).max()), 1e-300)
    np.testing.assert_allclose(use.stock.sum("type"), stock, rtol=0, atol=1e-10 * size)
    whole = use.inflow.sum("type")
    np.testing.assert_allclose(use.inflow, whole * shares, rtol=0, atol=1e-10 * size)
    change = use.stock.diff("year", label="upper")
    error = (use.inflow - use.outflow).isel(year=slice(1, None)) - change
    assert float(np.abs(error).max()) <= 1e-11 * size
    if choice == "retire_early":
        assert float(use.inflow.min()) >= 0.0
        assert float(use.outflow.min()) >= -1e-12 * size


@settings(deadline=None)
@given(stock=arrays(float, COUNT, elements=MASS), mean=st.floats(0.4, 25.0))
def test_types_of_one_lifetime_are_one_type(stock: Any, mean: float) -> None:
    survival = lifetime.weibull(SPAN, mean=mean, shape=2.5)
    one = stocks.from_stock(over_years(stock), survival, on_decline="retire_early")
    both = stocks.from_stock(
        over_years(stock), survival, on_decline="retire_early", shares=by_type([0.25, 0.75])
    )
    size = max(stock.max(), float(one.inflow.max()), 1e-300)
    np.testing.assert_allclose(both.inflow.sum("type"), one.inflow, rtol=0, atol=1e-10 * size)
    np.testing.assert_allclose(both.outflow.sum("type"), one.outflow, rtol=0, atol=1e-10 * size)


@settings(deadline=None)
@given(
    past=arrays(float, 8, elements=MASS),
    stock=arrays(float, COUNT, elements=MASS),
    mean=st.floats(0.4, 25.0),
)
def test_cohorts_of_a_stock_that_retires_early_sum_to_it(
    past: Any, stock: Any, mean: float
) -> None:
    first = int(SPAN[0])
    survival = lifetime.weibull(years(first - 8, first + COUNT - 1), mean=mean, shape=1.5)
    left = array(past * survival.values[7::-1], "t", cohort=np.arange(first - 8, first))
    use = stocks.from_stock(over_years(stock), survival, left, on_decline="retire_early")
    table = stocks.by_cohort(use.inflow, survival, left, stock=use.stock)
    size = max(stock.max(), past.max(), float(use.inflow.max()), 1e-300)
    np.testing.assert_allclose(table.stock.sum("cohort"), stock, rtol=0, atol=1e-10 * size)
    np.testing.assert_allclose(table.outflow.sum("cohort"), use.outflow, rtol=0, atol=1e-10 * size)
    later = table.stock.sel(cohort=slice(first - 8, first - 1)).diff("year")
    assert float(later.max()) <= 1e-12 * size


def test_a_total_below_what_has_just_entered_leaves_nothing_else() -> None:
    """Nothing is left of the past and rounding asks for less than nothing: no 0/0."""
    found = stock_by_cohort_retired_early([0.0, 3.0], [1.0, 1.0], total=[0.0, np.nextafter(3.0, 0)])
    np.testing.assert_array_equal(found, [[0.0, 0.0], [0.0, 3.0]])


@settings(deadline=None)
@given(
    inflow=arrays(float, COUNT, elements=MASS),
    reused=st.floats(0.0, 1.0),
    kept=st.floats(0.0, 1.0),
    means=arrays(float, 3, elements=st.floats(0.4, 25.0)),
)
def test_second_life_and_hibernation_conserve_mass(
    inflow: Any, reused: float, kept: float, means: Any
) -> None:
    """Retired things are reused, hibernate or are waste; each is a stock fed by arrivals."""
    entering = over_years(inflow, "t/yr")
    lives = [lifetime.weibull(SPAN, mean=float(mean), shape=2.5) for mean in means]
    use = stocks.from_inflow(entering, lives[0])
    second = stocks.from_inflow(reused * use.outflow.assign_attrs(units="t/yr"), lives[1])
    rest = (1.0 - reused) * use.outflow
    drawer = stocks.from_inflow(kept * rest, lives[2])
    collected = (1.0 - kept) * rest + second.outflow + drawer.outflow
    standing = use.stock[-1] + second.stock[-1] + drawer.stock[-1]
    total = float(collected.sum() + standing)
    np.testing.assert_allclose(total, inflow.sum(), rtol=1e-12)


def test_impossible_shares_are_named() -> None:
    survival = lifetime.weibull(SPAN, mean=by_type([10.0, 12.0]), shape=2.5)
    fleet = over_years(np.linspace(1.0, 9.0, COUNT))
    with pytest.raises(MfaError, match=r"sum to 1 over type; in some year they sum to 0\.9"):
        stocks.from_stock(fleet, survival, shares=by_type([0.4, 0.5]))
    with pytest.raises(MfaError, match="shares: need a dimension of types that the stock lacks"):
        stocks.from_stock(fleet, survival, shares=xr.ones_like(fleet))
    cohorts = array(np.ones(3), "t", cohort=[1997, 1998, 1999])
    longer = lifetime.weibull(years(1997, int(SPAN[-1])), mean=by_type([10.0, 12.0]), shape=2.5)
    with pytest.raises(MfaError, match=r"initial: has the dimensions \(\), the stock \(type\)"):
        stocks.from_stock(fleet, longer, cohorts, shares=by_type([0.5, 0.5]))
    with pytest.raises(MfaError, match=r"stock: the cohorts of this inflow sum to .* in year 2000"):
        stocks.by_cohort(over_years(np.ones(COUNT), "t/yr"), survival, stock=5.0 * fleet)
