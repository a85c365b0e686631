"""Stockpiles, by-products, price response, dated changes, and what is refused, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import MfaError
from mfa.dated import strengths
from tests.unit.test_shortages import dataset, loop, mined, products, system, trade

INF = np.inf


def stockpiled(release: bool = False, days: bool = False, by_origin: bool = False) -> mfa.System:
    parameters: dict[str, Any] = {
        "sales": (["year"], "t/yr"), "most": (["year"], "t/yr"),
        "target": (["year"], "1" if days else "t"), "rate": ([], "1"),
    }  # fmt: skip
    buffer: dict[str, Any] = {"rule": "buffer", "from": "mine", "to": "metal", "fill_rate": "rate"}
    buffer["target_days" if days else "target"] = "target"
    if release:
        parameters["pace"] = ([], "t/yr")
        buffer["release_rate"] = "pace"
    return system(
        parameters,
        {
            "mine": {"rule": "source", "capacity": "most"},
            "store": buffer,
            "metal": {"rule": "market", "from": ["store", "mine"]},
            "use": {"rule": "sink", "takes": "sales", "from": "metal"},
        },
    )


def stock_numbers(most: list[float], target: list[float], **more: float) -> xr.Dataset:
    return dataset(
        {
            "sales": (("year",), [100.0] * len(most)),
            "most": (("year",), most),
            "target": (("year",), target),
            "rate": ((), 0.5),
            **{name: ((), value) for name, value in more.items()},
        }
    )


def test_a_stockpile_fills_then_releases_before_demand_is_cut() -> None:
    most = [INF, INF, 80, 50, INF]
    found = mfa.simulate(stockpiled(), stock_numbers(most, [40.0] * 5))
    # 20, 10 in; 20 out; the last 10 out and 40 unmet; half of what lacks in
    np.testing.assert_allclose(found.mine_to_store, [20, 10, 0, 0, 20], atol=1e-9)
    np.testing.assert_allclose(found.store_to_metal, [0, 0, 20, 10, 0], atol=1e-9)
    np.testing.assert_allclose(found.store_stock, [20, 30, 10, 0, 20], atol=1e-9)
    np.testing.assert_allclose(found.unmet_demand, [0, 0, 0, 40, 0], atol=1e-9)
    np.testing.assert_allclose(found.mine_to_metal, [100, 100, 80, 50, 100], atol=1e-9)
    assert found.attrs["balance_residual"] < 1e-9
    assert float(abs(mfa.balance(found).store).max()) < 1e-9


def test_a_stockpile_takes_only_what_demand_leaves() -> None:
    found = mfa.simulate(stockpiled(), stock_numbers([105.0, INF], [40.0] * 2))
    np.testing.assert_allclose(found.mine_to_store, [5, 17.5], rtol=1e-9)
    assert not found.unmet_demand.any()


def test_a_release_rate_bounds_what_comes_out() -> None:
    numbers = stock_numbers([INF, INF, 80], [40.0] * 3, pace=15.0)
    found = mfa.simulate(stockpiled(release=True), numbers)
    np.testing.assert_allclose(found.unmet_demand, [0, 0, 5], atol=1e-9)


def test_days_are_of_what_the_market_is_asked() -> None:
    found = mfa.simulate(stockpiled(days=True), stock_numbers([INF] * 2, [73.0] * 2))
    np.testing.assert_allclose(found.store_stock, [10, 15], rtol=1e-12)  # 73 / 365 of 100


def test_without_capacities_a_stockpile_only_fills() -> None:
    built = stockpiled()
    processes = {**built.processes, "mine": {"rule": "source"}}
    plain = mfa.System(title="No capacity", parameters=built.parameters, processes=processes)
    found = mfa.simulate(plain, stock_numbers([INF] * 2, [40.0] * 2))
    np.testing.assert_allclose(found.store_stock, [20, 30])
    assert "unmet_demand" not in found


def by_product(**limit: Any) -> mfa.System:
    told = {"flow": "mine_to_ore", "at": {"metal": "Li"}, "of": {"metal": "Co"}, "ratio": "ratio"}
    return system(
        {"demand": (["year", "metal"], "t/yr"), "share": (["origin", "metal"], "1"),
         "ratio": (["origin"], "1")},
        {
            "mine": {"rule": "source"},
            "ore": {"rule": "trade", "from": "mine", "shares": "share", "limit": {**told, **limit}},
            "use": {"rule": "sink", "takes": "demand", "from": "ore"},
        },
        conserves="metal",
    )  # fmt: skip


def test_a_by_product_is_mined_no_faster_than_its_host() -> None:
    shares = [[0.5, 0.5], [0.3, 0.3], [0.2, 0.2]]
    numbers = dataset(
        {
            "demand": (("year", "metal"), [[10.0, 100.0]]),
            "share": (("origin", "metal"), shares),
            "ratio": (("origin",), [0.02, 0.2, INF]),
        }
    )
    found = mfa.simulate(by_product(), numbers)
    np.testing.assert_allclose(found.mine_to_ore[0, :, 0], [1, 3, 2], rtol=1e-9)
    np.testing.assert_allclose(found.unmet_demand[0], [4, 0], atol=1e-9)


def test_demand_answers_to_price_first() -> None:
    answer = {"elasticity": "elasticity", "highest_price": "highest"}
    built = system(
        {"demand": (["year"], "t/yr"), "most": (["year"], "t/yr"), "elasticity": ([], "1"),
         "highest": ([], "1")},
        {
            "mine": {"rule": "source", "capacity": "most"},
            "use": {"rule": "sink", "takes": "demand", "from": "mine", "response": answer},
        },
    )  # fmt: skip
    numbers = dataset(
        {"demand": (("year",), [100.0] * 3), "most": (("year",), [INF, 90.0, 10.0]),
         "elasticity": ((), -0.5), "highest": ((), 4.0)}
    )  # fmt: skip
    found = mfa.simulate(built, numbers)
    # 0.9^(1/−0.5) = 1.2346 clears it; at the highest price of 4 demand falls to a half
    np.testing.assert_allclose(found.price_index, [1, 0.9**-2, 4], rtol=1e-9)
    np.testing.assert_allclose(found.demand_response, [0, 10, 50], atol=1e-8)
    np.testing.assert_allclose(found.unmet_demand, [0, 0, 40], atol=1e-8)


def answering(store: bool) -> mfa.System:
    parameters = {"sales": (["year"], "t/yr"), "most": (["year"], "t/yr"), "e": (["year"], "1"),
                  "target": (["year"], "t"), "rate": ([], "1")}  # fmt: skip
    processes: dict[str, Any] = {
        "mine": {"rule": "source", "capacity": "most"},
        "store": {"rule": "buffer", "from": "mine", "to": "metal", "target": "target", "fill_rate": "rate"},
        "metal": {"rule": "market", "from": ["store", "mine"]},
        "use": {"rule": "sink", "takes": "sales", "from": "metal", "response": {"elasticity": "e"}},
    }  # fmt: skip
    if not store:
        del processes["store"], parameters["target"], parameters["rate"]
        processes["metal"]["from"] = ["mine"]
    return system(parameters, processes)  # type: ignore[arg-type]


@pytest.mark.parametrize("store", [False, True])
def test_prices_of_one_market_are_those_of_the_market_balance(store: bool) -> None:
    """The share that is met is found by rounds, the price from it; in one market it can be told at once."""
    sales, most = [100.0, 100, 120, 90, 70], [INF, 110.0, 80, 60, 75]
    elasticity = [-0.2, -0.2, -0.3, -0.1, -0.2]
    numbers = {"sales": (("year",), sales), "most": (("year",), most), "e": (("year",), elasticity)}
    more = {"target": (("year",), [40.0, 40, 0, 0, 0]), "rate": ((), 0.5)} if store else {}
    found = mfa.simulate(answering(store), dataset({**numbers, **more}))  # type: ignore[dict-item]
    year = {"year": found.year.values}
    asked, mines, slope = (xr.DataArray(v, year, ["year"]) for v in (sales, most, elasticity))
    release = found.store_to_metal if store else xr.zeros_like(asked)
    told = mfa.availability.market_balance(
        asked, asked, capacity=mines, release=release.drop_attrs(), demand_elasticity=slope
    )
    short = asked > mines + release
    assert short.values.tolist() == [False, False, True, True, False]
    # with a release mines give less than at the limit where nothing is short: no price below 1
    index = told.price_index.where(short, 1.0)
    np.testing.assert_allclose(found.price_index, index, rtol=1e-9)
    np.testing.assert_allclose(found.metal_to_use, told.quantity.where(short, asked), rtol=1e-9)
    np.testing.assert_allclose(found.demand_response, asked - found.metal_to_use, atol=1e-9)
    assert 0 <= found.attrs["shortage_residual"] <= 1e-11
    assert not (found.unmet_demand > 1e-9).any()


def test_second_life_serves_before_new_units_are_short() -> None:
    stock = {"lifetime": {"law": "fixed", "mean": "life", "inflow_at": "end"}}
    built = system(
        {"cars": (["year"], "t/yr"), "grid": (["year"], "t/yr"), "life": ([], "yr"),
         "usable": ([], "1"), "most": (["year"], "t/yr")},
        {
            "mine": {"rule": "source", "capacity": "most"},
            "fleet": {"rule": "stock", "from": "mine", "to": "old", "inflow": "cars", **stock},
            "storage": {"rule": "stock", "from": "mine", "to": "old", "inflow": "grid",
                        "reused": {"from": "fleet", "usable": "usable"}, **stock},
            "old": {"rule": "sink"},
        },
    )  # fmt: skip
    numbers = dataset(
        {"cars": (("year",), [50.0, 50.0, 50.0]), "grid": (("year",), [50.0] * 3), "life": ((), 1.0),
         "usable": ((), 0.5), "most": (("year",), [50.0, INF, INF])}
    )  # fmt: skip
    found = mfa.simulate(built, numbers)
    # half of the first cars enter, so 12.5 of them serve a year later, then 25
    np.testing.assert_allclose(found.mine_to_storage, [25, 37.5, 25], rtol=1e-9)


def test_refineries_and_mines_may_both_bind() -> None:
    built = system(
        {"demand": (["year"], "t/yr"), "mines": (["year"], "t/yr"), "plants": (["origin"], "t/yr"),
         "share": (["origin"], "1"), "yield": ([], "1")},
        {
            "mine": {"rule": "source", "capacity": "mines", "sum": ["origin"]},
            "refine": {"rule": "make", "from": "mine", "yield": "yield", "loss_to": "slag"},
            "supply": {"rule": "trade", "from": "refine", "shares": "share", "capacity": "plants"},
            "use": {"rule": "sink", "takes": "demand", "from": "supply"},
            "slag": {"rule": "sink"},
        },
    )  # fmt: skip
    numbers = dataset(
        {"demand": (("year",), [100.0, 100.0]), "mines": (("year",), [INF, 60.0]), "yield": ((), 0.8),
         "plants": (("origin",), [30.0, 30.0, 20.0]), "share": (("origin",), [0.5, 0.3, 0.2])}
    )  # fmt: skip
    found = mfa.simulate(built, numbers)
    np.testing.assert_allclose(found.refine_to_supply[0], [30, 30, 20], rtol=1e-9)
    np.testing.assert_allclose(found.mine_to_refine[1].sum(), 60, rtol=1e-9)
    np.testing.assert_allclose(found.unmet_demand, [20, 52], rtol=1e-9)


def test_a_ban_with_one_partner_where_trade_keeps_both_ends() -> None:
    built = system(
        {"demand": (["year", "place"], "t/yr"), "share": (["origin", "place"], "1"),
         "most": (["origin", "place"], "t/yr")},
        {
            "mine": {"rule": "source"},
            "ore": {"rule": "trade", "from": "mine", "shares": "share", "capacity": "most"},
            "use": {"rule": "sink", "takes": "demand", "from": "ore"},
        },
    )  # fmt: skip
    numbers = dataset(
        {
            "demand": (("year", "place"), [[100.0, 100.0]]),
            "share": (("origin", "place"), [[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]),
            "most": (("origin", "place"), [[0, INF], [INF, INF], [INF, INF]]),
        }
    )
    found = mfa.simulate(built, numbers)
    np.testing.assert_allclose(found.unmet_demand[0], [50, 0], atol=1e-9)


def test_dates_of_a_change() -> None:
    def complain(key: str, text: str) -> MfaError:
        return MfaError(f"{key}: {text}")

    assert strengths({"from": 2027, "to": 2028, "ramp": 4}, complain) == [
        (2026, 0.0), (2028, 0.5), (2029, 0.0),
    ]  # fmt: skip
    for told, text in (
        ({"to": 2030}, "needs 'from'"),
        ({"from": 2030, "to": 2029}, "before its first effect in 2030"),
        ({"from": 2030, "ramp": 0}, "1 or more, not 0"),
        ({"from": 2030, "recover": 2}, "never ends"),
        ({"from": "soon"}, "a year, not 'soon'"),
    ):
        with pytest.raises(MfaError, match=text):
            strengths(told, complain)


SCENARIO = """\
title: Small
system: small.yaml
years: [2025, 2031]
set:
  demand: 100 t/yr
  share: {a: 0.5, b: 0.3, c: 0.2}
