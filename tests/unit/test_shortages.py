"""Shortage by hand: rerouting, by-products, stockpiles, sharing, limiting materials, price."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import mfa

INF = np.inf
LABELS = {"origin": ["a", "b", "c"], "place": ["N", "S"], "metal": ["Co", "Li"]}


def dataset(values: dict[str, tuple[tuple[str, ...], Any]], first: int = 2020) -> xr.Dataset:
    """Return parameters with the labels of LABELS and years from the first on."""
    made = {n: (dims, np.asarray(v, dtype=float)) for n, (dims, v) in values.items()}
    years = max((v.shape[d.index("year")] for d, v in made.values() if "year" in d), default=1)
    used = {d for dims, _ in values.values() for d in dims}
    coords = {"year": np.arange(first, first + years)}
    coords |= {d: own for d, own in LABELS.items() if d in used}
    return xr.Dataset(made, coords)


def system(
    parameters: dict[str, tuple[list[str], str]], processes: dict[str, Any], **more: Any
) -> mfa.System:
    used = {d for dims, _ in parameters.values() for d in dims if d != "year"}
    return mfa.System(
        title="Shortage",
        dimensions={d: own for d, own in LABELS.items() if d in used},
        parameters={n: {"dims": dims, "unit": unit} for n, (dims, unit) in parameters.items()},
        processes=processes,
        **more,
    )


def trade(**ore: Any) -> mfa.System:
    return system(
        {
            "demand": (["year"], "t/yr"),
            "share": (["origin"], "1"),
            "most": (["year", "origin"], "t/yr"),
        },
        {
            "mine": {"rule": "source"},
            "ore": {"rule": "trade", "from": "mine", "shares": "share", "capacity": "most", **ore},
            "use": {"rule": "sink", "takes": "demand", "from": "ore"},
        },
    )


def mined(most: Any) -> xr.Dataset:
    return dataset(
        {
            "demand": (("year",), [100.0] * len(most)),
            "share": (("origin",), [0.5, 0.3, 0.2]),
            "most": (("year", "origin"), most),
        }
    )


def test_without_rerouting_each_origin_lacks_its_own_part() -> None:
    found = mfa.simulate(trade(), mined([[INF, INF, INF], [20, 35, 40]]))
    np.testing.assert_allclose(found.mine_to_ore, [[50, 30, 20], [20, 30, 20]], rtol=1e-12)
    np.testing.assert_allclose(found.unmet_demand, [0, 30], rtol=1e-12)
    np.testing.assert_allclose(found.use_stock, [100, 170], rtol=1e-12)
    assert found.unmet_demand.attrs["kind"] == "indicator"
    assert found.attrs["shortage_iterations"] > 0


def test_what_is_rerouted_goes_to_spare_capacity_in_proportion_to_it() -> None:
    system = trade(reroute="proportional")
    # 30 too many at a; spare 15 at b and 30 at c: 10 and 20 more
    found = mfa.simulate(system, mined([[20, 45, 50], [20, 35, 40], [20, INF, INF]]))
    np.testing.assert_allclose(found.mine_to_ore[0], [20, 40, 40], rtol=1e-12)
    np.testing.assert_allclose(found.mine_to_ore[1], [20, 35, 40], rtol=1e-10)
    np.testing.assert_allclose(found.mine_to_ore[2], [20, 48, 32], rtol=1e-12)  # by their shares
    np.testing.assert_allclose(found.unmet_demand, [0, 5, 0], atol=1e-9)


def test_an_unlimited_origin_that_nobody_asks_is_not_found_by_rerouting() -> None:
    given = mined([[20, 35, INF]])
    given["share"] = ("origin", [0.6, 0.4, 0.0])
    found = mfa.simulate(trade(reroute="proportional"), given)
    np.testing.assert_allclose(found.mine_to_ore[0], [20, 35, 0], rtol=1e-10)


def test_a_ban_of_everything_leaves_all_unmet() -> None:
    found = mfa.simulate(trade(reroute="proportional"), mined([[0, 0, 0]]))
    assert found.unmet_demand.item() == 100.0 and found.ore_to_use.item() == 0.0


def test_what_does_not_bind_changes_no_bit() -> None:
    given = mined([[50, 30, 20], [60, 35, 40]])
    free = mined([[INF] * 3] * 2)
    bounded, unbounded = (mfa.simulate(trade(reroute="proportional"), p) for p in (given, free))
    xr.testing.assert_identical(bounded, unbounded)
    assert bounded.attrs["shortage_iterations"] == 0 and not bounded.unmet_demand.any()


def test_customers_of_a_source_share_in_proportion_to_what_they_ask() -> None:
    built = system(
        {"x": (["year"], "t/yr"), "y": (["year"], "t/yr"), "most": ([], "t/yr")},
        {
            "mine": {"rule": "source", "capacity": "most"},
            "cars": {"rule": "sink", "takes": "x", "from": "mine"},
            "phones": {"rule": "sink", "takes": "y", "from": "mine"},
        },
    )
    found = mfa.simulate(
        built, dataset({"x": (("year",), [60]), "y": (("year",), [40]), "most": ((), 50)})
    )
    np.testing.assert_allclose([found.mine_to_cars.item(), found.mine_to_phones.item()], [30, 20])


def loop(**stock: Any) -> mfa.System:
    """A stock whose scrap returns to a market that asks a limited mine."""
    return system(
        {"sales": (["year"], "t/yr"), "life": ([], "yr"), "back": ([], "1"), "most": (["year"], "t/yr"),
         "yield": ([], "1"), "new": ([], "1")},
        {
            "mine": {"rule": "source", "capacity": "most"},
            "metal": {"rule": "market", "from": ["scrap", "collect", "mine"], "surplus_to": "surplus"},
            "make": {"rule": "make", "from": "metal", "yield": "yield", "loss_to": "scrap"},
            "scrap": {"rule": "split", "shares": {"metal": "new", "dross": "rest"}},
            "use": {"rule": "stock", "from": "make", "to": "collect", "inflow": "sales",
                    "lifetime": {"law": "fixed", "mean": "life", "inflow_at": "end"}, **stock},
            "collect": {"rule": "split", "shares": {"metal": "back", "landfill": "rest"}},
            "landfill": {"rule": "sink"},
            "dross": {"rule": "sink"},
            "surplus": {"rule": "sink"},
        },
    )  # fmt: skip


def looped(most: list[float], fabrication: float = 0.8, new: float = 0.5) -> xr.Dataset:
    return dataset(
        {
            "sales": (("year",), [100.0] * len(most)),
            "most": (("year",), most),
            "life": ((), 2.0),
            "back": ((), 0.5),
            "yield": ((), fabrication),
            "new": ((), new),
        }
    )


def test_less_use_today_is_less_scrap_later() -> None:
    free = mfa.simulate(loop(), looped([INF] * 5))
    cut = mfa.simulate(loop(), looped([INF, 55.0, INF, INF, INF]))
    # 125 F − 12.5 F of new scrap = 55
    met = 55 / 112.5
    np.testing.assert_allclose(cut.make_to_use[1], 100 * met, rtol=1e-10)
    np.testing.assert_allclose(cut.unmet_demand, [0, 100 * (1 - met), 0, 0, 0], atol=1e-8)
    np.testing.assert_allclose(cut.collect_to_metal[3], 50 * met, rtol=1e-10)
    assert free.collect_to_metal[3] == 50
    np.testing.assert_allclose(
        cut.mine_to_metal[3], free.mine_to_metal[3] + 50 * (1 - met), rtol=1e-10
    )


def test_shortage_feeds_back_into_a_later_shortage() -> None:
    cut = mfa.simulate(loop(), looped([INF, 55.0, INF, 62.5, INF]))
    met = 55 / 112.5  # scrap of year 3 is 50 × that
    np.testing.assert_allclose(cut.make_to_use[3], 100 * (62.5 + 50 * met) / 112.5, rtol=1e-9)
    assert cut.attrs["balance_residual"] < 1e-9


def two_regions() -> mfa.System:
    dims = ["year", "place"]
    return system(
        {"sales": (dims, "t/yr"), "scrapped": (dims, "t/yr"), "most": (["year"], "t/yr")},
        {
            "mine": {"rule": "source", "capacity": "most", "sum": ["place"]},
            "yard": {"rule": "source", "gives": "scrapped", "to": "metal"},
            "metal": {"rule": "market", "from": ["yard", "mine"], "surplus_to": "surplus"},
            "use": {"rule": "sink", "takes": "sales", "from": "metal"},
            "surplus": {"rule": "sink"},
        },
    )


def test_who_recycles_is_less_short() -> None:
    given = dataset(
        {
            "sales": (("year", "place"), [[100.0, 100.0]]),
            "scrapped": (("year", "place"), [[60.0, 20.0]]),
            "most": (("year",), [60.0]),
        }
    )
    found = mfa.simulate(two_regions(), given)
    # gaps 40 and 80, half of each comes
    np.testing.assert_allclose(found.metal_to_use[0], [80, 60], rtol=1e-10)
    np.testing.assert_allclose(found.mine_to_metal[0], [20, 40], rtol=1e-10)


def products(limiting: str) -> mfa.System:
    return system(
        {"cars": (["year"], "vehicle/yr"), "tools": (["year", "metal"], "t/yr"),
         "content": (["metal"], "kg/vehicle"), "life": ([], "yr"), "most": (["metal"], "t/yr")},
        {
            "mine": {"rule": "source", "capacity": "most"},
            "fleet": {"rule": "stock", "from": "mine", "to": "waste", "inflow": "cars",
                      "content": "content", "limiting": limiting,
                      "lifetime": {"law": "fixed", "mean": "life"}},
            "tooling": {"rule": "sink", "takes": "tools", "from": "mine"},
            "waste": {"rule": "sink"},
        },
        conserves="metal",
    )  # fmt: skip


def product_numbers(cobalt: float, lithium: float) -> xr.Dataset:
    return dataset(
        {
            "cars": (("year",), [10.0]),
            "tools": (("year", "metal"), [[10.0, 0.0]]),
            "content": (("metal",), [1.0, 2.0]),
            "life": ((), 5.0),
            "most": (("metal",), [cobalt, lithium]),
        }
    )


def test_the_scarcest_material_limits_a_product_and_leaves_others_to_others() -> None:
    numbers = product_numbers(12.0, 10.0)  # lithium lets half of the cars pass
    found = mfa.simulate(products("product"), numbers)
    np.testing.assert_allclose(found.mine_to_fleet[0], [5, 10], rtol=1e-9)
    np.testing.assert_allclose(found.mine_to_tooling[0], [7, 0], rtol=1e-9)  # 12 − 5
    np.testing.assert_allclose(found.unmet_demand[0], [5 + 3, 10], rtol=1e-9)


def test_materials_may_be_short_each_for_itself() -> None:
    found = mfa.simulate(products("material"), product_numbers(12.0, 10.0))
    np.testing.assert_allclose(found.mine_to_fleet[0], [6, 10], rtol=1e-9)
    np.testing.assert_allclose(found.mine_to_tooling[0], [6, 0], rtol=1e-9)


def test_a_product_of_two_short_materials_is_limited_by_one() -> None:
    found = mfa.simulate(products("product"), product_numbers(8.0, 10.0))
    np.testing.assert_allclose(found.mine_to_fleet[0], [4, 8], rtol=1e-9)
    np.testing.assert_allclose(found.mine_to_tooling[0], [4, 0], rtol=1e-9)


def two_rows(sinks: dict[str, Any], **more: Any) -> mfa.System:
    """Two trades in a row, each with a capacity."""
    return system(
        {
            "sales": (["year", "place"], "t/yr"),
            "scrapped": (["year", "place"], "t/yr"),
            "whence": (["origin"], "1"),
            "whose": (["metal"], "1"),
            "mines": (["year", "origin"], "t/yr"),
            "plants": (["year", "metal"], "t/yr"),
            "all": ([], "t/yr"),
        },
        {
            "mine": {"rule": "source"},
            "ore": {"rule": "trade", "from": "mine", "shares": "whence", "sum": ["metal"],
                    "capacity": "mines"},
            "supply": {"rule": "trade", "from": "ore", "shares": "whose", "sum": ["place"],
                       "capacity": "plants"},
            **sinks,
        },
        **more,
    )  # fmt: skip


def test_a_plant_that_binds_just_below_what_mines_let_through_is_found() -> None:
    most = {"rule": "source", "capacity": "all", "sum": ["origin"]}
    built = two_rows({"mine": most, "use": {"rule": "sink", "takes": "sales", "from": "supply"}})
    given = dataset(
        {
            "sales": (("year", "place"), [[135.2261, 142.2525]]),
            "scrapped": (("year", "place"), [[0.0, 0.0]]),
            "whence": (("origin",), [0.1694, 0.2391, 0.5915]),
            "whose": (("metal",), [0.3418, 0.6582]),
            "mines": (("year", "origin"), [[27.5443, 0.1415, 0.0262]]),
            "plants": (("year", "metal"), [[0.0535, INF]]),
            "all": ((), 0.1568),
        }
    )
    found = mfa.simulate(built, given)
    np.testing.assert_allclose(found.ore_to_supply[0, 0], 0.0535, rtol=1e-9)  # of 0.3418 × 0.1568
    np.testing.assert_allclose(found.mine_to_ore.sum(), found.ore_to_supply.sum(), rtol=1e-9)


def test_a_capacity_of_nothing_behind_scrap_is_met_to_rounding() -> None:
    sinks = {
        "use": {"rule": "sink", "takes": "sales", "from": "metal"},
        "yard": {"rule": "source", "gives": "scrapped", "to": "metal"},
        "metal": {"rule": "market", "from": ["yard", "supply"], "surplus_to": "surplus"},
        "surplus": {"rule": "sink"},
    }
    random = np.random.default_rng(0)
    sales = random.uniform(50, 100, (40, 2))
    scrapped = random.uniform(0, 50, (40, 2))
    most = np.where(np.arange(40) % 2, 0.01, 0.0)
    given = dataset(
        {
            "sales": (("year", "place"), sales),
            "scrapped": (("year", "place"), scrapped),
            "whence": (("origin",), [0.5, 0.3, 0.2]),
            "whose": (("metal",), [0.34, 0.66]),
            "mines": (("year", "origin"), most[:, None] * [0.5, 0.3, 0.2]),
            "plants": (("year", "metal"), np.full((40, 2), INF)),
            "all": ((), INF),
        }
    )
    found = mfa.simulate(two_rows(sinks), given)
    np.testing.assert_allclose(
        found.unmet_demand.sum("place"), (sales - scrapped).sum(axis=1) - most, rtol=1e-9
    )
