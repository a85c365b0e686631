"""Laws of the end of life, on the shipped system of battery minerals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import mfa
from mfa.files import read_yaml

SCENARIOS = Path(__file__).parents[2] / "scenarios"
ROUTES = ("pyrometallurgy", "hydrometallurgy", "direct_recycling", "remelting")
SCALING = (
    "smaller_batteries",
    "car_sharing",
    "longer_battery_life",
    "second_life_first",
    "used_vehicle_export_ban",
    "devices_returned",
    "design_for_disassembly",
    "lfp_in_cars",
)


@pytest.fixture(scope="module")
def reference() -> mfa.Scenario:
    return mfa.read_scenario(SCENARIOS / "reference.yaml")


@pytest.fixture(scope="module")
def result(reference: mfa.Scenario) -> xr.Dataset:
    return mfa.run(reference)


def world(result: xr.Dataset, *names: str) -> xr.DataArray:
    """Return flows or stocks of the world, added, dims (year, material)."""
    parts = [
        result[n].sum([d for d in result[n].dims if d not in ("year", "material")]) for n in names
    ]
    return sum(parts[1:], parts[0])


def with_levers(reference: mfa.Scenario, *levers: str) -> xr.Dataset:
    """Run the reference with levers, one after the other."""
    for lever in levers:
        told = read_yaml(SCENARIOS / "levers" / f"{lever}.yaml")["set"]
        reference = reference.override(title=lever, **told)
    return mfa.run(reference)


def test_the_outlets_of_a_retirement_sum_to_it(result: xr.Dataset) -> None:
    """Cell by cell: second life, export and the rest of a vehicle; hibernation, dissipation, collection."""
    out = [result[f"retired_vehicles_to_{end}"] for end in ("second_life", "used_export", "retire")]
    np.testing.assert_allclose(sum(out), result.vehicles_to_retired_vehicles, rtol=1e-12)
    batteries = {"electric vehicles": result.retired_vehicles_to_retire}
    batteries["grid storage"] = result.storage_to_retire
    into = result.products_to_retire.copy()
    for use, flow in batteries.items():
        into.loc[{"end_use": use}] += flow.transpose(*into.isel(end_use=0).dims)
    left = [result[f"retire_to_{end}"] for end in ("hibernation", "dissipated", "collect")]
    np.testing.assert_allclose(sum(left), into.transpose(*left[0].dims), rtol=1e-12, atol=1e-9)
    recycled = sum(result[f"recycle_to_{route}"] for route in ROUTES)
    np.testing.assert_allclose(recycled, result.functional_to_recycle, rtol=1e-12, atol=1e-9)


def test_what_is_exported_used_is_imported_used(result: xr.Dataset) -> None:
    """Liu and Müller (2013): the world's imports are its exports; nothing goes to rich regions here."""
    flow = result.used_export_to_used_imports
    left, came = flow.sum("used_region"), flow.sum("region")
    np.testing.assert_allclose(
        left.sum("region"), came.sum("used_region").transpose(*left.sum("region").dims), rtol=1e-12
    )
    assert not came.sel(used_region=["China", "Europe", "United States"]).any()
    held = result.used_imports_stock.sel(year=2050, material="Li")
    assert float(held.sel(region="Rest of World")) == pytest.approx(float(held.sum()))
    assert float(held.sum()) > 0


def test_all_that_enters_is_in_use_or_lost_for_a_cause_with_a_name(result: xr.Dataset) -> None:
    """Over all years: what was taken from nature is in stocks and sinks, nowhere else."""
    stocks = [str(n) for n, v in result.data_vars.items() if v.attrs.get("kind") == "stock"]
    causes = {"tailings", "lost_scrap", "lost_rejects", "dissipated", "landfill", "sorting_loss"}
    causes |= {"downcycled", "slag", "residue", "surplus"}
    assert causes <= {name.removesuffix("_stock") for name in stocks}
    taken = world(result, "mine_to_ore", "synthetic_to_refine").sum("year")
    kept = world(result, *stocks).isel(year=-1)
    np.testing.assert_allclose(kept, taken, rtol=1e-12)


PERFECT = {
    "collection_rate": 1,
    "sorting_yield": 1,
    "downcycled_share": 0,
    "dissipative_share": 0,
    **{f"{route}_yield": 1 for route in ROUTES},
}
STEADY = {
    "product_demand": "10 kt/yr",
    "vehicle_sales": "1000000 vehicle/yr",
    "battery_capacity": "50 kWh/vehicle",
    "technology_share": 1 / 9,
    "storage_demand": "20 GWh/yr",
    "storage_technology_share": 1 / 9,
    "second_life_share": 0.1,
    "used_export_share": 0,
}
"""Without exports every region closes; with them one region would have a surplus that another lacks."""


