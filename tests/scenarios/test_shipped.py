"""The shipped scenarios: they run, agree with the world as far as is said, and stay as they are."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import mfa

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
ALL = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
BULK = [name for name in ALL if name.startswith("bulk_")]
NAMES = [name for name in ALL if name not in BULK]
SUMMARIES = {"world_totals": NAMES, "bulk_metals": BULK}


@pytest.fixture(scope="module")
def results() -> dict[str, xr.Dataset]:
    return {name: mfa.run(mfa.read_scenario(SCENARIOS / f"{name}.yaml")) for name in ALL}


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(SCENARIOS / "data" / name, keep_default_na=False)


@pytest.mark.parametrize("name", ALL)
def test_every_shipped_scenario_balances(results: dict[str, xr.Dataset], name: str) -> None:
    assert results[name].attrs["balance_residual"] <= 1e-9
    assert float(abs(mfa.balance(results[name]).to_array()).max()) < 1.0  # t/yr


@pytest.mark.parametrize("summary", SUMMARIES)
def test_summary_under_version_control_is_reproduced(
    results: dict[str, xr.Dataset], summary: str
) -> None:
    """A change of numbers is a line under "Numbers changed" in the changelog."""
    kept = pd.read_csv(ROOT / "results" / "summary" / f"{summary}.csv", keep_default_na=False)
    kept = kept.set_index(["quantity", "material", "year"])
    names = SUMMARIES[summary]
    made = mfa.compare({name: results[name] for name in names})
    assert sorted(kept.columns) == sorted(made.columns) == names
    aligned = made.loc[kept.index, kept.columns]
    assert len(made) == len(kept)
    np.testing.assert_allclose(aligned.values, kept.values, rtol=1e-9, atol=1e-9)


def test_steel_in_use_stands_in_the_readme(results: dict[str, xr.Dataset]) -> None:
    """Tonnes a head in the last year observed, as scenarios/README.md tells them."""
    section = (SCENARIOS / "README.md").read_text(encoding="utf-8").split("## Bulk metals")[1]
    told = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|", section, flags=re.M))
    reference = results["bulk_reference"].sel(material="steel", year=2008)
    per_head = reference.use_stock / reference.population
    regions = [region for region in per_head.region.values if region != "World"]
    assert sorted(told) == sorted(regions)
    for region in regions:
        assert float(told[region]) == round(float(per_head.sel(region=region)), 1)
    assert not reference.use_stock.sel(region="World").item()


def gaps() -> list[dict[str, str]]:
    """Return the table of gaps in scenarios/README.md."""
    text = (SCENARIOS / "README.md").read_text(encoding="utf-8")
    section = text.split("## Against the world, 2024")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    head = [cell.strip() for cell in lines[0].strip("|").split("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return [dict(zip(head, row, strict=True)) for row in rows]


def world_2024(result: xr.Dataset) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (model, observed) in kt for each material and sector that was observed."""
    year = result.sel(year=2024)
    demand = year.metal_to_fabricate.sum("region")
    observed = table("iea_demand_2024.csv")
    mined = table("mine_production_world.csv").query("year == 2024").set_index("material")["value"]
    found = {}
    for material in result.material.values:
        own = demand.sel(material=material)
        sectors = {
            "electric vehicles": float(own.sel(end_use="electric vehicles")),
            "grid storage": float(own.sel(end_use="grid storage")),
            "total": float(own.sum()),
        }
        sectors["other uses"] = (
            sectors["total"] - sectors["electric vehicles"] - sectors["grid storage"]
        )
        rows = observed[observed.material == material].set_index("sector")["value"].astype(float)
        for sector, model in sectors.items():
            if rows.empty:
                continue
            known = rows["total"] - rows["electric vehicles"] - rows["grid storage"]
            seen = known if sector == "other uses" else rows[sector]
            found[material, sector] = (model / 1e3, float(seen) / 1e3)
        model = float(year.mine_to_ore.sel(material=material).sum())
        found[material, "mined"] = (model / 1e3, float(mined[material]) / 1e3)
    return found


def test_gaps_to_the_world_above_15_percent_are_written_down(
    results: dict[str, xr.Dataset],
) -> None:
    """Demand at metal_to_fabricate beside the IEA, mining beside the USGS; parts sum to the gap."""
    written: dict[tuple[str, str], list[float]] = {}
    for row in gaps():
        amounts = [
            float(row[kind].replace("−", "-").replace(",", ""))
            for kind in ("definition", "data", "model")
        ]
        written[row["material"], row["flow"]] = amounts
    for key, (model, observed) in world_2024(results["reference"]).items():
        gap = model - observed
        if abs(gap) > 0.15 * observed:
            assert key in written, f"{key}: model {model:.1f}, observed {observed:.1f}"
            assert sum(written[key]) == pytest.approx(gap, abs=max(0.06, 0.001 * observed))
        else:
            assert key not in written, f"{key} is within 15 % now; take its row out"


