"""Energy and emissions: factors from files, allocation, avoided emissions, trade."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa.indicators import INDICATORS, environment

FACTORS = Path(__file__).parents[2] / "scenarios" / "factors"
YEARS = [2020, 2021]


def test_shipped_factors_say_what_they_are() -> None:
    for name in ("emissions", "energy", "grid"):
        rows = environment.read_factors(FACTORS / f"{name}.csv")
        assert all(row["source"] and row["confidence"] and row["range"] for row in rows)
    rows = environment.read_factors(FACTORS / "emissions.csv")
    nickel = environment.factor(rows, "class 1", material="Ni")
    assert nickel.values.tolist() == [10.4, 13.0, 15.6]
    assert nickel.attrs["defaults"] == "Ni class 1 (World 2017)"
    lithium = environment.factor(rows, "brine", material="Li").sel(estimate="central")
    assert float(lithium) == pytest.approx(2.9 / 0.187852, rel=1e-5)  # per tonne of lithium


def test_results_made_with_defaults_say_so_and_have_a_range() -> None:
    rows = environment.read_factors(FACTORS / "emissions.csv")
    both = environment.factor(rows, {"Ni": "class 1", "Co": "refined"})
    flow = mfa.array([[100.0, 10.0], [200.0, 20.0]], "t/yr", year=YEARS, material=["Ni", "Co"])
    found = environment.emissions(flow, both)
    assert found.attrs["units"] == "t/yr"
    assert found.attrs["defaults"] == "Ni class 1 (World 2017); Co refined (World 2018)"
    assert found.sel(year=2020, material="Ni", estimate="central").item() == 1300.0
    assert (found.sel(estimate="low") <= found.sel(estimate="high")).all()
    own = both.assign_attrs(defaults="")
    assert "defaults" not in environment.emissions(flow, own).attrs


def test_the_range_of_a_saving_is_as_wide_as_both_factors() -> None:
    rows = environment.read_factors(FACTORS / "emissions.csv")
    primary, secondary = (
        environment.factor(rows, r, material="Ni") for r in ("class 1", "secondary")
    )
    saved = environment.avoided_emissions(10.0, primary, secondary)
    np.testing.assert_allclose(saved, [10 * (10.4 - 9.1), 10 * (13 - 6.5), 10 * (15.6 - 3.9)])
    assert saved.estimate.values.tolist() == ["low", "central", "high"]
    assert "Ni secondary" in saved.attrs["defaults"]


def test_a_factor_follows_the_grid() -> None:
    grid = mfa.array([0.5, 0.25], "kg/kWh", year=YEARS)
    power = mfa.array(14_500.0, "kWh/t")
    found = environment.grid_linked(2.0, power, grid)
    np.testing.assert_allclose(found, [9.25, 5.625])
    rows = environment.read_factors(FACTORS / "grid.csv")
    world = environment.factor(rows, "grid", material="electricity", place="World")
    assert environment.grid_linked(2.0, power, world).attrs["defaults"].startswith("electricity")


def test_allocation_keeps_the_burden() -> None:
    products = ["Ni", "Co", "Cu"]
    mass = mfa.array([10.0, 1.0, 4.0], "t/yr", product=products)
    price = mfa.array([1.0, 3.0, 0.5], product=products)
    ways = {
        "mass": {}, "economic": {"price": price},
        "system expansion": {"credit": mfa.array([0.0, 20.0, 4.0], product=products)},
    }  # fmt: skip
    parts = {way: environment.allocate(150.0, mass, way, **more) for way, more in ways.items()}
    for way, part in parts.items():
        assert float(part.sum()) == pytest.approx(150.0)
        assert part.attrs["allocation"] == way
    assert parts["mass"].values.tolist() == [100.0, 10.0, 40.0]
    assert parts["economic"].values.tolist() == [100.0, 30.0, 20.0]
    assert parts["system expansion"].values.tolist() == [114.0, 20.0, 16.0]


def test_consumption_bears_what_production_emits() -> None:
    random = np.random.default_rng(3)
    places = [f"p{i}" for i in range(5)]
    made = mfa.array(random.uniform(10, 50, (5, 2)), "t/yr", origin=places, year=YEARS)
    sent = random.uniform(0, 4, (5, 5, 2)) * (1 - np.eye(5))[:, :, None]
    trade = mfa.array(sent, "t/yr", origin=places, destination=places, year=YEARS)
    factor = mfa.array(random.uniform(1, 20, 5), origin=places)
    found = environment.embodied_emissions(made, trade, factor)
    np.testing.assert_allclose(found.consumed.sum("destination"), found.produced.sum("destination"))
    np.testing.assert_allclose(
        found.consumed,
        (found.produced + found.imported - found.exported).transpose(*found.consumed.dims),
    )
    np.testing.assert_allclose(found.origin_share.sum("origin"), 1.0)
    low, high = float(factor.min()), float(factor.max())
    assert (found.mix_factor >= low).all() and (found.mix_factor <= high).all()
    order = [3, 1, 0, 4, 2]
    turned = environment.embodied_emissions(
        made.isel(origin=order),
        trade.isel(origin=order, destination=order),
        factor.isel(origin=order),
    )
    back = turned.consumed.sel(destination=places).transpose(*found.consumed.dims)
    np.testing.assert_allclose(back, found.consumed)


def test_the_circular_scenario_avoids_emissions() -> None:
    """With its range; the factors are defaults, and the result says so."""
    folder = FACTORS.parent
    runs = [mfa.run(mfa.read_scenario(folder / f"{n}.yaml")) for n in ("reference", "circular")]
    rows = environment.read_factors(FACTORS / "emissions.csv")
    routes = (
        {"Li": "ore", "Co": "refined", "Ni": "class 1"},
        dict.fromkeys(("Li", "Co", "Ni"), "secondary"),
    )
    primary, secondary = (environment.factor(rows, route) for route in routes)
    recycled = [
        r.old_scrap_supply.sum("region")
        .sel(material=["Li", "Co", "Ni"], year=[2050])
        .assign_attrs(units="t/yr")
        for r in runs
    ]
    saved = [environment.avoided_emissions(each, primary, secondary) for each in recycled]
    more = (saved[1] - saved[0]).sum("material").sel(year=2050)
    assert float(more.sel(estimate="central")) > 0
    assert (
        float(more.sel(estimate="low"))
        < float(more.sel(estimate="central"))
        < float(more.sel(estimate="high"))
    )
    assert "Co secondary" in saved[0].attrs["defaults"]


def test_they_are_listed() -> None:
    assert {"emissions", "energy", "avoided_emissions"} <= set(INDICATORS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"low": "x"}, "low: 'x' is no number"),
        ({"low": "30"}, "are 0 or more and in this order"),
        ({"unit": "furlong"}, "furlong"),
        ({"per": "Unobtainium"}, "unknown compound"),
        ({"confidence": "sure"}, "(known: high, low, medium)"),
        ({"source": ""}, "source is empty"),
        ({"default": "maybe"}, "neither yes nor no"),
    ],
)
def test_bad_factors_name_file_and_line(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    with (FACTORS / "emissions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[1] |= changed
    path = tmp_path / "mine.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(mfa.MfaError) as told:
        environment.read_factors(path)
    assert message in str(told.value)
    assert "mine.csv:3:1: " in str(told.value)


def test_refusals() -> None:
    rows = environment.read_factors(FACTORS / "emissions.csv")
    places = ["A", "B"]
    made = mfa.array([1.0, 0.0], origin=places)
    much = mfa.array([[0.0, 3.0], [0.0, 0.0]], origin=places, destination=places)
    for call, message in (
        (lambda: environment.factor(rows, "class 2", material="Ni"), 'Did you mean "class 1"'),
        (lambda: environment.factor(rows, "refined", material="Fe"), "no factor of 'Fe'"),
        (lambda: environment.emissions(-1, 2), "flow: -1; it has to be 0 or more"),
        (lambda: environment.allocate(1, made.rename(origin="product"), "price"), "is unknown"),
        (lambda: environment.allocate(1, made.rename(origin="product"), "economic"), "needs price"),
        (lambda: environment.embodied_emissions(made, much, 1.0), "more than the place makes and imports"),
        (
            lambda: environment.route_mix(xr.DataArray([0.5, 0.4], dims="route", coords={"route": [0, 1]}), xr.DataArray([1.0, 2.0], dims="route", coords={"route": [0, 1]})),
            "over 'route' it is 1",
        ),
    ):  # fmt: skip
        with pytest.raises(mfa.MfaError) as told:
            call()
        assert message in str(told.value)
