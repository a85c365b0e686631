"""How much can be mined: laws of depletion, blocks, mines and markets, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import mfa
from mfa import availability

SHIPPED = Path(__file__).parents[2] / "scenarios"
numbers = st.floats(0, 100)
blocks = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8)


def history(first: int, last: int, **path: Any) -> tuple[xr.DataArray, float]:
    years = np.arange(first - 1, last + 1)
    cumulative = availability.hubbert(years, **path).cumulative_production
    made = cumulative.diff("year").assign_coords(year=years[1:])
    return made, float(cumulative[0])


def test_two_cycles_are_added_and_found_again() -> None:
    made, before = history(1900, 2020, ultimate=[40.0, 100.0], rate=[0.12, 0.09], peak=[1940, 2000])
    found = availability.fit_hubbert(made, reserves=1, resources=100, cycles=2, before=before)
    np.testing.assert_allclose(found.ultimate, [40, 100], rtol=1e-3)
    np.testing.assert_allclose(found.peak, [1940, 2000], atol=0.1)
    one = availability.fit_hubbert(made, reserves=1, resources=100, before=before)
    assert one.error > 10 * found.error
    np.testing.assert_allclose(
        found.predict(made.year).cumulative_production, before + made.cumsum(), rtol=1e-3
    )


def test_reserves_bound_what_a_young_history_does_not_know() -> None:
    made, before = history(1950, 2000, ultimate=1000.0, rate=0.06, peak=2040)
    seen = before + float(made.sum())
    low = availability.fit_hubbert(made, reserves=100, resources=300, before=before)
    assert low.at_bound == "high"
    assert low.total == pytest.approx(seen + 300, rel=1e-3)
    table = low.sensitivity
    assert (table.peak_year.diff("total") >= 0).all()
    assert (table.total >= low.bounds[0] * (1 - 1e-9)).all()
    wide = availability.fit_hubbert(made, reserves=100, resources=5000, before=before)
    assert wide.at_bound == ""
    assert wide.total == pytest.approx(1000, rel=0.02)


def test_world_nickel_has_a_sensitivity_that_says_how_little_is_known() -> None:
    mined = pd.read_csv(SHIPPED / "data" / "mine_production_world.csv")
    own = mined[mined.material == "Ni"].set_index("year").value
    own = own.loc[1950:2022]
    made = xr.DataArray(own.values, {"year": own.index.values}, ("year",))
    found = availability.fit_hubbert(made, reserves=1.3e8, resources=3.5e8)
    spread = found.sensitivity.peak_year
    assert float(spread.max() - spread.min()) > 10
    assert found.bounds[0] <= found.total * (1 + 1e-9)


@given(blocks, st.lists(st.floats(0, 500), min_size=1, max_size=5), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_cleared_never_exceeds_what_is_available(own: Any, asked: Any, excluded: float) -> None:
    found = availability.clear(own, asked, excluded=excluded)
    whole = sum(q for _, q in own) * (1 - excluded)
    assert (found.quantity <= whole * (1 + 1e-12)).all()
    assert (found.quantity <= np.array(asked)).all()
    np.testing.assert_allclose(found.quantity + found.unmet, asked, atol=1e-9)
    np.testing.assert_allclose(found.used.sum("block"), found.quantity, atol=1e-9)
    for price, quantity in zip(found.marginal_cost.values, found.quantity.values, strict=True):
        if np.isfinite(price):
            within = availability.available(own, float(price), excluded=excluded)
            assert quantity <= within * (1 + 1e-9) + 1e-9


def test_an_adder_changes_the_order_and_an_excluded_share_the_amount() -> None:
    own = [(1, 10), (2, 20)]
    dirty = availability.clear(own, 15, adder=[3.0, 0.0])
    assert dirty.used.values.tolist() == [0.0, 15.0]
    assert float(dirty.marginal_cost) == 2.0
    none = availability.clear(own, 25, excluded=[1.0, 0.5])
    assert float(none.unmet) == 15.0
    assert np.isnan(none.marginal_cost)


@given(
    st.floats(1, 100), st.floats(1, 100), st.floats(0.3, 0.99), st.floats(-0.9, -0.05),
    st.floats(0, 1), st.sampled_from([np.inf, 20.0]), st.sampled_from([0.0, 5.0]),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_price_never_falls_when_supply_is_cut(
    demand: float,
    supply: float,
    cut: float,
    down: float,
    up: float,
    capacity: float,
    release: float,
) -> None:
    more = {"demand_elasticity": down, "supply_elasticity": up, "release": release}
    before = availability.market_balance(demand, supply, capacity=capacity, **more)
    after = availability.market_balance(demand, supply * cut, capacity=capacity, **more)
    tight = availability.market_balance(demand, supply, capacity=capacity * cut, **more)
    for found in (after, tight):
        assert float(found.price_index) >= float(before.price_index) * (1 - 1e-9)
    met = float(before.supply) + release
    assert met == pytest.approx(float(before.quantity), rel=1e-6)


def test_at_the_limit_the_price_follows_demand_alone() -> None:
    found = availability.market_balance(100.0, 100.0, capacity=80.0)
    assert float(found.price_index) == pytest.approx(0.8 ** (1 / -0.2))
    assert float(found.quantity) == pytest.approx(80.0)
    assert bool(found.limited)


def test_lead_times_with_a_spread_come_at_their_mean() -> None:
    years = range(2020, 2080)
    sharp = availability.pipeline([(2022, 100)], years, lead=8.5)
    wide = availability.pipeline([(2022, 100)], years, lead=8.5, lead_spread=2.0)
    late = availability.pipeline([(2022, 100)], years, lead=8.0)
    early = availability.pipeline([(2022, 100)], years, lead=9.0)
    made = [float(found.capacity.sum()) for found in (early, wide, late)]
    assert made[0] < made[1] < made[2]
    assert float(sharp.capacity.sel(year=2030)) == 0.0 < float(wide.capacity.sel(year=2028))
    assert (wide.capacity.diff("year") >= -1e-9).all()
    assert float(wide.capacity[-1]) == pytest.approx(100)


def test_mines_decline_close_and_may_never_come() -> None:
    projects = [
        {"name": "sure", "decided": 2020, "size": 10, "status": "construction", "lead": 2, "ramp": 1},
        {"name": "short", "decided": 2020, "size": 10, "lead": 1, "ramp": 1, "life": 3},
    ]  # fmt: skip
    found = availability.pipeline(projects, range(2020, 2027), base=100, decline=0.1)
    np.testing.assert_allclose(found.base, 100 * 0.9 ** np.arange(7))
    assert found.by_project.sel(project="sure").values.tolist() == [0, 0, 9, 9, 9, 9, 9]
    assert found.by_project.sel(project="short").values.tolist() == [0, 10, 10, 10, 0, 0, 0]


def test_the_pipeline_shows_when_fast_electrification_outruns_capacity() -> None:
    run = mfa.run(mfa.read_scenario(SHIPPED / "fast_electrification.yaml"))
    mined = run.mine_to_ore.sum("mine_country").sel(material="Ni", year=slice(2024, 2050))
    now = float(mined.sel(year=2024))
    projects = [(year, 0.06 * now) for year in range(2018, 2045)]
    found = availability.pipeline(
        projects, range(2024, 2051), base=now, decline=0.02, lead=8.5, lead_spread=1
    )
    short = (mined > found.capacity).values
    assert short.any()
    assert int(mined.year[short.argmax()]) > 2024


def test_value_is_quantity_times_price() -> None:
    flow = mfa.array([10.0, 20.0], "t/yr", year=[2020, 2021])
    price = mfa.array([2.0, 3.0], "USD/t", year=[2020, 2021])
    found = availability.value_flow(flow, price)
    assert found.values.tolist() == [20.0, 60.0]
    assert found.attrs["units"] == "USD/yr"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: availability.hubbert(2000, ultimate=0, rate=0.1, peak=1990), "ultimate is 0"),
        (lambda: availability.hubbert(2000, ultimate=1, rate=np.nan, peak=1990), "rate holds NaN"),
        (lambda: availability.fit_hubbert([1, 2, 3]), "needs one dimension, 'year'"),
        (lambda: availability.fit_hubbert(mfa.array(np.ones(9), year=range(9)), reserves=5, resources=1), "a part of them"),
        (lambda: availability.fit_hubbert(mfa.array(np.ones(3), year=range(3))), "too few"),
        (lambda: availability.clear([], 1), "a list of (cost, quantity)"),
        (lambda: availability.clear([(1, -2)], 1), "a quantity below 0"),
        (lambda: availability.clear([(1, 2)], -1), "a demand is NaN, infinite or below 0"),
        (lambda: availability.clear([(1, 2)], 1, excluded=1.5), "between 0 and 1"),
        (lambda: availability.pipeline([(2020, -1)], range(3)), "size is -1"),
        (lambda: availability.pipeline([{"decided": 1, "size": 1, "statsu": "x"}], range(3)), "unknown key 'statsu'"),
        (lambda: availability.pipeline([{"decided": 1, "size": 1, "status": "x"}], range(3)), "unknown status 'x'"),
        (lambda: availability.pipeline([], [2020, 2022]), "contiguous"),
        (lambda: availability.market_balance(1.0, 1.0, demand_elasticity=0.2), "below 0"),
        (lambda: availability.market_balance(1.0, 0.0), "no price clears"),
        (lambda: availability.market_balance(-1.0, 1.0), "demand: -1"),
    ],
)  # fmt: skip
def test_refuses_with_one_message(call: Any, message: str) -> None:
    with pytest.raises(mfa.MfaError) as told:
        call()
    assert message in str(told.value)


def test_capacities_by_label_are_the_pipelines_of_each() -> None:
    labels = {"mine_country": ["A", "B"], "material": ["Ni", "Co"]}
    base = mfa.array([[50.0, 5.0], [0.0, 1.0]], "t/yr", **labels)
    one = {
        "mine_country": "A",
        "material": "Co",
        "decided": 2024,
        "size": 10.0,
        "status": "construction",
    }
    two = {"mine_country": "A", "material": "Co", "decided": 2026, "size": 4.0, "lead": 3}
    found = availability.mine_capacity(
        [one, two], range(2024, 2045), base=base, decline=0.02, lead=8.5, lead_spread=1.5
    )
    assert found.dims == ("year", "mine_country", "material") and found.attrs["units"] == "t/yr"
    plain = [{k: v for k, v in p.items() if k not in labels} for p in (one, two)]
    alone = availability.pipeline(
        plain, range(2024, 2045), base=5.0, decline=0.02, lead=8.5, lead_spread=1.5
    )
    np.testing.assert_allclose(found.sel(mine_country="A", material="Co"), alone.capacity)
    assert (found.sel(mine_country="B", material="Ni") == 0).all()
    assert bool((found.sel(year=2024) == base).all())


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ((2024, 10.0), "is no mapping with labels"),
        ({"decided": 2024, "size": 1.0}, "lacks 'mine_country'; say which of A, B"),
        ({"mine_country": "C", "decided": 2024, "size": 1.0}, "'C' is not in the base"),
        ({"mine_country": "A", "decided": 2024, "size": -1.0}, "project 1: size is -1.0"),
    ],
)
def test_capacities_refuse_projects_that_belong_nowhere(project: object, message: str) -> None:
    base = mfa.array([50.0, 1.0], "t/yr", mine_country=["A", "B"])
    with pytest.raises(mfa.MfaError, match=message):
        availability.mine_capacity([project], range(2024, 2030), base=base)


def test_the_market_in_tonnes_and_in_shares_is_the_same() -> None:
    """`indicators.risk.price_ratio` is `market_balance` over the old demand."""
    from mfa.indicators import risk

    random = np.random.default_rng(2)
    for _ in range(50):
        demand, share = random.uniform(1, 1e6), random.uniform(0.3, 1.2)
        down, up, most = -random.uniform(0.05, 1), random.uniform(0, 1), random.uniform(0.5, 1.5)
        elastic = {"demand_elasticity": down, "supply_elasticity": up}
        market = availability.market_balance(
            demand, share * demand, capacity=most * demand, **elastic
        )
        ratio = risk.price_ratio(share, capacity=most, **elastic)
        assert float(market.price_index) == pytest.approx(float(ratio), rel=1e-10)
