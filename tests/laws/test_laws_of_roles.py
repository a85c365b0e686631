"""Laws of indicators on random systems with roles: potentials in order, identities, rates within 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mfa
from mfa.assessment import RATES

FIRST_YEAR = 2000
few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass
class Economy:
    """A metal market with recycling, in a random number of dimensions, and its numbers."""

    fields: dict[str, Any]
    numbers: xr.Dataset
    collects: list[str]

    def run(self, **changed: Any) -> xr.Dataset:
        system = mfa.System(**self.fields)
        data = self.numbers.assign(changed)
        result = mfa.simulate(system, data).assign(data.data_vars)
        return result.assign(mfa.assess(system, result).data_vars)


@st.composite
def economies(draw: Any) -> Economy:
    """Draw products with and without a place, one or two recycling routes, costs and prices."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = ["region", *(d for d in ("use", "sort") if draw(st.booleans()))]
    conserved = draw(st.booleans())
    labels = {d: [f"{d[0]}{i}" for i in range(draw(st.integers(1, 3)))] for d in names}
    if conserved:
        labels["material"] = ["Co", "Li", "Ni"][: draw(st.integers(1, 3))]
    years = draw(st.integers(1, 7))
    sizes = {"year": years, **{d: len(own) for d, own in labels.items()}}
    parameters: dict[str, Any] = {}
    values: dict[str, Any] = {}

    def parameter(name: str, low: float, high: float, dims: list[str], unit: str = "1") -> str:
        parameters[name] = {"dims": dims, "unit": unit}
        values[name] = (dims, random.uniform(low, high, [sizes[d] for d in dims]))
        return name

    def some(*dims: str) -> list[str]:
        return [d for d in dims if d in sizes and draw(st.booleans())]

    def all_of(*dims: str) -> list[str]:
        return [d for d in dims if d in sizes]

    everywhere = all_of("year", "region", "use", "sort", "material")
    placed = [d for d in everywhere if d != "use"]
    life = {
        "law": "weibull",
        "shape": "2",
        "mean": parameter("life", 0.6, 4.0, some("region"), "yr"),
    }
    at = {"at": {"use": labels["use"][0]}} if "use" in labels else {}
    products = {
        "cans": {"inflow": parameter("cans_made", 0, 100, everywhere, "t/yr")},
        "cars": {"inflow": parameter("cars_made", 0, 100, placed, "t/yr"), **at},
    }
    if draw(st.booleans()):  # less and less is asked for, so that scrap is left over
        for product in products.values():
            dims, array = values[product["inflow"]]
            values[product["inflow"]] = (
                dims,
                array * (np.arange(years) < 2).reshape(-1, *[1] * (len(dims) - 1)),
            )
    routes = ["works", *(["mill"] if draw(st.booleans()) else [])]
    shares = {r: parameter(f"to_{r}", 0, 0.5, some("year", "region", "use")) for r in routes}
    processes: dict[str, Any] = {
        "mine": {"rule": "source"},
        "metal": {
            "rule": "market",
            "from": [*routes, "scrap", "mine"],
            "surplus_to": "surplus",
            "sum": all_of("use", "sort"),
        },
        "fabricate": {
            "rule": "make",
            "from": "metal",
            "yield": parameter("made_well", 0.5, 1, some("region", "use")),
            "loss_to": "scrap",
        },
        **{
            name: {"rule": "stock", "from": "fabricate", "to": "collect", "lifetime": life, **own}
            for name, own in products.items()
        },
        "collect": {"rule": "split", "shares": {**shares, "dump": "rest"}},
        **{
            r: {
                "rule": "split",
                "shares": {
                    "metal": parameter(f"{r}_yield", 0, 1, some("material")),
                    "dump": "rest",
                },
            }
            for r in routes
        },
        "scrap": {
            "rule": "split",
            "shares": {"metal": parameter("back", 0, 1, some("material")), "dump": "rest"},
        },
        "dump": {"rule": "sink"},
        "surplus": {"rule": "sink"},
    }
    by_product = ["region", "use"]
    low = parameter("low", 0, 9000, some("year", *by_product), "USD/t")
    parameter("high", 9000, draw(st.sampled_from([9000, 20000])), some(*by_product), "USD/t")
    system = {
        "title": "Random economy",
        "dimensions": labels,
        **({"conserves": "material"} if conserved else {}),
        "parameters": parameters,
        "processes": processes,
        "roles": {
            "demand": "metal_to_fabricate",
            "primary_supply": "mine_to_metal",
            "old_scrap_supply": [f"{r}_to_metal" for r in routes],
            "new_scrap_supply": "scrap_to_metal",
            "end_of_life": ["cans_to_collect", "cars_to_collect"],
            "collected": [f"collect_to_{r}" for r in routes],
            "in_use": ["cans_stock", "cars_stock"],
        },
        "potential": {
            "technical": " * ".join(
                [
                    parameter("best_collection", 0, 1, some("year", *by_product)),
                    parameter("best_recovery", 0, 1, some("material", "sort")),
                ]
            ),
            "economic": {
                "price": parameter("price", 0, 40000, some("year", "material"), "USD/t"),
                "cost_low": low,
                "cost_high": "high",
            },
        },
    }
    years_of = np.arange(FIRST_YEAR, FIRST_YEAR + years)
    used = {d for dims, _ in values.values() for d in dims} | {"year"}
    coords = {d: own for d, own in {"year": years_of, **labels}.items() if d in used}
    return Economy(system, xr.Dataset(values, coords), routes)


