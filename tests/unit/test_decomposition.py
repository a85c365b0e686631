"""Contributions of levers: the axioms of Shapley's value, exact and sampled."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import mfa
from mfa import MfaError
from mfa.indicators.decomposition import EXACT, shapley

NAMES = [f"lever_{number}" for number in range(12)]


def table(values: list[float], names: list[str]) -> Callable[[tuple[str, ...]], float]:
    """Return a value that is any number for any combination."""
    return lambda chosen: values[sum(1 << names.index(name) for name in chosen)]


def product(strengths: dict[str, float]) -> Callable[[tuple[str, ...]], float]:
    return lambda chosen: 100 * float(np.prod([1 - strengths[name] for name in chosen]))


games = st.integers(1, 5).flatmap(
    lambda count: st.tuples(
        st.just(NAMES[:count]),
        st.lists(st.floats(-1e6, 1e6), min_size=2**count, max_size=2**count),
    )
)


@given(games)
def test_parts_sum_to_the_change(game: tuple[list[str], list[float]]) -> None:
    names, values = game
    parts = shapley(table(values, names), names)
    assert parts.sum().item() == pytest.approx(values[-1] - values[0], rel=1e-12, abs=1e-7)
    assert parts.reference.item() == values[0]


@given(games)
@settings(max_examples=30)
def test_it_is_the_mean_over_all_orders(game: tuple[list[str], list[float]]) -> None:
    names, values = game
    value = table(values, names)
    gains = dict.fromkeys(names, 0.0)
    orders = list(permutations(names))
    for order in orders:
        for i, name in enumerate(order):
            gains[name] += (value(order[: i + 1]) - value(order[:i])) / len(orders)
    np.testing.assert_allclose(shapley(value, names), list(gains.values()), rtol=1e-9, atol=1e-6)


@given(games)
@settings(max_examples=30)
def test_the_order_of_the_levers_does_not_matter(game: tuple[list[str], list[float]]) -> None:
    names, values = game
    value = table(values, names)
    found = shapley(value, names[::-1]).sel(lever=names)
    np.testing.assert_allclose(found, shapley(value, names), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("count", [3, EXACT, EXACT + 2])
def test_a_lever_of_no_strength_contributes_nothing(count: int) -> None:
    strengths = {name: 0.05 * number for number, name in enumerate(NAMES[:count])}
    parts = shapley(product(strengths), NAMES[:count], orders=16)
    assert parts.sel(lever="lever_0").item() == 0
    assert (parts.sel(lever=NAMES[1:count]) < 0).all()
    total = product(strengths)(tuple(NAMES[:count])) - 100
    assert parts.sum().item() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("count", [2, 5, EXACT])
def test_levers_alike_contribute_alike(count: int) -> None:
    parts = shapley(product(dict.fromkeys(NAMES, 0.2)), NAMES[:count])
    np.testing.assert_allclose(parts, (100 * 0.8**count - 100) / count, rtol=1e-12)
    assert (parts.standard_error == 0).all()


def test_every_combination_is_asked_for_once_in_the_order_of_the_levers() -> None:
    asked: list[tuple[str, ...]] = []

    def value(chosen: tuple[str, ...]) -> float:
        asked.append(chosen)
        return float(len(chosen))

    parts = shapley(value, ["b", "a", "c"])
    assert len(asked) == len(set(asked)) == 8
    assert asked[-1] == ("b", "a", "c")
    assert ("b", "c") in asked
    assert parts.attrs["evaluations"] == 8
    assert parts.attrs["method"] == "exact"


def test_a_series_is_divided_in_every_year() -> None:
    reference = mfa.array([10.0, 20.0], "t/yr", year=[2030, 2031])

    def value(chosen: tuple[str, ...]) -> xr.DataArray:
        found = reference * 0.5 if "share" in chosen else reference.copy()
        if "delay" in chosen:
            found = found + xr.DataArray([0.0, 4.0], dims="year", coords={"year": [2030, 2031]})
        return found.assign_attrs(reference.attrs)

    parts = shapley(value, ["share", "delay"])
    assert parts.dims == ("lever", "year")
    assert parts.attrs["units"] == "t/yr"
    assert parts.sel(lever="share").values.tolist() == [-5.0, -10.0]
    assert parts.sel(lever="delay").values.tolist() == [0.0, 4.0]
    assert parts.reference.values.tolist() == [10.0, 20.0]
    assert parts.standard_error.dims == ("lever", "year")


# -------------------------------------------------------------------- sampled


def test_sampled_parts_lie_within_their_errors() -> None:
    strengths = {name: 0.03 * (number + 1) for number, name in enumerate(NAMES[:10])}
    value = product(strengths)
    found = shapley(value, NAMES[:10], orders=200, seed=3)
    truth = _all_orders_of_a_product(list(strengths.values()))
    assert found.attrs["method"] == "sampled"
    assert found.attrs["orders"] == 200
    assert found.attrs["seed"] == 3
    assert found.attrs["evaluations"] <= 1024
    assert (found.standard_error > 0).all()
    assert (abs(found - truth) < 4 * found.standard_error).all()
    assert found.sum().item() == pytest.approx(value(tuple(NAMES[:10])) - 100, rel=1e-12)


def test_standard_errors_are_the_spread_between_seeds() -> None:
    strengths = {name: 0.05 * (number + 1) for number, name in enumerate(NAMES[:9])}
    runs = [shapley(product(strengths), NAMES[:9], orders=40, seed=seed) for seed in range(60)]
    spread = np.std(runs, axis=0, ddof=1)
    told = np.sqrt(np.mean([run.standard_error**2 for run in runs], axis=0))
    assert np.mean(told / spread) == pytest.approx(1, abs=0.2)


def _all_orders_of_a_product(strengths: list[float]) -> np.ndarray[Any, Any]:
    """Σ_S |S|!(n−|S|−1)!/n! Π_{j∈S}(1−s_j) as ∫ Π (t(1−s_j) + 1−t) dt, by Gauss–Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    t = (nodes + 1) / 2
    return np.array(
        [
            -100 * s * float(weights / 2 @ np.prod([1 - t * o for j, o in enumerate(strengths) if j != i], axis=0))
            for i, s in enumerate(strengths)
        ]
    )  # fmt: skip