def test_batteries_are_counted_from_below(results: dict[str, xr.Dataset]) -> None:
    """Lithium in the cells of cars, before fabrication losses: IEA's GWh × BatPaC's kg/kWh."""
    year = results["reference"].sel(year=2024)
    lithium = float(year.fabricate_to_vehicles.sel(material="Li").sum()) / 1e3
    capacity = float((year.vehicle_sales * year.battery_capacity).sum()) / 1e6
    assert capacity == pytest.approx(490 + 170 + 110 + 69, rel=1e-6)  # GWh, as printed by the IEA
    assert 67 < lithium < 79


def test_nothing_enters_before_the_first_data_year(results: dict[str, xr.Dataset]) -> None:
    world = results["reference"].metal_to_fabricate.sum(("region", "end_use"))
    for material, first in {"Co": 1913, "Ni": 1920, "Li": 1975}.items():
        own = world.sel(material=material)
        assert float(own.sel(year=first)) > 0
        if first > 1913:
            assert float(own.sel(year=slice(None, first - 1)).max()) == 0


def test_a_seventh_mineral_is_a_file(tmp_path: Path) -> None:
    """Promise 3: an invented mineral is added as data, at run time."""
    folder = tmp_path / "scenarios"
    shutil.copytree(SCENARIOS, folder, ignore=shutil.ignore_patterns("raw", "__pycache__"))
    (folder / "materials" / "Unobtainium.yaml").write_text(
        """
title: Unobtainium
product_demand: {1913: 0, 2000: 0, 2050: 5 kt/yr}
product_share: {superalloys: 1}
battery_content: {LFP: 10 g/kWh}
mine_share: {China: 60 %, Rest of World: rest, Argentina: 0, Australia: 0, Canada: 0, Chile: 0,
  Democratic Republic of the Congo: 0, Finland: 0, Gabon: 0, Indonesia: 0, Japan: 0, Madagascar: 0,
  Mozambique: 0, New Caledonia: 0, Peru: 0, Philippines: 0, Russia: 0, South Africa: 0,
  United States: 0, Zimbabwe: 0}
refine_share: {China: 1, Rest of World: rest, Argentina: 0, Australia: 0, Canada: 0, Chile: 0,
  Democratic Republic of the Congo: 0, Finland: 0, Gabon: 0, Indonesia: 0, Japan: 0, Madagascar: 0,
  Mozambique: 0, New Caledonia: 0, Peru: 0, Philippines: 0, Russia: 0, South Africa: 0,
  United States: 0, Zimbabwe: 0}
refining_yield: 50 %
"""
    )
    result = mfa.run(mfa.read_scenario(folder / "reference.yaml"))
    assert "Unobtainium" in result.material.values
    own = result.sel(material="Unobtainium")
    asked = float(own.metal_to_fabricate.sel(year=2050, end_use="superalloys").sum())
    assert asked == pytest.approx(5000)
    mined = own.mine_to_ore.sum("mine_country")
    np.testing.assert_allclose(mined, own.supply_to_metal.sum("region") / 0.5, rtol=1e-12)


def test_the_python_of_the_readme_design(results: dict[str, xr.Dataset], tmp_path: Path) -> None:
    reference = mfa.read_scenario(SCENARIOS / "reference.yaml")
    circular = mfa.read_scenario(SCENARIOS / "circular.yaml")
    faster = reference.override(title="Early saturation", vehicle_sales={"midpoint": 2030})
    result = mfa.run_batch([reference, circular, faster])
    assert result.scenario.values.tolist() == ["reference", "circular", "early_saturation"]
    mined = result.mine_to_ore.sum("mine_country")
    assert mined.sel(material="Co").dims == ("scenario", "year")
    xr.testing.assert_equal(
        result.metal_to_fabricate.sel(scenario="circular", drop=True),
        results["circular"].metal_to_fabricate,
    )
    folder = mfa.save(result, tmp_path / "early_saturation")
    xr.testing.assert_equal(mfa.load(folder), result)