@few
@given(economies())
def test_each_potential_is_at_most_the_one_before(economy: Economy) -> None:
    result = economy.run()
    kinds = ("theoretical", "technical", "economic")
    theoretical, technical, economic = (result[f"secondary_potential_{kind}"] for kind in kinds)
    assert theoretical.dims == technical.dims == economic.dims
    assert (
        (theoretical >= technical).all() and (technical >= economic).all() and (economic >= 0).all()
    )
    reached = economy_sum(result, ["cans_to_collect", "cars_to_collect"], theoretical.dims)
    np.testing.assert_allclose(theoretical, reached, rtol=1e-12, atol=1e-9)


def economy_sum(result: xr.Dataset, names: list[str], dims: tuple[Any, ...]) -> xr.DataArray:
    """Add flows up over all dimensions but these."""
    parts = [result[name].sum([d for d in result[name].dims if d not in dims]) for name in names]
    return sum(parts[1:], parts[0]).transpose(*dims)


@few
@given(economies())
def test_technical_potential_is_a_share_of_each_product(economy: Economy) -> None:
    """Computed again with labels: cars are put at their use first."""
    result = economy.run()
    cans, cars = result.cans_to_collect, result.cars_to_collect
    if "use" in cans.dims:
        cars = cars.expand_dims(use=cans.use.values[:1]).reindex(use=cans.use, fill_value=0.0)
    share = result.best_collection * result.best_recovery
    every = (cans + cars.transpose(*cans.dims)) * share
    kept = result.secondary_potential_technical.dims
    expected = every.sum([d for d in every.dims if d not in kept]).transpose(*kept)
    np.testing.assert_allclose(result.secondary_potential_technical, expected, rtol=1e-9, atol=1e-9)


@few
@given(economies())
def test_supply_less_what_is_left_over_is_demand(economy: Economy) -> None:
    result = economy.run()
    supply = result.primary_supply + result.secondary_supply - result.metal_to_surplus
    largest = float(abs(result.demand).max())
    np.testing.assert_allclose(supply, result.demand, rtol=1e-9, atol=1e-9 * largest + 1e-12)
    assert result.secondary_supply.identical(
        (result.old_scrap_supply + result.new_scrap_supply)
        .rename("secondary_supply")
        .assign_attrs(result.secondary_supply.attrs)
    )


@few
@given(economies())
def test_rates_lie_within_their_bounds_and_multiply(economy: Economy) -> None:
    result = economy.run()
    for name in RATES:
        if f"indicator_{name}" in result:
            rate = result[f"indicator_{name}"]
            assert (rate.isnull() | ((rate >= 0) & (rate <= 1))).all(), name
    chain = result.indicator_collection_rate * result.indicator_process_efficiency
    both = chain.notnull() & result.indicator_eol_recycling_rate.notnull()
    np.testing.assert_allclose(
        chain.where(both), result.indicator_eol_recycling_rate.where(both), rtol=1e-6, atol=1e-9
    )
    assert (
        result.indicator_eol_recycling_input_rate.fillna(0)
        <= result.indicator_recycled_content.fillna(0)
    ).all()
    uses = result.indicator_mean_number_of_uses
    assert (uses.isnull() | (uses >= 1)).all()


@few
@given(economies())
def test_stock_grows_by_what_enters_less_what_leaves(economy: Economy) -> None:
    result = economy.run()
    grown = result.indicator_net_addition_to_stock
    entered = economy_sum(result, ["fabricate_to_cans", "fabricate_to_cars"], grown.dims)
    left = economy_sum(result, ["cans_to_collect", "cars_to_collect"], grown.dims)
    largest = float(abs(result.indicator_in_use).max())
    np.testing.assert_allclose(grown, entered - left, atol=1e-9 * largest + 1e-12)
    total = result.indicator_in_use.isel(year=-1)
    np.testing.assert_allclose(grown.sum("year"), total, atol=1e-9 * largest + 1e-12)


@few
@given(economies(), st.floats(1.0, 5.0))
def test_higher_prices_never_lower_what_pays(economy: Economy, factor: float) -> None:
    before = economy.run()
    after = economy.run(price=economy.numbers.price * factor)
    low, high = before.secondary_potential_economic, after.secondary_potential_economic
    assert (high >= low - 1e-9 * abs(low)).all()
    np.testing.assert_allclose(
        before.secondary_potential_technical, after.secondary_potential_technical
    )
    np.testing.assert_allclose(after.break_even_cost, before.break_even_cost * factor, rtol=1e-9)


@few
@given(economies())
def test_free_recycling_always_pays_and_dear_recycling_never(economy: Economy) -> None:
    numbers = economy.numbers
    free = economy.run(low=numbers.low * 0, high=numbers.high * 0)
    np.testing.assert_allclose(
        free.secondary_potential_economic, free.secondary_potential_technical
    )
    dear = economy.run(low=numbers.low + 1e6, high=numbers.high + 1e6)
    assert (dear.secondary_potential_economic == 0).all()