def test_the_closed_form_of_a_product_is_that_of_the_exact_sum() -> None:
    strengths = {name: 0.03 * (number + 1) for number, name in enumerate(NAMES[:EXACT])}
    found = shapley(product(strengths), NAMES[:EXACT])
    np.testing.assert_allclose(
        found, _all_orders_of_a_product(list(strengths.values())), rtol=1e-12
    )


def test_levers_that_interact_in_pairs_leave_nothing_to_chance() -> None:
    draw = np.random.default_rng(5)
    pull, together = draw.normal(size=10), draw.normal(size=(10, 10))
    together = np.triu(together, 1)

    def value(chosen: tuple[str, ...]) -> float:
        on = np.isin(NAMES[:10], chosen).astype(float)
        return float(pull @ on + on @ together @ on)

    found = shapley(value, NAMES[:10], orders=4)
    np.testing.assert_allclose(found, pull + (together + together.T).sum(axis=0) / 2, atol=1e-12)
    assert float(found.standard_error.max()) < 1e-12


def test_the_same_seed_gives_the_same_numbers() -> None:
    strengths = {name: 0.03 * (number + 1) for number, name in enumerate(NAMES)}
    one, two, other = (
        shapley(product(strengths), NAMES, orders=20, seed=seed) for seed in (1, 1, 2)
    )
    assert one.identical(two)
    assert not (one == other).all()


# ------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("levers", "message"),
    [("collection", "give a list of names"), ([], "no levers"), (["a", "b", "a"], "named twice: a")],
)  # fmt: skip
def test_levers_are_names(levers: Any, message: str) -> None:
    with pytest.raises(MfaError, match=message):
        shapley(lambda chosen: 1.0, levers)


@pytest.mark.parametrize("orders", [0, 2, 7])
def test_orders_come_in_pairs(orders: int) -> None:
    with pytest.raises(MfaError, match=f"orders is {orders}; give an even number"):
        shapley(lambda chosen: 1.0, NAMES, orders=orders)


def test_every_combination_needs_a_number_of_one_kind() -> None:
    here = mfa.array([1.0], "t", region=["CN"])
    there = mfa.array([1.0], "t", region=["DE"])
    for wrong, message in [
        (np.nan, "the value with a, b is nan; a change is divided only if"),
        ("1", "neither a number nor"),
        ([1.0], "neither a number nor"),
    ]:
        with pytest.raises(MfaError, match=message):
            shapley(lambda chosen, w=wrong: w if len(chosen) == 2 else 1.0, ["a", "b"])
    for other, message in [
        (there, "labels of dimension 'region' differ"),
        (here.assign_attrs(units="t/yr"), "units t/yr; without levers it has .* and t"),
        (here.isel(region=0), r"has dimensions \[\]"),
    ]:
        with pytest.raises(MfaError, match=message):
            shapley(lambda chosen, o=other: o if chosen else here, ["a"])
    with pytest.raises(MfaError, match=r"has \['lever'\] itself"):
        shapley(lambda chosen: mfa.array([1.0], "t", lever=["x"]), ["a"])
