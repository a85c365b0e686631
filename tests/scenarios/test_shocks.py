"""The shipped shocks do what their titles say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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
