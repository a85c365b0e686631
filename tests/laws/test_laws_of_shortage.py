"""Laws of shortage, on random systems of two regions, two metals, scrap, a stockpile and capacities."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import mfa

YEARS = np.arange(2020, 2028)
LABELS = {
    "place": ["N", "S"],
    "plant": ["p", "q"],
    "origin": ["a", "b", "c"],
    "type": ["x", "y"],
    "metal": ["Co", "Li"],
}
PARAMETERS: dict[str, tuple[list[str], str]] = {
    "cars": (["year", "place", "type"], "vehicle/yr"),
    "content": (["type", "metal"], "kg/vehicle"),
    "tools": (["year", "place", "metal"], "t/yr"),
    "car_life": ([], "yr"),
    "tool_life": ([], "yr"),
    "yield": ([], "1"),
    "new_scrap": (["metal"], "1"),
    "collected": (["place"], "1"),
    "plant_share": (["place", "plant", "metal"], "1"),
    "mine_share": (["origin", "metal"], "1"),
    "plant_most": (["year", "plant", "metal"], "t/yr"),
    "mine_most": (["year", "origin", "metal"], "t/yr"),
    "target": (["year", "place", "metal"], "t"),
    "fill": ([], "1"),
}


def system(reroute: bool, limiting: str) -> mfa.System:
    how = {"reroute": "proportional"} if reroute else {}
    weibull = {"law": "weibull", "shape": "2"}
    return mfa.System(
        title="Two regions",
        conserves="metal",
        dimensions=LABELS,
        parameters={n: {"dims": dims, "unit": unit} for n, (dims, unit) in PARAMETERS.items()},
        processes={
            "mine": {"rule": "source"},
            "ore": {"rule": "trade", "from": "mine", "shares": "mine_share", "capacity": "mine_most",
                    "sum": ["plant"], **how},
            "supply": {"rule": "trade", "from": "ore", "shares": "plant_share",
                       "capacity": "plant_most", "sum": ["place"], **how},
            "store": {"rule": "buffer", "from": "supply", "to": "metal", "target": "target",
                      "fill_rate": "fill"},
            "metal": {"rule": "market", "from": ["scrap", "collect", "store", "supply"],
                      "surplus_to": "surplus"},
            "make": {"rule": "make", "from": "metal", "yield": "yield", "loss_to": "scrap"},
            "scrap": {"rule": "split", "shares": {"metal": "new_scrap", "dross": "rest"}},
            "fleet": {"rule": "stock", "from": "make", "to": "collect", "inflow": "cars",
                      "content": "content", "sum": ["type"], "limiting": limiting,
                      "lifetime": {**weibull, "mean": "car_life"}},
            "tooling": {"rule": "stock", "from": "make", "to": "collect", "inflow": "tools",
                        "lifetime": {**weibull, "mean": "tool_life"}},
            "collect": {"rule": "split", "shares": {"metal": "collected", "landfill": "rest"}},
            **{sink: {"rule": "sink"} for sink in ("dross", "landfill", "surplus")},
        },
    )  # fmt: skip


def numbers(seed: int, scarce: float) -> xr.Dataset:
    """Return random parameters; capacities are about `scarce` times what is asked."""
    random = np.random.default_rng(seed)
    size = {"year": len(YEARS), **{d: len(own) for d, own in LABELS.items()}}

    def draw(name: str, low: float, high: float) -> None:
        values[name] = random.uniform(low, high, [size[d] for d in PARAMETERS[name][0]])

    values: dict[str, Any] = {}
    draw("cars", 10.0, 100.0)
    draw("content", 0.0, 10.0)
    values["content"][random.random((2, 2)) < 0.25] = 0.0
    draw("tools", 10.0, 300.0)
    draw("car_life", 1.0, 6.0)
    draw("tool_life", 1.0, 6.0)
    draw("yield", 0.6, 1.0)
    draw("new_scrap", 0.0, 0.95)
    draw("collected", 0.0, 0.9)
    draw("fill", 0.2, 1.0)
    draw("target", 0.0, 300.0)
    for name in ("plant_share", "mine_share"):
        draw(name, 0.05, 1.0)
        axis = 1 if name == "plant_share" else 0
        values[name] /= values[name].sum(axis=axis, keepdims=True)
    for name in ("plant_most", "mine_most"):
        draw(name, 0.0, 1000.0 * scarce)
        values[name][random.random(values[name].shape) < 0.2] = np.inf
    made = {name: (dims, values[name]) for name, (dims, _) in PARAMETERS.items()}
    return xr.Dataset(made, {"year": YEARS, **LABELS})


cases = given(
    seed=st.integers(0, 2**32 - 1),
    scarce=st.floats(0.1, 2.0),
    reroute=st.booleans(),
    limiting=st.sampled_from(["product", "material"]),
)


@settings(max_examples=25, deadline=None)
@cases
def test_every_disrupted_run_balances_and_fits(
    seed: int, scarce: float, reroute: bool, limiting: str
) -> None:
    given = numbers(seed, scarce)
    found = mfa.simulate(system(reroute, limiting), given)
    assert found.attrs["balance_residual"] < 1e-9
    for flow, most in (("mine_to_ore", "mine_most"), ("ore_to_supply", "plant_most")):
        dims = [d for d in found[flow].dims if d not in given[most].dims]
        assert (found[flow].sum(dims) <= given[most] * (1 + 1e-10) + 1e-8).all()
    assert float(found.unmet_demand.min()) >= 0
    free = mfa.simulate(system(reroute, limiting), given.assign(
        {name: xr.full_like(given[name], np.inf) for name in ("mine_most", "plant_most")}
    ))  # fmt: skip
    delivered = found.make_to_fleet + found.make_to_tooling
    asked = free.make_to_fleet + free.make_to_tooling
    xr.testing.assert_allclose(delivered + found.unmet_demand, asked, rtol=1e-9)
    if not found.attrs["shortage_iterations"]:
        xr.testing.assert_identical(found.drop_attrs(), free.drop_attrs())


def unmet(given: xr.Dataset, reroute: bool) -> xr.DataArray:
    """Return unmet demand where mines alone bind, only one region has a stockpile, materials stand alone."""
    south = given.target * 0 + given.target.where(given.place == "N", 0.0)
    free = given.assign(plant_most=xr.full_like(given.plant_most, np.inf), target=south)
    return mfa.simulate(system(reroute, "material"), free).unmet_demand


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    scarce=st.floats(0.1, 2.0),
    reroute=st.booleans(),
    more=st.floats(1.0, 3.0),
    what=st.sampled_from(["mine_most", "target"]),
)
def test_unmet_demand_never_rises_with_spare_capacity_or_stockpile(
    seed: int, scarce: float, reroute: bool, more: float, what: str
) -> None:
    before = numbers(seed, scarce)
    after = before.assign({what: before[what] * more})
    assert (unmet(after, reroute) <= unmet(before, reroute) + 1e-6).all()


@settings(max_examples=8, deadline=None)
@cases
def test_a_shortage_in_the_last_year_changes_none_before(
    seed: int, scarce: float, reroute: bool, limiting: str
) -> None:
    given = numbers(seed, scarce)
    late = {"year": slice(None, YEARS[-2])}
    for name in ("mine_most", "plant_most"):
        given[name].loc[late] = np.inf
    found = mfa.simulate(system(reroute, limiting), given)
    free = mfa.simulate(
        system(reroute, limiting),
        given.assign({n: xr.full_like(given[n], np.inf) for n in ("mine_most", "plant_most")}),
    )
    xr.testing.assert_identical(found.sel(late).drop_attrs(), free.sel(late).drop_attrs())
