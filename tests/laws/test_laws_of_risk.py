"""Laws of supply risk, trade and disruption, on anything that may be given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import mfa
from mfa import disruptions, trade
from mfa.indicators import risk

UNIT = st.floats(0, 1)
AMOUNTS = st.lists(st.floats(0, 1e6), min_size=2, max_size=8).filter(lambda a: sum(a) > 1e-3)


def made(amounts: Any) -> xr.DataArray:
    return risk.shares(on_countries(np.asarray(amounts)), "country")


def on_countries(values: Any, unit: str = "1") -> xr.DataArray:
    return mfa.array(values, unit, country=[f"country {i}" for i in range(len(values))])


def merged(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.concatenate([[values[0] + values[1]], values[2:]])


# ------------------------------------------------------------ concentration


@given(AMOUNTS)
def test_a_merger_never_lowers_concentration_and_a_split_never_raises_it(
    amounts: list[float],
) -> None:
    apart, together = made(amounts), made(merged(np.asarray(amounts)))
    for index in (risk.herfindahl, risk.largest_share):
        assert float(index(together, "country")) >= float(index(apart, "country")) - 1e-12


@given(AMOUNTS, st.data(), st.sampled_from(["max", "product"]))
def test_a_merger_never_lowers_disruption_potential(
    amounts: list[float], data: st.DataObject, combine: str
) -> None:
    """What merges has the risk of its parts, by what each makes."""
    numbers = np.asarray(amounts)
    able, willing = (
        np.asarray(data.draw(st.lists(UNIT, min_size=len(amounts), max_size=len(amounts))))
        for _ in range(2)
    )
    both = np.maximum(able, willing) if combine == "max" else able * willing
    weight = numbers[:2] / numbers[:2].sum() if numbers[:2].sum() else np.array([0.5, 0.5])
    joined = np.concatenate([[weight @ both[:2]], both[2:]])
    one = np.ones_like(joined) if combine == "product" else joined
    apart = risk.disruption_potential(
        made(numbers), on_countries(able), on_countries(willing), "country", combine
    )
    together = risk.disruption_potential(
        made(merged(numbers)), on_countries(joined), on_countries(one), "country", combine
    )
    assert 0 <= float(apart) <= float(together) + 1e-12 <= 1 + 2e-12


@given(AMOUNTS)
def test_concentration_lies_between_equal_producers_and_one(amounts: list[float]) -> None:
    share = made(amounts)
    index, count = float(risk.herfindahl(share, "country")), int((share > 0).sum())
    assert 1 / count - 1e-9 <= index <= 1 + 1e-9
    assert 1 - 1e-9 <= risk.effective_number(min(index, 1.0)) <= count + 1e-6
    assert 0 <= float(risk.normalised_herfindahl(share, "country")) <= 1
    assert -1e-12 <= float(risk.gini(share, "country")) <= 1 - 1 / len(amounts) + 1e-9


@given(AMOUNTS, st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_bounds_of_a_lump_hold_however_it_is_divided(
    amounts: list[float], parts: list[float]
) -> None:
    """Whoever is in the lump, if none of them is larger than the smallest who is named."""
    named = [a for a in amounts if a > 0]
    lump = np.asarray(parts) * min(named)
    assume(lump.sum() > 0)
    whole = on_countries([*named, lump.sum()])
    found = risk.herfindahl_bounds(
        risk.shares(whole, "country"), "country", str(whole["country"].values[-1])
    )
    true = float(risk.herfindahl(made([*named, *lump]), "country"))
    assert float(found.sel(bound="low")) - 1e-12 <= true
    assert true <= float(found.sel(bound="high")) * (1 + 1e-6) + 1e-12


@given(AMOUNTS, st.floats(0, 10), st.floats(0, 10))
def test_worse_governance_is_more_risk(amounts: list[float], one: float, other: float) -> None:
    share = made(amounts)
    low, high = (
        risk.governance_weighted_herfindahl(share, on_countries([g] * len(amounts)), "country")
        for g in sorted((one, other))
    )
    assert float(low) <= float(high) + 1e-12
    assert float(high) == pytest.approx(max(one, other) * float(risk.herfindahl(share, "country")))


# ------------------------------------------------------------------- scores


@given(UNIT, UNIT, UNIT)
def test_risks_are_within_0_and_1_and_nothing_without_one_side(
    a: float, b: float, c: float
) -> None:
    for function in (risk.supply_risk_usgs, risk.early_warning, risk.risk_triangle):
        found = function(a, b, c)
        assert 0 <= found <= 1
        assert found <= function(1.0, b, c) + 1e-12
        assert function(0, b, c) == function(a, 0, c) == function(a, b, 0) == 0
        assert np.isnan(function(np.nan, b, c))
    assert risk.risk_triangle(a, b, c, combine="product") <= risk.risk_triangle(a, b, c) + 1e-12


@given(UNIT, UNIT, UNIT, UNIT, UNIT)
def test_recycling_and_substitutes_never_raise_the_risk_of_the_eu(
    world: float, own: float, reliance: float, recycled: float, substitution: float
) -> None:
    full = risk.supply_risk_eu(world, own, reliance, 0.0, 1.0)
    assert 0 <= risk.supply_risk_eu(world, own, reliance, recycled, substitution) <= full + 1e-12
    assert min(world, own) - 1e-12 <= full <= max(world, own) + 1e-12
    assert risk.supply_risk_eu(np.nan, own, reliance, 0.0, 1.0) == pytest.approx(own)
    assert risk.supply_risk_eu(world, np.nan, reliance, 0.0, 1.0) == pytest.approx(world)


FLOWS = st.floats(0, 1e6)


@given(FLOWS, FLOWS, st.floats(-1e6, 1e6), FLOWS, FLOWS)
def test_trade_exposure_is_a_share(
    imports: float, exports: float, release: float, primary: float, secondary: float
) -> None:
    found = risk.trade_exposure(imports, exports, release, primary, secondary)
    used = imports - exports + release + primary + secondary
    total = imports + exports + abs(release) + primary + secondary
    if used < -1e-9 * total:
        assert np.isnan(found)
    elif used > 1e-9 * total:
        assert 0 <= found <= 1
        if imports + release <= exports:
            assert found == pytest.approx(0, abs=1e-6)  # what is left of a difference
        elif primary == secondary == 0:
            assert found == pytest.approx(1)


@given(FLOWS, FLOWS, st.floats(1, 1e6), UNIT)
def test_trade_exposure_lies_within_its_bounds(
    imports: float, mined: float, more: float, at: float
) -> None:
    withheld = mfa.array([mined, mined + more], "t/yr", bound=["low", "high"])
    low, high = risk.trade_exposure_bounds(imports, 0.0, 0.0, withheld, 0.0).values
    true = risk.trade_exposure(imports, 0.0, 0.0, mined + at * more, 0.0)
    if not np.isnan(true) and not np.isnan(high):
        assert low - 1e-12 <= true <= high + 1e-12


@given(arrays(float, (3, 4), elements=st.floats(1e-3, 1e3)))
def test_normalised_scores_keep_their_order_and_their_scale(raw: Any) -> None:
    assume(np.ptp(raw) > 1e-6)
    panel = mfa.array(raw, "1", year=[2015, 2016, 2017], material=list("abcd"))
    for method in ("log-minmax", "minmax"):
        found = risk.normalise(panel, method)
        assert (float(found.min()), float(found.max())) == (0, pytest.approx(1))
        assert (np.diff(found.values.ravel()[np.argsort(raw, axis=None)]) >= -1e-12).all()
        again = risk.normalise(panel.isel(year=[0]), method, bounds=found.attrs["bounds"])
        np.testing.assert_allclose(again, found.isel(year=[0]), atol=1e-12)


# -------------------------------------------------------------------- trade


@given(arrays(float, (3, 4), elements=st.floats(0.1, 100)), st.data())
def test_balancing_keeps_proportions_and_margins(seed: Any, data: st.DataObject) -> None:
    true = data.draw(arrays(float, (3, 4), elements=st.floats(0.1, 100)))
    matrix = mfa.array(seed, "t/yr", origin=list("abc"), destination=list("wxyz"))
    rows = mfa.array(true.sum(1), "t/yr", origin=list("abc"))
    columns = mfa.array(true.sum(0), "t/yr", destination=list("wxyz"))
    found = trade.ras(matrix, rows, columns)
    largest = max(float(rows.max()), float(columns.max()))
    np.testing.assert_allclose(found.sum("destination"), rows, rtol=0, atol=1e-9 * largest)
    np.testing.assert_allclose(found.sum("origin"), columns, rtol=0, atol=1e-9 * largest)
    cross = found.values[:2, :2]
    want = seed[0, 0] * seed[1, 1] / (seed[0, 1] * seed[1, 0])
    assert cross[0, 0] * cross[1, 1] / (cross[0, 1] * cross[1, 0]) == pytest.approx(want, rel=1e-6)

    nearest = trade.least_squares(matrix, rows, columns)
    value = nearest.value
    np.testing.assert_allclose(value.sum("destination"), rows, rtol=0, atol=1e-7 * largest)
    np.testing.assert_allclose(value.sum("origin"), columns, rtol=0, atol=1e-7 * largest)
    assert float(value.min()) >= 0

    def distance(x: Any) -> float:
        return float((((x - seed) / (0.1 * seed)) ** 2).sum())

    assert distance(value.values) <= distance(found.values) * (1 + 1e-6) + 1e-9
    sure = (0.1 * matrix).values
    assert (nearest.standard_uncertainty.values <= sure * (1 + 1e-9)).all()


@given(st.integers(2, 5), st.data())
def test_origins_add_up_and_conserve_what_is_made(n: int, data: st.DataObject) -> None:
    """What all places keep for themselves, by origin, is what each producer made."""
    produced = data.draw(arrays(float, n, elements=st.floats(0.1, 100)))
    sends = data.draw(arrays(float, (n, n), elements=st.floats(0, 1)))
    np.fill_diagonal(sends, 0)
    part = 0.9 * sends / np.maximum(sends.sum(1, keepdims=True), 1)
    supply = np.linalg.solve(np.eye(n) - part.T, produced)
    flows = part * supply[:, None]
    place = [f"place {i}" for i in range(n)]
    bilateral = mfa.array(flows, "t/yr", exporter=place, importer=place)
    origin = trade.trace_origin(bilateral, mfa.array(produced, "t/yr", exporter=place))
    np.testing.assert_allclose(origin.sum("exporter"), 1, rtol=1e-9)
    kept = supply - flows.sum(1)
    np.testing.assert_allclose(origin.values @ kept, produced, rtol=1e-8)


@given(st.integers(2, 5), UNIT, UNIT, st.data())
def test_losses_lie_within_0_and_1_and_rise_with_shock_and_pass_through(
    n: int, less: float, more: float, data: st.DataObject
) -> None:
    table = data.draw(arrays(float, (n, n), elements=st.floats(0, 1)))
    np.fill_diagonal(table, 0)
    table = 0.95 * table / np.maximum(table.sum(1, keepdims=True), 1)
    place = [f"place {i}" for i in range(n)]
    bought = mfa.array(table, "1", importer=place, exporter=place)
    shock = mfa.array(data.draw(arrays(float, n, elements=UNIT)), "1", importer=place)
    low, high = (trade.loss_propagation(bought, shock, b) for b in sorted((less, more)))
    assert ((shock - 1e-12 <= low) & (low <= high + 1e-10) & (high <= 1 + 1e-12)).all()
    np.testing.assert_array_equal(trade.loss_propagation(bought, 0.0 * shock), 0.0)
    np.testing.assert_allclose(trade.loss_propagation(bought, shock, 0.0), shock, atol=1e-12)


# ------------------------------------------------------------- disruptions


@given(st.data())
def test_more_spare_capacity_or_stockpile_never_leaves_more_unmet(data: st.DataObject) -> None:
    years, country = [2030, 2031, 2032, 2033], ["A", "B", "C"]
    lost = mfa.array(
        data.draw(arrays(float, (4, 3), elements=UNIT)), "1", year=years, country=country
    )
    output = mfa.array(
        data.draw(arrays(float, 3, elements=st.floats(0, 100))), "t/yr", country=country
    )
    few, many = sorted(data.draw(st.tuples(st.floats(0, 50), st.floats(0, 50))))
    given_spare = mfa.array([few] * 3, "t/yr", country=country)

    def run(spare: Any, stockpile: float, rate: float = np.inf) -> xr.Dataset:
        return disruptions.unmet_demand(
            lost, output, "country", spare=spare, stockpile=stockpile, release_rate=rate
        )

    base = run(given_spare, few)
    for better in (run(given_spare + (many - few), few), run(given_spare, many)):
        assert (better.unmet <= base.unmet + 1e-9).all()
    assert (run(given_spare, few, rate=few).unmet >= base.unmet - 1e-9).all()
    asked = float(output.sum())
    total = base.produced + base.rerouted + base.released + base.unmet - base.unused
    np.testing.assert_allclose(total, asked, rtol=1e-9, atol=1e-9)
    change = base.stock.diff("year") - (base.refilled - base.released).isel(year=slice(1, None))
    np.testing.assert_allclose(change, 0, atol=1e-9 * (1 + few))
    nothing = run(given_spare, few)
    untouched = disruptions.unmet_demand(0 * lost, output, "country", spare=nothing.unmet * 0 + few)
    np.testing.assert_array_equal(untouched.unmet, 0)
    np.testing.assert_allclose(untouched.produced, asked, rtol=1e-12)