def test_a_scenario_without_differences_equals_its_parent(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    shutil.copytree(SCENARIOS, folder, ignore=shutil.ignore_patterns("raw", "__pycache__"))
    (folder / "same.yaml").write_text("title: The same\ninherits: reference\n")
    parent = mfa.run(mfa.read_scenario(folder / "reference.yaml"))
    child = mfa.run(mfa.read_scenario(folder / "same.yaml"))
    for name in parent.data_vars:
        assert np.array_equal(parent[name].values, child[name].values), name


def test_every_declared_default_stands_in_the_readme() -> None:
    """What the data do not hold is one line each in scenarios/README.md."""
    text = (SCENARIOS / "README.md").read_text(encoding="utf-8")
    section = text.split("## Declared defaults")[1].split("\n## ")[0]
    listed = set(re.findall(r"`(\w+)`", section))
    declared = set()
    for name in ALL:
        for given in mfa.read_scenario(SCENARIOS / f"{name}.yaml").given:
            if "reason" in str(given.raw) and given.layer == "item":
                declared.add(given.parameter)
    assert declared <= listed, declared - listed


def test_sources_of_shipped_values_are_in_the_bibliography() -> None:
    keys = set(re.findall(r"@\w+\{([^,]+),", (SCENARIOS / "data" / "sources.bib").read_text()))
    used = set()
    for name in ALL:
        for given in mfa.read_scenario(SCENARIOS / f"{name}.yaml").given:
            if isinstance(given.raw, dict) and "source" in given.raw:
                used |= {key.strip() for key in str(given.raw["source"]).split(";")}
    assert used and used <= keys, used - keys


def test_country_tables_and_scenario_labels_agree() -> None:
    system = mfa.read_system(SCENARIOS / "systems" / "battery_minerals.yaml")
    with (SCENARIOS / "data" / "mine_share.csv").open(encoding="utf-8") as file:
        places = {row["mine_country"] for row in csv.DictReader(file)}
    assert places == set(system.dimensions["mine_country"])


def readme_table(head: str) -> dict[str, list[str]]:
    """Return the rows of the table of scenarios/README.md whose first heading is given."""
    lines = (SCENARIOS / "README.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {head}"))
    rows = {}
    for line in [lines[start], *lines[start + 2 :]]:
        if not line.startswith("|"):
            break
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[first] = cells
    return rows


def test_cars_by_region_are_those_of_the_readme(results: dict[str, xr.Dataset]) -> None:
    rows = readme_table("electric cars")
    places = rows.pop("electric cars, million a year")[:-1]
    icct = table("vehicle_sales_icct.csv").pivot(index="year", columns="region", values="value")
    sales = results["reference"].vehicle_sales
    for name, written in rows.items():
        year = int(name[:4])
        own = icct.loc[year] if "ICCT" in name else sales.sel(year=year).to_series()
        known = [*(own[place] / 1e6 for place in places), own.sum() / 1e6]
        assert written == [f"{value:.1f}" for value in known], name


def test_the_share_of_lfp_is_that_of_the_readme(results: dict[str, xr.Dataset]) -> None:
    text = " ".join((SCENARIOS / "README.md").read_text(encoding="utf-8").split())
    share = {
        name: (100 * results[name].technology_share.sel(technology="LFP")).round().astype(int)
        for name in ("reference", "lfp_shift")
    }
    at = {year: int(share["reference"].sel(year=year)) for year in (2024, 2030, 2040, 2050)}
    assert f"observed {at[2024]} % of the capacity" in text
    assert f"falls to {at[2030]} % in 2030, {at[2040]} % in 2040 and {at[2050]} % in 2050" in text
    shifted = int(share["lfp_shift"].sel(year=2040))
    assert f"{shifted} % of the capacity sold in 2040 (reference: {at[2040]} %)" in text
    lever = (SCENARIOS / "levers" / "lfp_in_cars.yaml").read_text(encoding="utf-8")
    assert f"{shifted} % of the capacity sold in 2040" in lever


def test_minus_signs_in_the_readme_are_of_one_kind() -> None:
    assert not re.search(r"\(-\d", (SCENARIOS / "README.md").read_text(encoding="utf-8"))
    for row in gaps():
        share = re.search(r"\(([−+])\d+ %\)", row["gap"])
        assert share is not None
        assert row["gap"].startswith(share[1]), row


def test_the_summary_is_written_with_ten_digits() -> None:
    text = (ROOT / "results" / "summary" / "world_totals.csv").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        for cell in line.split(",")[3:]:
            assert cell == f"{float(cell):.10g}"