def test_in_a_steady_state_primary_supply_replaces_losses_and_nothing_else(
    reference: mfa.Scenario,
) -> None:
    """100 % collection and yield: what is still mined is what fabrication and assembly lose.

    Seventy years after the last change nothing is left of earlier cohorts.
    """
    steady = mfa.run(reference.override(title="Steady", **PERFECT, **STEADY)).sel(year=2050)
    lost = steady.scrap_to_lost_scrap + steady.rejects_to_lost_rejects
    primary, lost = steady.supply_to_metal.sum("region"), lost.sum("region")
    assert float(primary.min()) > 0
    np.testing.assert_allclose(primary, lost, rtol=1e-6)
    assert not steady.metal_to_surplus.sum() > 1e-6 * float(primary.sum())


def test_without_losses_in_making_nothing_is_mined_in_a_steady_state(
    reference: mfa.Scenario,
) -> None:
    closed = {"fabrication_yield": 1, "assembly_yield": 1}
    steady = mfa.run(reference.override(title="Closed", **PERFECT, **STEADY, **closed))
    asked = float(steady.metal_to_fabricate.sel(year=2050).sum())
    assert float(steady.supply_to_metal.sel(year=2050).sum()) < 1e-6 * asked


@pytest.mark.parametrize("lever", SCALING)
def test_a_lever_of_strength_zero_changes_nothing(
    reference: mfa.Scenario, result: xr.Dataset, lever: str
) -> None:
    """Every `scale` of the lever set to 1: the same parameters, bit for bit."""
    told = read_yaml(SCENARIOS / "levers" / f"{lever}.yaml")["set"]

    def idle(raw: object) -> object:
        assert isinstance(raw, dict)
        return {"scale": 1} if "scale" in raw else {key: idle(value) for key, value in raw.items()}

    same = mfa.build_parameters(
        reference.override(title="Idle", **{n: idle(v) for n, v in told.items()})
    )
    for name in told:
        np.testing.assert_array_equal(same[name], result[name])


def test_levers_that_scale_combine_in_any_order(reference: mfa.Scenario) -> None:
    one, other = with_levers(reference, *SCALING), with_levers(reference, *SCALING[::-1])
    flows = [n for n, v in one.data_vars.items() if v.attrs.get("kind") == "flow"]
    for name in flows:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-12, atol=1e-9)


EFFECTS = {
    "smaller_batteries": ("metal_to_fabricate", "less"),
    "car_sharing": ("metal_to_fabricate", "less"),
    "longer_battery_life": ("vehicles_to_retired_vehicles", "less"),
    "second_life_first": ("assemble_to_storage", "less"),
    "used_vehicle_export_ban": ("used_imports_stock", "less"),
    "devices_returned": ("hibernation_stock", "less"),
    "design_for_disassembly": ("sort_to_sorting_loss", "less"),
    "landfill_ban": ("waste_to_landfill", "less"),
    "direct_recycling": ("direct_recycling_to_metal", "more"),
    "collection_directive": ("collect_to_sort", "more"),
    "recovery_targets": ("pyrometallurgy_to_metal", "more"),
    "eu_battery_collection": ("collect_to_sort", "more"),
    "eu_material_recovery": ("pyrometallurgy_to_metal", "more"),
}


@pytest.mark.parametrize("lever", EFFECTS)
def test_a_lever_does_what_its_name_says(
    reference: mfa.Scenario, result: xr.Dataset, lever: str
) -> None:
    """Lithium in 2045; the path before 2024 is the same."""
    flow, way = EFFECTS[lever]
    changed = with_levers(reference, lever)
    before, after = (world(one, flow).sel(material="Li") for one in (result, changed))
    lower, higher = (after, before) if way == "less" else (before, after)
    assert float(lower.sel(year=2045)) < 0.999 * float(higher.sel(year=2045))
    if lever != "longer_battery_life":  # holds for cars that are sold already, too
        np.testing.assert_array_equal(
            after.sel(year=slice(None, 2015)), before.sel(year=slice(None, 2015))
        )


def test_every_lever_is_in_the_readme() -> None:
    text = (SCENARIOS / "README.md").read_text(encoding="utf-8").split("## Levers")[1]
    for path in (SCENARIOS / "levers").glob("*.yaml"):
        assert f"| `{path.stem}` |" in text, path.stem
    for path in SCENARIOS.glob("*.yaml"):
        assert f"`{path.stem}`" in (SCENARIOS / "README.md").read_text(encoding="utf-8"), path.stem
