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
from mfa import contributions, demand
from mfa.demand.fit_data import read_points
from mfa.files import read_yaml

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
ALL = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
BULK = [name for name in ALL if name.startswith("bulk_")]
CARS = [name for name in ALL if name.startswith("vehicle_")]
NAMES = [name for name in ALL if name not in BULK]
SUMMARIES = {
    "world_totals": [name for name in NAMES if name not in CARS],
    "bulk_metals": BULK,
    "electric_cars": CARS,
}


@pytest.fixture(scope="module")
def results() -> dict[str, xr.Dataset]:
    return {name: mfa.run(mfa.read_scenario(SCENARIOS / f"{name}.yaml")) for name in ALL}


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(SCENARIOS / "data" / name, keep_default_na=False)


@pytest.mark.parametrize("name", ALL)
def test_every_shipped_scenario_balances(results: dict[str, xr.Dataset], name: str) -> None:
    assert results[name].attrs["balance_residual"] <= 1e-9
    assert float(abs(mfa.balance(results[name]).to_array()).max()) < 1.0  # t/yr


@pytest.mark.parametrize(
    ("name", "flow"),
    [
        ("reference", "supply_to_metal"),
        ("narrow_slow_close", "supply_to_metal"),
        ("fast_and_close", "supply_to_metal"),
        ("direct_recycling", "supply_to_metal"),
        ("bulk_reference", "mine_to_metal"),
        ("vehicle_reference", "supply_to_batteries"),
    ],
)
def test_levers_and_uncertainty_go_together(name: str, flow: str) -> None:
    """Whatever is drawn, shares sum to one and yields stay yields, in every lever's scenario."""
    result = mfa.run(mfa.read_scenario(SCENARIOS / f"{name}.yaml"), samples=64, seed=3, keep=[flow])
    assert result[flow].sizes["sample"] == 64
    assert float(result[flow].min()) >= 0
    assert float(result[flow].isel(year=-1).std("sample").max()) > 0


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
    numbers = kept.replace("", np.nan).astype(float)  # no peak up to the last year
    np.testing.assert_allclose(aligned.values, numbers.values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_potentials_are_in_order_and_realised_supply_lies_below_the_best(
    results: dict[str, xr.Dataset], name: str
) -> None:
    """The best collection and processes of the shipped files are not beaten by their scenarios."""
    result = results[name]
    theoretical = result.secondary_potential_theoretical
    assert (theoretical >= 0).all() and float(theoretical.sum()) > 0
    if "secondary_potential_technical" in result:
        technical = result.secondary_potential_technical
        assert (technical <= theoretical).all()
        assert (result.secondary_potential_economic <= technical).all()
        assert (result.secondary_potential_economic >= 0).all()
        assert (result.old_scrap_supply <= technical * (1 + 1e-9) + 1e-6).all()


def test_the_fit_of_the_scenarios_is_made_again_from_the_tables() -> None:
    """What `make fits` writes is what stands there."""
    data = SCENARIOS / "data"
    x, y = read_points(
        data / "steel_consumption.csv",
        str(data / "gdp_per_capita.csv"),
        per=str(data / "population_history.csv"),
        group="region",
        where={"status": "reported"},
        years=(1962, None),
    )
    found = demand.fit("gompertz", x, y, x_dim="year", missing="drop").to_mapping()
    kept = read_yaml(SCENARIOS / "fits" / "steel.yaml")
    assert found["data_sha256"] == kept["data_sha256"]
    assert found["identified"] == kept["identified"]
    for name, value in kept["parameters"].items():
        assert found["parameters"][name] == pytest.approx(value, rel=1e-6)


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


def test_rates_beside_published_ones_are_those_of_the_readme(
    results: dict[str, xr.Dataset],
) -> None:
    """Rates of world sums, 2024; EoL-RIR within ten points of the EU's or told why not."""
    rows = readme_table("recycled metal")
    del rows["recycled metal"]
    assert set(rows) == {"Al", "Co", "Cu", "Li", "Ni"}
    returned = {}
    for metal, cells in rows.items():
        result = results["bulk_reference" if metal == "Al" else "reference"]
        own = result.sel(year=2024, material=metal)
        old, new, primary, end = (
            float(own[name].sum())
            for name in (
                "old_scrap_supply",
                "new_scrap_supply",
                "primary_supply",
                "secondary_potential_theoretical",
            )
        )
        supply = old + new + primary
        rates = [100 * old / supply, 100 * old / end, 100 * (old + new) / supply]
        assert [cells[i] for i in (0, 2, 4)] == [f"{rate:.0f}" for rate in rates], metal
        returned[metal] = 100 * end / float(own.demand.sum())
    least, *_, most = sorted(returned[metal] for metal in ("Al", "Co", "Cu"))
    text = (SCENARIOS / "README.md").read_text(encoding="utf-8")
    assert f"less than half of it ({least:.0f} to {most:.0f} %)" in text


def test_batteries_are_counted_from_below(results: dict[str, xr.Dataset]) -> None:
    """Lithium in the cells of cars, before fabrication losses: IEA's GWh × BatPaC's kg/kWh."""
    year = results["reference"].sel(year=2024)
    lithium = float(year.assemble_to_vehicles.sel(material="Li").sum()) / 1e3
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
best_recovery_rate: {value: 50 %, reason: nobody has tried}
metal_price: 7 million USD/t
reserves: 1 Mt
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
        assert np.array_equal(parent[name].values, child[name].values, equal_nan=True), name


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


@pytest.mark.parametrize("summary", SUMMARIES)
def test_the_summary_is_written_with_ten_digits(summary: str) -> None:
    text = (ROOT / "results" / "summary" / f"{summary}.csv").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        for cell in line.split(",")[3:]:
            if cell or "[" not in line:  # no share of nothing, no peak up to the last year
                assert cell == f"{float(cell):.10g}"


# ------------------------------------------------------- minerals in electric cars


def car_demand(result: xr.Dataset) -> xr.DataArray:
    """World demand of electric cars, t/yr, dims (year, material)."""
    parts = (result.supply_to_batteries, result.supply_to_motors, result.supply_to_bodies)
    return sum(parts[1:], parts[0]).sum("region")


def test_every_mineral_of_the_data_is_in_the_cars(results: dict[str, xr.Dataset]) -> None:
    """The parts that nev_minerals.csv names are those that hold a mineral here, no others."""
    known = {(row.part, row.material) for row in table("nev_minerals.csv").itertuples()}
    result = results["vehicle_reference"]
    parts = {"battery": "batteries", "motor": "motors", "body": "bodies"}
    found = {
        (part, str(material))
        for part, process in parts.items()
        for material in result.material.values
        if float(result[f"supply_to_{process}"].sel(material=material).max()) > 0
    }
    assert found == known
    assert len({material for _, material in found}) == 16


def test_cars_need_what_is_counted_by_hand(results: dict[str, xr.Dataset]) -> None:
    """2018: sales × kWh × share × kg/kWh, sales × share of motors × kg, sales × powertrain × kg."""
    sold = table("vehicle_sales.csv").query("year == 2018").set_index("region").value.astype(float)
    packs = table("battery_capacity.csv").query("year == 2018").set_index("region").value
    share = table("technology_share_observed.csv").query("year == 2020")
    share = share.set_index("technology").value.astype(float)
    content = table("battery_content_all.csv").pivot(
        index="technology", columns="material", values="value"
    )
    capacity = float((sold * packs.astype(float)).sum())
    cars, demand = float(sold.sum()), car_demand(results["vehicle_reference"]).sel(year=2018)
    lithium = capacity * float((share / share.sum() * content["Li"]).sum()) / 1e3
    assert float(demand.sel(material="Li")) == pytest.approx(lithium, rel=1e-9)
    assert float(demand.sel(material="Nd")) == pytest.approx(cars * 0.85 * 0.695 / 1e3, rel=1e-9)
    motors = cars * (0.82 * 13.8845 + 0.10 * 33.6735) / 1e3
    copper = capacity * float((share / share.sum() * content["Cu"]).sum()) / 1e3
    assert float(demand.sel(material="Cu")) == pytest.approx(copper + motors, rel=1e-9)
    chromium = cars * (1.4 / 2.05 * 11.85 + 0.65 / 2.05 * 12.789) / 1e3
    assert float(demand.sel(material="Cr")) == pytest.approx(chromium, rel=1e-9)


def test_cars_and_batteries_are_those_of_the_battery_minerals(
    results: dict[str, xr.Dataset],
) -> None:
    """The two systems share their cars: the same lithium enters vehicles, year by year."""
    for cars, batteries in {
        "vehicle_reference": "reference",
        "vehicle_fast": "fast_electrification",
    }.items():
        years = slice(2010, None)
        own = results[cars].supply_to_batteries.sel(year=years)
        other = results[batteries].assemble_to_vehicles.sel(year=years)
        own = own.sel(material=other.material)
        np.testing.assert_allclose(own.transpose(*other.dims).values, other.values, rtol=1e-9)


def test_multiples_of_the_readme(results: dict[str, xr.Dataset]) -> None:
    """Growth over 17 years is m^(1/17) − 1: 3.2 to 15.1 % a year for 1.7 to 11 times."""
    demand, fast = car_demand(results["vehicle_reference"]), car_demand(results["vehicle_fast"])
    every = results["reference"].metal_to_fabricate.sum(("region", "end_use"))
    rows = readme_table("mineral | in | 2018")
    del rows["mineral"]
    assert set(rows) == set(demand.material.values.tolist())

    def growth(multiple: float) -> str:
        return f"{100 * (multiple ** (1 / 17) - 1):.1f}"

    def times(data: xr.DataArray, material: str) -> float:
        own = data.sel(material=material)
        return float(own.sel(year=2035) / own.sel(year=2018))

    assert (growth(1.7), growth(11)) == ("3.2", "15.1")
    for material, (_, first, last, multiple, yearly, faster, all_uses) in rows.items():
        own = demand.sel(material=material) / 1e3
        assert float(first.replace(",", "")) == pytest.approx(float(own.sel(year=2018)), rel=5e-3)
        assert float(last.replace(",", "")) == pytest.approx(float(own.sel(year=2035)), rel=5e-3)
        assert multiple == f"{times(demand, material):.1f}"
        assert yearly == growth(times(demand, material))
        assert faster == f"{times(fast, material):.1f}"
        if all_uses != "–":
            assert all_uses == f"{times(every, material):.1f}"
    cars = results["vehicle_reference"].vehicle_sales.sum("region")
    assert float(cars.sel(year=2018)) == 2.05e6
    assert float(cars.sel(year=2035) / cars.sel(year=2018)) == pytest.approx(47.7, abs=0.05)
    since = demand.sel(year=2035) / demand.sel(year=2024)
    assert (round(float(since.min()), 1), round(float(since.max()), 1)) == (5.5, 6.7)
    lithium = demand.sel(material="Li")
    assert round(float(lithium.sel(year=2024) / lithium.sel(year=2018)), 1) == 11.2


def test_levers_that_close_the_loop_lower_no_rate_of_the_reference(tmp_path: Path) -> None:
    """A target that the reference passes anyway may not pull it down."""
    shutil.copytree(SCENARIOS, tmp_path / "all", ignore=shutil.ignore_patterns("raw", "factors"))

    def rates(head: str) -> xr.Dataset:
        path = tmp_path / "all" / "one.yaml"
        path.write_text(f"title: One\ninherits: reference\n{head}", encoding="utf-8")
        return mfa.build_parameters(mfa.read_scenario(path))

    reference = rates("")
    for lever in (
        "collection_directive", "design_for_disassembly", "direct_recycling", "eu_battery_collection",
        "eu_material_recovery", "landfill_ban", "recovery_targets",
    ):  # fmt: skip
        found = rates(f"levers: [{lever}]\n")
        raised = [name for name in found if not found[name].equals(reference[name])]
        assert raised
        for name in raised:
            assert float((found[name] - reference[name]).min()) >= -1e-12, (lever, name)


def test_the_words_of_notebook_07_about_strategies(results: dict[str, xr.Dataset]) -> None:
    """Sales are given: a longer life delays scrap and lowers no demand."""
    minerals = ["Li", "Co", "Ni"]

    def mined(name: str, first: int, last: int = 2050) -> np.ndarray:
        some = results[name].primary_supply.sel(material=minerals, year=slice(first, last))
        return np.asarray(some.sum(["region", "year"]).values)

    for other in ("reference", "slow", "close"):
        assert (mined("narrow", 2025) < mined(other, 2025)).all(), other
    assert mined("close", 2050)[1] < mined("narrow", 2050)[1]
    assert (mined("slow", 2050) > mined("reference", 2050)).all()
    slow = mfa.read_scenario(SCENARIOS / "slow.yaml")
    for of, longer, second in (("demand", 7, -56), ("primary_supply", 44, -13)):
        parts = mfa.decompose(slow, of, year=2050, at={"material": "Li"}, sum=["region"])
        np.testing.assert_allclose(parts.values / 1e3, [longer, second], atol=0.5)


def test_collection_and_recovery_need_each_other() -> None:
    """The figures of notebook 07, kt of lithium mined in 2050."""
    close = mfa.read_scenario(SCENARIOS / "close.yaml")
    levers = contributions.players(close)

    def mined(*chosen: str) -> float:
        part = contributions.restricted(close, {levers[name] for name in chosen}, levers)
        found = mfa.run(part).primary_supply.sel(year=2050, material="Li")
        return float(found.sum()) / 1e3

    pair = ("collection_directive", "recovery_targets")
    saved = [mined() - mined(*chosen) for chosen in (pair, pair[:1], pair[1:])]
    text = (ROOT / "notebooks" / "07_secondary_supply.ipynb").read_text(encoding="utf-8")
    both, collected, recovered = (f"{kt:.0f}" for kt in saved)
    assert f"({both} kt)" in text and f"({collected} and {recovered} kt)" in text
    found = mined("collection_directive") - mined("collection_directive", "landfill_ban")
    assert found < mined() - mined("landfill_ban")
