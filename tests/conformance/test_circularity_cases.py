"""Indicators against their definitions, through whole systems where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa import lifetime, stocks
from mfa.indicators import INDICATORS, circularity, indicator

HERE = Path(__file__).parent
FACTS = json.loads((HERE / "cases" / "circularity.json").read_text("utf-8"))
CASES = {case["id"]: case for case in FACTS["cases"]}


def agrees(label: str, **found: Any) -> None:
    case = CASES[label]
    assert set(found) == set(case["expected"])
    for name, value in found.items():
        wanted = np.full(np.shape(value), case["expected"][name])
        np.testing.assert_allclose(value, wanted, case["rtol"], 1e-9, err_msg=f"{label} {name}")


def system(folder: str) -> xr.Dataset:
    return mfa.run(mfa.read_scenario(HERE / "systems" / folder / "reference.yaml"))


def test_chain_of_end_of_life_recycling() -> None:
    given = CASES["SYS-05"]["inputs"]
    retired = mfa.array([50.0, 100.0], "t/yr", year=[2020, 2021])

    def next_step(flow: xr.DataArray, efficiency: float) -> xr.DataArray:
        return (flow * efficiency).assign_attrs(flow.attrs)

    collected = next_step(retired, given["collection"])
    recycled = next_step(next_step(collected, given["separation"]), given["refining"])
    rate = circularity.eol_recycling_rate(recycled, retired)
    agrees("SYS-05", EoL_RR=rate, mean_number_of_uses=circularity.mean_number_of_uses(rate))
    product = circularity.collection_rate(collected, retired) * circularity.process_efficiency(
        recycled, collected
    )
    np.testing.assert_allclose(product, rate, rtol=1e-12)


def test_recycled_input_rate_falls_with_growth() -> None:
    given = CASES["SYS-07"]["inputs"]
    years = mfa.years(2000, 2060)
    use = mfa.array(np.exp(given["growth"] * np.arange(61)), "t/yr", year=years)
    flows = stocks.from_inflow(use, lifetime.fixed(years, mean=given["lifetime"], inflow_at="end"))
    old_scrap = (given["EoL_RR"] * flows.outflow).assign_attrs(flows.outflow.attrs)
    rate = circularity.eol_recycling_input_rate(old_scrap, use)
    agrees("SYS-07", RIR=rate.sel(year=slice(2000 + given["lifetime"], None)))
    assert (circularity.recycled_content(old_scrap, 0, use) == rate).all()


def test_a_loop_of_new_scrap_has_recycled_content_and_no_eol_recycling() -> None:
    found = system("new_scrap_loop")
    new, fabricated = found.scrap_to_metal, found.metal_to_fabricate
    nothing = xr.zeros_like(new)
    agrees(
        "SYS-09",
        recycled_content=circularity.recycled_content(nothing, new, fabricated),
        eol_recycling_input_rate=circularity.eol_recycling_input_rate(nothing, fabricated),
        old_scrap_ratio=circularity.old_scrap_ratio(nothing, new),
    )


def test_reserve_life() -> None:
    given = CASES["SYS-11"]["inputs"]
    agrees(
        "SYS-11",
        static_years=circularity.static_reserve_life(given["reserves"], given["production"]),
        dynamic_years=circularity.growing_reserve_life(**given),
    )


def test_second_life_gives_everything_back_in_the_end() -> None:
    found = system("second_life")
    recycled = found.retired_to_recycling + found.storage_to_recycling
    recycled.attrs = found.retired_to_recycling.attrs
    sold = CASES["SYS-13"]["inputs"]["sales"]
    assert float(found.maker_to_vehicles.sum()) == pytest.approx(sold)
    growth = circularity.net_addition_to_stock(found.maker_to_vehicles, recycled)
    agrees(
        "SYS-13",
        recycled_since_the_start=circularity.avoided_primary(recycled).isel(year=-1),
        left_in_use=growth.sum("year"),
    )


def test_self_sufficiency_is_what_net_import_reliance_leaves() -> None:
    given = CASES["TRD-04"]["inputs"]
    own = given["primary"] + given["secondary"]
    consumed = own + given["imports"] - given["exports"] + given["stock_release"]
    agrees(
        "TRD-04",
        apparent_consumption=consumed,
        net_import_reliance=1 - circularity.self_sufficiency(own, consumed),
    )


def test_a_users_own_indicator_is_one_function(request: pytest.FixtureRequest) -> None:
    @indicator()
    def magnet_credit(made: Any, recycled: Any, per_made: Any, per_recycled: Any) -> Any:
        """Tax credit of magnets made at home."""
        return (made - recycled) * per_made + recycled * per_recycled

    request.addfinalizer(lambda: INDICATORS.pop("magnet_credit"))
    given = CASES["POL-05"]["inputs"]
    amounts = {"made": given["kg_us"], "recycled": given["kg_us_recycled"]}
    rates = {f"per_{name}": usd for name, usd in given["usd_per_kg"].items()}
    listed = INDICATORS["magnet_credit"]
    assert listed.inputs == ("made", "recycled", "per_made", "per_recycled")
    assert listed.meaning == "Tax credit of magnets made at home."
    agrees("POL-05", credit_usd=listed.function(**amounts, **rates))
