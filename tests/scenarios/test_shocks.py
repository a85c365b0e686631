"""The shipped shocks do what their titles say."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import mfa

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NAMES = (
    "reference",
    "spare_mines",
    "cobalt_shock",
    "cobalt_shock_stockpile",
    "cobalt_shock_recycling",
    "cobalt_shock_price",
    "fast_electrification_mines",
)


@pytest.fixture(scope="module")
def found() -> dict[str, xr.Dataset]:
    return {name: mfa.run(mfa.read_scenario(SCENARIOS / f"{name}.yaml")) for name in NAMES}


def unmet(result: xr.Dataset) -> xr.DataArray:
    return result.unmet_demand.sel(material="Co").sum(["region", "end_use"])


def test_spare_mines_leave_nothing_short(found: dict[str, xr.Dataset]) -> None:
    free, spare = found["reference"], found["spare_mines"]
    assert free.attrs["shortage_iterations"] == 0
    assert not spare.unmet_demand.any()
    xr.testing.assert_equal(spare.metal_to_fabricate, free.metal_to_fabricate)


def test_half_of_the_cobalt_is_short_while_it_lasts(found: dict[str, xr.Dataset]) -> None:
    shock = found["cobalt_shock"]
    country = "Democratic Republic of the Congo"
    mined = shock.mine_to_ore.sel(mine_country=country, material="Co")
    most = shock.mine_capacity.sel(mine_country=country, material="Co")
    np.testing.assert_allclose(mined.sel(year=2030), 0.5 * 1.3 * 230e3, rtol=1e-9)
    assert (mined <= most * (1 + 1e-10)).all()
    short = unmet(shock)
    assert (short.sel(year=slice(2027, 2030)) > 0).all()
    assert (
        not short.sel(year=slice(None, 2026)).any() and not short.sel(year=slice(2031, None)).any()
    )


def test_stockpiles_come_first_and_do_not_last(found: dict[str, xr.Dataset]) -> None:
    with_them, without = unmet(found["cobalt_shock_stockpile"]), unmet(found["cobalt_shock"])
    assert not with_them.sel(year=[2027, 2028]).any()
    assert float(with_them.sum()) < 0.75 * float(without.sum())
    released = found["cobalt_shock_stockpile"].stockpile_to_metal.sel(material="Co").sum("region")
    assert (released.sel(year=[2027, 2028, 2029]) > 0).all() and not released.sel(year=2026)


def test_less_use_is_less_scrap_and_recycling_helps(found: dict[str, xr.Dataset]) -> None:
    scrap = {n: found[n].old_scrap_supply.sel(material="Co").sum("region") for n in NAMES}
    assert float(scrap["cobalt_shock"].sel(year=2040)) < float(scrap["spare_mines"].sel(year=2040))
    assert float(unmet(found["cobalt_shock_recycling"]).sum()) < float(
        unmet(found["cobalt_shock"]).sum()
    )


def test_prices_say_who_gives_way_and_change_no_flow(found: dict[str, xr.Dataset]) -> None:
    priced, plain = found["cobalt_shock_price"], found["cobalt_shock"]
    xr.testing.assert_equal(priced.metal_to_fabricate, plain.metal_to_fabricate)
    assert (plain.price_index == 1).all() and not plain.demand_response.any()
    index = priced.price_index.sel(material="Co")
    years = index.year.values[(index > 1).values]
    assert years.tolist() == [2027, 2028, 2029, 2030] and 3 < float(index.max()) < 10
    assert (priced.price_index.drop_sel(material="Co") == 1).all()
    # up to the highest price all that is short is given up, and who gives up is what was unmet
    assert float(priced.unmet_demand.max()) < 1e-6
    xr.testing.assert_allclose(priced.demand_response, plain.unmet_demand.rename("demand_response"))


def unmet_years(result: xr.Dataset, material: str) -> list[int]:
    short = result.unmet_demand.sel(material=material).sum(["region", "end_use"])
    return [int(year) for year in short.year[(short > 1e-6).values]]


def test_late_mines_fall_short_of_cobalt_first(found: dict[str, xr.Dataset]) -> None:
    late = found["fast_electrification_mines"]
    assert unmet_years(late, "Co") == [*range(2029, 2046)]
    assert late.attrs["shortage_residual"] <= 1e-11
    mined = late.mine_to_ore.sum("mine_country")
    most = late.mine_capacity.sum("mine_country")
    used = (mined / most).sel(material=["Co", "Ni"])
    np.testing.assert_allclose(used.sel(material="Co", year=slice(2029, 2045)), 1, rtol=1e-9)
    # cars that lack cobalt are not built, so mines of nickel have room
    assert float(used.sel(material="Ni").max()) < 0.95


def test_nickel_alone_falls_short_three_years_later() -> None:
    late = mfa.read_scenario(SCENARIOS / "fast_electrification_mines.yaml")
    alone = late.override(title="Nickel alone", mine_capacity={"Co": "unlimited"})
    assert unmet_years(mfa.run(alone), "Ni") == [*range(2032, 2040)]


def test_the_pipeline_of_mines_is_what_its_script_writes() -> None:
    namespace = runpy.run_path(str(SCENARIOS / "mine_pipeline.py"))
    kept = pd.read_csv(SCENARIOS / "mines" / "capacity.csv")
    pd.testing.assert_frame_equal(kept, namespace["capacity"]())
    assert set(kept.status) == {"assumed"}


def test_a_ban_of_strength_0_changes_no_bit(found: dict[str, xr.Dataset]) -> None:
    kept = {"scale": 1, "from": 2027, "to": 2030, "reason": "nothing is taken away"}
    country = "Democratic Republic of the Congo"
    spare = mfa.read_scenario(SCENARIOS / "spare_mines.yaml")
    banned = mfa.run(spare.override(mine_capacity={country: {"Co": kept}}))
    flows = [n for n, v in banned.data_vars.items() if v.attrs["kind"] in ("flow", "stock")]
    for name in [*flows, "unmet_demand"]:
        assert np.array_equal(banned[name].values, found["spare_mines"][name].values), name