"""


def read(folder: Path, *, default: str = "unlimited", more: str = "", lever: str = "") -> Any:
    (folder / "small.yaml").write_text(
        f"""\
title: Small
dimensions: {{origin: [a, b, c]}}
parameters:
  demand: {{dims: [year], unit: t/yr, min: 0}}
  share: {{dims: [origin], unit: 1}}
  most: {{dims: [year, origin], unit: t/yr, min: 0, default: {default}}}
processes:
  mine: {{rule: source}}
  ore: {{rule: trade, from: mine, shares: share, capacity: most}}
  use: {{rule: sink, takes: demand, from: ore}}
"""
    )
    (folder / "base.yaml").write_text(SCENARIO + more)
    return mfa.read_scenario(folder / "base.yaml")


def test_a_dated_ban_in_a_file(tmp_path: Path) -> None:
    ban = "  most: {a: {scale: 0, from: 2027, to: 2028, recover: 2}}\n"
    base = read(tmp_path, default="60 t/yr")
    banned = base.override(most={"a": {"scale": 0, "from": 2027, "to": 2028, "recover": 2}})
    written = mfa.build_parameters(banned).most.sel(origin="a")
    assert written.values.tolist() == [60, 60, 0, 0, 30, 60, 60]
    unmet = mfa.run(banned).unmet_demand
    np.testing.assert_allclose(unmet, [0, 0, 50, 50, 20, 0, 0], atol=1e-9)
    assert "scale" in ban


def test_new_capacity_has_a_lead_time_and_a_ramp(tmp_path: Path) -> None:
    base = read(tmp_path, default="60 t/yr")
    more = base.override(most={"b": {"add": "30 t/yr", "from": 2025, "lead": 2, "ramp": 3}})
    found = mfa.build_parameters(more).most.sel(origin="b")
    np.testing.assert_allclose(found, [60, 60, 70, 80, 90, 90, 90])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": {"scale": 0, "from": 2027}}, "unlimited for origin=a, so to scale it does nothing"),
        ({"a": {2025: "unlimited", 2027: "3 t/yr"}}, "no year of it is 'unlimited'"),
        ({"a": {"scale": {2027: 0}, "from": 2027}}, "what is dated is one number"),
        ({"a": {"scale": 0, "to": 2027}}, "needs 'from'"),
        ({"a": {"scale": 0, "until": 2027}}, "unknown key 'until'"),
        ({"a": {"from": 2027, "to": 2028}}, "write 'scale' or 'add' beside it"),
    ],
)
def test_odd_capacities_are_refused(tmp_path: Path, value: Any, text: str) -> None:
    with pytest.raises(MfaError, match=text):
        mfa.build_parameters(read(tmp_path).override(most=value))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ({"scale": 0, "from": 2040, "to": 2042}, "for years after 2039 and before 2043"),
        ({"scale": 0, "from": 1990, "to": 1995}, "nothing in the years of the run, 2025–2031"),
        ({"add": "3 t/yr", "from": 2029, "lead": 5}, "for years after 2033$"),
        ({"scale": {"value": 0.5, "uniform": [0.4, 0.6]}, "from": 2027}, "is not drawn"),
    ],
)
def test_a_dated_change_that_does_nothing_is_refused(tmp_path: Path, told: Any, text: str) -> None:
    base = read(tmp_path, default="60 t/yr")
    with pytest.raises(MfaError, match=text):
        mfa.build_parameters(base.override(most={"a": told}))


def test_a_dated_change_from_before_the_run_may_last(tmp_path: Path) -> None:
    changed = read(tmp_path, default="60 t/yr").override(
        most={
            "a": {"scale": 0.5, "from": 1990},
            "b": {"scale": 0, "from": 2020, "to": 2023, "recover": 4},
        }
    )
    found = mfa.build_parameters(changed).most
    assert (found.sel(origin="a") == 30).all()
    np.testing.assert_allclose(found.sel(origin="b")[:3], [30, 45, 60])


def test_only_a_capacity_is_unlimited(tmp_path: Path) -> None:
    with pytest.raises(MfaError, match="only a capacity"):
        mfa.build_parameters(read(tmp_path).override(demand="unlimited"))


def refused(build: Any, text: str) -> None:
    with pytest.raises(MfaError, match=text):
        mfa.plan(build())


def limits_in_a_circle() -> mfa.System:
    told = by_product().processes["ore"].model_dump(by_alias=True)["limit"][0]
    back = {**told, "at": told["of"], "of": told["at"]}
    processes = {
        "mine": {"rule": "source"},
        "ore": {"rule": "trade", "from": "mine", "shares": "share", "limit": [told, back]},
        "use": {"rule": "sink", "takes": "demand", "from": "ore"},
    }
    dims = ["origin", "metal"]
    parameters: dict[str, tuple[list[str], str]] = {
        "demand": (["year", "metal"], "t/yr"), "share": (dims, "1"), "ratio": (["origin"], "1"),
    }  # fmt: skip
    return system(parameters, processes, conserves="metal")


def test_what_means_nothing_is_refused() -> None:
    free = {"capacity": None}
    refused(lambda: trade(reroute="proportional", **free), "nothing is ever rerouted")
    refused(lambda: by_product(flow="ore_to_mine"), "there is no flow 'ore_to_mine'")
    refused(lambda: by_product(of={"metal": "Zn"}), "has no label 'Zn'")
    refused(lambda: by_product(at={}), "is by metal too; say at which label")
    refused(lambda: by_product(at={"metal": "Co"}), "it would limit itself")
    refused(lambda: by_product(of={}), "it would limit itself")
    refused(limits_in_a_circle, "would limit itself, by way of entry 2 of the list")
    refused(lambda: loop(stock="sales", inflow=None), "leaves nothing unmet|must be in t")
    idle = {
        "mine": {"rule": "source"},
        "use": {
            "rule": "sink", "takes": "x", "from": "mine",
            "response": {"elasticity": "e"},
        },
    }  # fmt: skip
    refused(lambda: system({"x": ([], "t/yr"), "e": ([], "1")}, idle), "no trade or source")
    wrong = dict(stockpiled().processes)
    wrong["store"] = {
        "rule": "buffer",
        "from": "mine",
        "to": "use",
        "target": "t",
        "fill_rate": "r",
    }
    parameters = {"t": ([], "t"), "r": ([], "1"), "sales": (["year"], "t/yr"), "most": ([], "t/yr")}
    wrong["metal"] = {"rule": "market", "from": ["mine"]}
    refused(lambda: system(parameters, wrong), "a buffer stands before a market")  # type: ignore[arg-type]


def test_units_of_capacities_are_checked() -> None:
    parameters = {"x": ([], "t/yr"), "most": ([], "t")}
    processes = {
        "mine": {"rule": "source", "capacity": "most"},
        "use": {"rule": "sink", "takes": "x", "from": "mine"},
    }
    refused(lambda: system(parameters, processes), r"capacity \(most\) is in t, it must be in t/yr")  # type: ignore[arg-type]


def test_a_price_without_end_is_refused() -> None:
    built = system(
        {"x": (["year"], "t/yr"), "most": ([], "t/yr"), "e": ([], "1")},
        {
            "mine": {"rule": "source", "capacity": "most"},
            "use": {"rule": "sink", "takes": "x", "from": "mine", "response": {"elasticity": "e"}},
        },
    )
    numbers = {"x": (("year",), [9.0]), "most": ((), 0.0), "e": ((), -0.2)}
    with pytest.raises(MfaError, match="no price clears the market"):
        mfa.simulate(built, dataset(numbers))
    with pytest.raises(MfaError, match="it is below 0"):
        mfa.simulate(built, dataset({**numbers, "most": ((), 5.0), "e": ((), 0.2)}))


def test_a_negative_capacity_is_refused() -> None:
    with pytest.raises(MfaError, match=r"capacity \(most\) is below 0.*origin=b"):
        mfa.simulate(trade(), mined([[10, -1, 10]]))


def test_the_plan_says_what_is_limited() -> None:
    text = str(mfa.plan(trade(reroute="proportional")))
    assert "ore ≤ most, rerouted in proportion to spare capacity" in text
    assert "demand that may be short: use" in text
    assert "ratio · mine_to_ore at Li (for Co)" in str(mfa.plan(by_product()))
    assert "fleet" in str(mfa.plan(products("product")))


def test_samples_are_short_each_for_itself(tmp_path: Path) -> None:
    spread = "  most: {a: {value: 30 t/yr, uniform: [0.5, 2]}}\n"
    base = read(tmp_path, more=spread)
    band = mfa.run(base, samples=70, seed=2)
    assert "unmet_demand" in band
    whole = mfa.run(base, samples=70, seed=2, keep=["most", "unmet_demand", "mine_to_ore"])
    lacking = np.maximum(50 - whole.most.sel(origin="a"), 0)
    np.testing.assert_allclose(whole.unmet_demand, lacking, atol=1e-8)
    assert (
        0 < float(whole.unmet_demand.min()) < float(whole.unmet_demand.max()) or lacking.min() == 0
    )
    one = mfa.run(base, samples=[66], seed=2, keep=["unmet_demand"])
    assert (one.unmet_demand.values[0] == whole.unmet_demand.values[66]).all()
    split = mfa.run(base, samples=70, seed=2, block=64, keep=["mine_to_ore", "unmet_demand"])
    xr.testing.assert_equal(split.unmet_demand, whole.unmet_demand)
    xr.testing.assert_equal(split.mine_to_ore, whole.mine_to_ore)


def test_samples_of_unlimited_capacities_have_nothing_unmet(tmp_path: Path) -> None:
    base = read(tmp_path).override(demand={"value": "100 t/yr", "uniform": [0.5, 2]})
    band = mfa.run(base, samples=8, keep=["unmet_demand", "mine_to_ore"])
    assert band.unmet_demand.shape == (8, 7) and not band.unmet_demand.any()


def test_a_result_with_shortage_is_saved_and_read(tmp_path: Path) -> None:
    base = read(tmp_path, default="20 t/yr")
    mfa.save(mfa.run(base), tmp_path / "out")
    again = mfa.load(tmp_path / "out")
    np.testing.assert_allclose(again.unmet_demand, 40, rtol=1e-9)
    assert again.attrs["shortage_iterations"] >= 1
    told = mfa.run(mfa.read_scenario(tmp_path / "out" / "manifest.yaml"))
    xr.testing.assert_equal(told.unmet_demand, again.unmet_demand)
