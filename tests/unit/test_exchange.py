"""Results for other programs: read back they are the same, and say where they are from."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

import mfa
from mfa import exchange
from mfa.cli import main
from mfa.errors import MfaError
from mfa.exchange.iamc_names import names
from mfa.files import read_yaml

openpyxl = pytest.importorskip("openpyxl")

ROOT = Path(__file__).parents[2]
OTHERS = Path(os.environ.get("MFA_EXCHANGE", ROOT / ".venv-exchange")) / "bin"
"""The environment that 'make exchange' sets up: pyam and the CF checker, which need packages of their own."""

SYSTEM = """\
title: Batteries
conserves: material
dimensions:
  region: [China, Europe]
  end_use: [electric vehicles, grid storage]
  material: [Li, Co]
parameters:
  vehicle_sales: {dims: [year, region], unit: vehicle/yr, is: cars sold}
  storage: {dims: [year, region], unit: kWh/yr, default: 1e6 kWh/yr}
  per_car: {dims: [material], unit: kg/vehicle}
  per_kwh: {dims: [material], unit: kg/kWh, default: 0.1 kg/kWh}
  collected: {dims: [region, end_use], unit: "1", max: 1}
  metal_price: {dims: [year, material], unit: USD/t, default: 20000 USD/t}
processes:
  mine: {rule: source}
  metal: {rule: market, from: [recycle, mine], surplus_to: surplus, sum: [end_use]}
  cars: {rule: stock, at: {end_use: electric vehicles}, from: metal, to: retire, inflow: vehicle_sales, content: per_car,
         lifetime: {law: weibull, mean: 4 yr, shape: 2}}
  grids: {rule: stock, at: {end_use: grid storage}, from: metal, to: retire, inflow: storage, content: per_kwh,
         lifetime: {law: weibull, mean: 6 yr, shape: 2}}
  retire: {rule: split, shares: {recycle: collected, pile: rest}}
  recycle: {rule: split, sum: [end_use], shares: {metal: rest}}
  pile: {rule: sink, sum: [end_use]}
  surplus: {rule: sink}
roles:
  demand: [metal_to_cars, metal_to_grids]
  primary_supply: mine_to_metal
  old_scrap_supply: recycle_to_metal
  end_of_life: [cars_to_retire, grids_to_retire]
  collected: retire_to_recycle
  in_use: [cars_stock, grids_stock]
"""

SCENARIO = """\
title: "=Batteries"
about: A test
system: systems/batteries.yaml
years: [2015, 2031]
report_from: 2018
set:
  vehicle_sales:
    China: {value: {2015: 1 million vehicle/yr, 2030: 9 million vehicle/yr}, uniform: [0.5, 1.5]}
    Europe: 2 million vehicle/yr
  per_car: {value: {Li: 8 kg/vehicle, Co: 10 kg/vehicle}, source: maker}
  collected:
    China: {electric vehicles: 50 %, grid storage: 30 %}
    Europe: {electric vehicles: 70 %, grid storage: 60 %}
"""

BIB = """\
@misc{maker,
  author = {{Battery Maker}},
  title = {What is in a car},
  year = {2024},
  doi = {10.1234/maker}
}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    for name, text in {
        "systems/batteries.yaml": SYSTEM,
        "batteries.yaml": SCENARIO,
        "more.yaml": "title: More\ninherits: batteries\nset:\n  vehicle_sales: {scale: 1.5}\n",
        "data/sources.bib": BIB,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def result(study: Path) -> xr.Dataset:
    return mfa.run(mfa.read_scenario(study / "batteries.yaml"))


@pytest.fixture(scope="module")
def sampled(study: Path) -> xr.Dataset:
    return mfa.run(mfa.read_scenario(study / "batteries.yaml"), samples=20, seed=1)


@pytest.fixture(scope="module")
def sampled_flows(study: Path) -> xr.Dataset:
    return mfa.run(mfa.read_scenario(study / "batteries.yaml"), samples=20, seed=1, keep="all")


@pytest.fixture(scope="module")
def batch(study: Path) -> xr.Dataset:
    return mfa.run_batch([mfa.read_scenario(study / f"{n}.yaml") for n in ("batteries", "more")])


@pytest.fixture
def saved(result: xr.Dataset, study: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mfa.plot, "write", lambda result, folder: [])
    return mfa.save(result, study / "results/batteries")


def cells(frame: pd.DataFrame, variable: str, region: str) -> list[float]:
    found = frame[(frame["variable"] == variable) & (frame["region"] == region)]
    return [float(value) for value in found.sort_values("year")["value"]]


# ---------------------------------------------------------------------- IAMC


def test_official_names_units_and_years(result: xr.Dataset) -> None:
    frame = exchange.to_iamc(result)
    assert list(frame.columns) == [
        "model", "scenario", "region", "variable", "unit", "year", "value",
    ]  # fmt: skip
    assert set(frame["year"]) == {2020, 2025, 2030}
    assert set(frame["model"]) == {f"mfa {mfa.__version__}"}
    assert set(frame["region"]) == {"China", f"mfa {mfa.__version__}|Europe", "World"}
    demand = result.demand.sel(year=[2020, 2025, 2030], material="Co") / 1e6
    named = "Material Demand|Non-Ferrous Metals|Cobalt"
    assert cells(frame, named, "China") == demand.sel(region="China").values.tolist()
    assert cells(frame, named, "World") == pytest.approx(demand.sum("region").values)
    supply = (result.primary_supply + result.secondary_supply).sum("region").sel(material="Li")
    made = cells(frame, "Production|Non-Ferrous Metals|Lithium", "World")
    assert made == pytest.approx((supply / 1e6).sel(year=[2020, 2025, 2030]).values)
    assert not cells(
        frame, "Production|Non-Ferrous Metals|Lithium", "China"
    )  # where it is used, not made
    sold = cells(
        frame, "Material Flow Analysis|Electric Car Sales", f"mfa {mfa.__version__}|Europe"
    )
    assert sold == [2.0, 2.0, 2.0]


def test_a_rate_of_the_world_is_a_rate_of_sums_and_a_price_is_no_sum(result: xr.Dataset) -> None:
    frame = exchange.to_iamc(result, years="all")
    year = result.sel(year=2030, material="Co")
    part, whole = (
        float(year.indicator_collected.sum()),
        float(year.secondary_potential_theoretical.sum()),
    )
    rate = cells(frame, "Material Flow Analysis|End-of-Life Collection Rate|Cobalt", "World")[-2]
    assert rate == pytest.approx(100 * part / whole, rel=1e-12)
    price = cells(frame, "Material Flow Analysis|Price|Cobalt", "World")
    assert price == [20000.0] * 14
    assert sorted(set(frame["year"])) == list(range(2018, 2032))


def test_names_tell_whether_they_are_official(result: xr.Dataset) -> None:
    told = exchange.to_iamc(result).attrs["variables"]
    assert told["Production|Non-Ferrous Metals|Lithium"]["status"] == "listed in common-definitions"
    pattern = "pattern of common-definitions, not listed for this material"
    assert told["Production|Non-Ferrous Metals|Cobalt"]["status"] == pattern
    own = [name for name, one in told.items() if one["status"].startswith("own")]
    assert own and all(name.startswith("Material Flow Analysis|") for name in own)
    assert {name for name in told if name.startswith("Material Flow Analysis|")} == {*own}
    rate = told["Material Flow Analysis|End-of-Life Recycling Rate|Cobalt"]
    assert rate["weight"] == "Material Flow Analysis|End-of-Life Material|Cobalt"
    assert told["Material Recycling|Cobalt [Share]"]["skip-region-aggregation"] is True


def test_the_other_dialect_has_sectors(result: xr.Dataset) -> None:
    frame = exchange.to_iamc(result, "circomod")
    inflow = result.metal_to_cars.sel(year=[2020, 2025, 2030], material="Li") / 1e6
    by_sector = cells(frame, "Final Material Demand|Lithium|Electric Vehicles", "China")
    assert by_sector == pytest.approx(inflow.sel(region="China").values)
    total = cells(frame, "Final Material Demand|Lithium", "World")
    both = (result.metal_to_cars + result.metal_to_grids) / 1e6
    assert total == pytest.approx(
        both.sel(year=[2020, 2025, 2030], material="Li").sum("region").values
    )
    stock = cells(frame, "Material Stock|Cobalt|Grid Storage", "World")
    own = result.grids_stock.sel(material="Co", year=[2020, 2025, 2030]).sum("region") / 1e6
    assert stock == pytest.approx(own.values)
    lost = cells(frame, "Material Losses|Cobalt", "World")
    gone = (result.secondary_potential_theoretical - result.old_scrap_supply).sum("region") / 1e6
    assert lost == pytest.approx(gone.sel(material="Co", year=[2020, 2025, 2030]).values)


def test_percentiles_are_those_of_sums(sampled_flows: xr.Dataset) -> None:
    frame = exchange.to_iamc(sampled_flows, "circomod")
    assert sorted(set(frame["percentile"])) == [5, 25, 50, 75, 95]
    named = "Final Material Demand|Cobalt"
    found = frame[(frame.variable == named) & (frame.region == "World") & (frame.year == 2030)]
    both = (sampled_flows.metal_to_cars + sampled_flows.metal_to_grids).sum("region")
    expected = np.percentile(both.sel(year=2030, material="Co").values / 1e6, [5, 25, 50, 75, 95])
    np.testing.assert_allclose(found.sort_values("percentile")["value"], expected, rtol=1e-12)


def test_what_is_nothing_everywhere_is_left_out(result: xr.Dataset) -> None:
    empty = result.copy()
    for name in ("secondary_supply", "primary_supply"):
        empty[name] = result[name] * (result.material == "Li")
        empty[name].attrs = result[name].attrs
    there = set(exchange.to_iamc(empty)["variable"])
    assert "Production|Non-Ferrous Metals|Lithium" in there
    assert "Production|Non-Ferrous Metals|Cobalt" not in there


def test_a_batch_and_several_results_share_a_table(
    batch: xr.Dataset, result: xr.Dataset, tmp_path: Path
) -> None:
    whole = exchange.to_iamc(batch)
    assert set(whole["scenario"]) == {"batteries", "more"}
    alone = exchange.to_iamc(result)
    alone.attrs = whole.attrs = {}
    same = whole[whole["scenario"] == "batteries"].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, alone, rtol=1e-12)
    more = batch.sel(scenario=["more"])
    path = exchange.write_iamc([result, more], tmp_path / "two.csv")
    assert set(pd.read_csv(path)["Scenario"]) == {"batteries", "more"}
    with pytest.raises(MfaError, match="two results have a scenario of the name 'batteries'"):
        exchange.write_iamc([result, batch], tmp_path / "three.csv")
    assert not (tmp_path / "three.csv").exists()


def test_files_say_where_numbers_are_from(result: xr.Dataset, tmp_path: Path) -> None:
    path = exchange.write_iamc([result], tmp_path / "out" / "a.csv")
    about = read_yaml(tmp_path / "out" / "a.about.yaml")
    text = (tmp_path / "out" / "a.about.yaml").read_text("utf-8")
    assert about["runs"][0]["scenario"] == "batteries"
    assert "Battery Maker (2024): What is in a car. https://doi.org/10.1234/maker" in text
    assert "listed in common-definitions" in text
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.about.yaml", "a.csv"]
    book = openpyxl.load_workbook(exchange.write_iamc([result], tmp_path / "a.xlsx"))
    assert book.sheetnames == ["data", "meta", "variables", "sources"]
    meta = dict(zip(*list(book["meta"].values), strict=True))
    assert meta["scenario"] == "batteries" and meta["exclude"] is False
    assert meta["title"] == "=Batteries"  # text, not a formula
    assert book["meta"]["D2"].data_type == "s"


def test_iamc_messages(result: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(MfaError, match=r"no dialect 'circomood'.*circomod"):
        exchange.to_iamc(result, "circomood")
    with pytest.raises(MfaError, match=r"end it in .csv or .xlsx"):
        exchange.write_iamc([result], tmp_path / "a.parquet")
    bare = result[["metal_to_cars"]]
    with pytest.raises(MfaError, match="nothing in the result 'batteries' has an IAMC name"):
        exchange.to_iamc(bare)
    twice = result.assign_coords(region=["China", "China"])
    with pytest.raises(MfaError, match="two regions of the result have the IAMC name 'China'"):
        exchange.to_iamc(twice)


def test_the_mapping_is_sound() -> None:
    known = names()
    for dialect in known.dialects:
        templates = [entry.variable for entry, _ in known.entries(dialect)]
        assert len(templates) == len(set(templates))
    grouped = {name for members in known.groups.values() for name in members}
    assert grouped <= set(known.materials.values())
    assert (
        known.region("Democratic Republic of the Congo", "m") == "Democratic Republic of the Congo"
    )


def in_other(program: str, folder: Path) -> str:
    """Run a program in the other environment, and return what it prints."""
    done = subprocess.run(
        [OTHERS / "python", "-W", "ignore", "-c", program],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not (OTHERS / "python").exists(), reason="make exchange sets pyam up")
def test_pyam_reads_the_same(
    result: xr.Dataset, sampled: xr.Dataset, batch: xr.Dataset, tmp_path: Path
) -> None:
    files = [("wide.csv", False), ("long.csv", True), ("wide.xlsx", False), ("long.xlsx", True)]
    for kind, made in (("result", result), ("sampled", sampled), ("batch", batch)):
        frame = exchange.to_iamc(made)
        (tmp_path / kind).mkdir()
        rows = frame.astype(object).values.tolist()
        native = json.dumps({"columns": list(frame.columns), "rows": rows})
        (tmp_path / kind / "native.json").write_text(native)
        for name, long in files:
            exchange.write_iamc([made], tmp_path / kind / name, long=long)
    program = """
import json, pandas, pyam
for kind in ("result", "sampled", "batch"):
    told = json.load(open(f"{kind}/native.json"))
    native = pyam.IamDataFrame(pandas.DataFrame(told["rows"], columns=told["columns"]))
    for name in ("wide.csv", "long.csv", "wide.xlsx", "long.xlsx"):
        found = pyam.IamDataFrame(f"{kind}/{name}")
        assert found.dimensions == native.dimensions, (name, found.dimensions)
        assert pyam.compare(native, found).empty
        # the CSV reader of pandas is off in the last digits: it reads 0.03676666666666667 as …666
        pandas.testing.assert_frame_equal(found.data, native.data, rtol=1e-14, atol=0)
        assert found.index.equals(native.index)
        if name.endswith("xlsx"):
            assert found.meta["title"].str.contains("Batteries|More").all()
    print(kind, len(native.data))
"""
    assert in_other(program, tmp_path).split()[::2] == ["result", "sampled", "batch"]


@pytest.mark.skipif(not (OTHERS / "compliance-checker").exists(), reason="make exchange sets it up")
def test_files_pass_the_cf_checker(
    result: xr.Dataset, sampled: xr.Dataset, batch: xr.Dataset, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(mfa.plot, "write", lambda result, folder: [])
    given = {"result": result, "sampled": sampled, "batch": batch}
    files = [mfa.save(made, tmp_path / kind) / "result.nc" for kind, made in given.items()]
    done = subprocess.run(
        [OTHERS / "compliance-checker", "-t", "cf:1.11", *files], capture_output=True, text=True
    )
    assert done.stdout.count("All tests passed!") == 3, done.stdout


# --------------------------------------------------------------------- Excel


@pytest.mark.parametrize("kind", ["result", "batch"])
def test_a_workbook_reads_back_the_same(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    made = request.getfixturevalue(kind)
    found = exchange.read_excel(exchange.write_excel(made, tmp_path / "a.xlsx"))
    assert set(found.data_vars) == set(made.data_vars)
    for name, own in found.data_vars.items():
        expected = made[name]
        if "year" in expected.dims:
            expected = expected.sel(year=slice(2018, None))
        assert own.dims == expected.dims
        xr.testing.assert_allclose(own, expected, rtol=1e-12, atol=0)
        for key in ("units", "long_name", "kind"):
            assert own.attrs[key] == expected.attrs.get(key, "")
    assert found.attrs["title"].startswith("=Batteries")
    assert float(found.attrs["balance residual"]) < 1e-9


def test_a_workbook_of_samples_has_percentiles(sampled: xr.Dataset, tmp_path: Path) -> None:
    path = exchange.write_excel(sampled, tmp_path / "a.xlsx", only=["demand"])
    found = exchange.read_excel(path).demand
    expected = mfa.quantiles(sampled, "demand").demand.sel(year=slice(2018, None))
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-12)
    assert found.percentile.values.tolist() == [5, 25, 50, 75, 95]


def test_a_workbook_names_its_sources(result: xr.Dataset, tmp_path: Path) -> None:
    result = result.copy()
    entry = "@misc{maker,\n  title = {x},\n  licence      = {CC BY 4.0}\n}"
    result.encoding["scenario"] = {**result.encoding["scenario"], "bibliography": {"maker": entry}}
    book = openpyxl.load_workbook(
        exchange.write_excel(result, tmp_path / "a.xlsx", only=["demand"])
    )
    assert book.sheetnames == ["README", "quantities", "sources", "demand"]
    line = "Battery Maker (2024): What is in a car. https://doi.org/10.1234/maker"
    assert list(book["sources"].values)[1] == (
        "maker",
        line,
        "https://doi.org/10.1234/maker",
        "CC BY 4.0",
    )
    listed = dict(zip(*list(book["quantities"].values), strict=True))
    assert listed["unit"] == "t/yr" and listed["dimensions"] == "year, region, material"
    told = dict(list(book["README"].values))
    assert told["scenario"] == "batteries" and told["model"] == f"mfa {mfa.__version__}"
    exchange.write_datapackage(result, tmp_path / "p", only=["demand"])
    package = json.loads((tmp_path / "p/datapackage.json").read_text())
    assert package["licenses"] == [
        {"name": "CC-BY-4.0", "path": "https://creativecommons.org/licenses/by/4.0/"}
    ]
    assert package["sources"][0]["licence"] == "CC BY 4.0"


def test_excel_messages(result: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(MfaError, match=r"has no quantity 'demmand'. Did you mean .demand."):
        exchange.write_excel(result, tmp_path / "a.xlsx", only=["demmand"])
    with pytest.raises(MfaError, match=r"a workbook ends in .xlsx"):
        exchange.write_excel(result, tmp_path / "a.xls")
    with pytest.raises(MfaError, match="a result is wanted"):
        exchange.write_excel("results/a", tmp_path / "a.xlsx")  # type: ignore[arg-type]
    with pytest.raises(MfaError, match="there is no file"):
        exchange.read_excel(tmp_path / "a.xlsx")
    path = exchange.write_excel(result, tmp_path / "a.xlsx", only=["demand"])
    book = openpyxl.load_workbook(path)
    book["demand"]["D3"] = "many"
    book.save(path)
    with pytest.raises(MfaError, match=r"a.xlsx:demand!D3: 'many' is not a number"):
        exchange.read_excel(path)
    del book["README"]
    book.save(path)
    with pytest.raises(MfaError, match="is no workbook that mfa wrote"):
        exchange.read_excel(path)


# ------------------------------------------------------------- data packages


@pytest.mark.parametrize("kind", ["result", "sampled"])
def test_a_data_package_is_valid_and_whole(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    frictionless = pytest.importorskip("frictionless")
    made = request.getfixturevalue(kind)
    folder = exchange.write_datapackage(made, tmp_path / "package")
    package = json.loads((folder / "datapackage.json").read_text("utf-8"))
    assert {one["name"] for one in package["resources"]} == {str(n).lower() for n in made.data_vars}
    report = frictionless.validate(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["title", "message"])
    demand = next(one for one in package["resources"] if one["name"] == "demand")
    keys = {"result": ["year", "region", "material"], "sampled": ["percentile", "year", "material"]}
    assert demand["schema"]["primaryKey"] == keys[kind]
    assert demand["schema"]["fields"][-1]["unit"] == "t/yr"
    table = pd.read_csv(folder / demand["path"])
    if kind == "result":
        found = table.set_index(["year", "region", "material"]).to_xarray()["value"]
        assert found.sel(made.demand.coords.assign(year=found.year)).equals(
            made.demand.sel(year=found.year)
        )
    assert package["sources"][0]["path"] == "https://doi.org/10.1234/maker"
    assert "Battery Maker" in package["description"]


def test_only_a_package_of_ours_is_replaced(result: xr.Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "package"
    exchange.write_datapackage(result, folder, only=["demand", "primary_supply"])
    (folder / "notes.txt").write_text("mine")
    exchange.write_datapackage(result, folder, only=["demand"])
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*")) == [
        "data/demand.csv", "datapackage.json", "notes.txt",
    ]  # fmt: skip
    assert [p.name for p in tmp_path.iterdir()] == ["package"]
    (folder / "datapackage.json").write_text('{"name": "of another"}')
    with pytest.raises(MfaError, match="no data package that mfa wrote; choose another folder"):
        exchange.write_datapackage(result, folder)
    assert (folder / "data/demand.csv").exists()
    with pytest.raises(MfaError, match="is a file"):
        exchange.write_datapackage(result, folder / "notes.txt")


def test_a_package_that_fails_leaves_the_older_one(
    result: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exchange.write_datapackage(result, tmp_path / "package", only=["demand"])
    monkeypatch.setattr("mfa.exchange.packages._rows", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        exchange.write_datapackage(result, folder)
    assert (folder / "data/demand.csv").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["package"]


# ------------------------------------------------------------ premise, STAN


def test_premise_gets_descriptor_and_table(result: xr.Dataset, tmp_path: Path) -> None:
    folder = exchange.write_premise(result, tmp_path / "premise", "image", "SSP2-Base")
    (folder / "config.yaml").write_text("markets: []\n")
    exchange.write_premise(result, folder, "image", "SSP2-Base")
    assert (folder / "config.yaml").exists()
    package = json.loads((folder / "datapackage.json").read_text("utf-8"))
    assert package["scenarios"] == {"batteries": [{"model": "image", "pathway": "SSP2-Base"}]}
    with (folder / "scenario_data/scenario_data.csv").open() as file:
        head, *rows = list(csv.reader(file))
    assert head == [
        "model", "pathway", "scenario", "region", "variables", "unit", "2020", "2025", "2030",
    ]  # fmt: skip
    assert [one["name"] for one in package["resources"][0]["schema"]["fields"]] == head
    assert {tuple(row[:3]) for row in rows} == {("image", "SSP2-Base", "batteries")}


def test_stan_tables_balance(result: xr.Dataset, sampled_flows: xr.Dataset, tmp_path: Path) -> None:
    tables = exchange.to_stan(result, [2025])
    flows = tables["flows"].set_index(["flow", "layer"])["value"]
    stocks = tables["stocks"].set_index(["process", "layer"])
    into = flows["metal_to_cars", "Co"] - flows["cars_to_retire", "Co"]
    assert into == pytest.approx(stocks.loc[("cars", "Co"), "change"], rel=1e-9)
    shares = tables["transfer coefficients"].groupby(["process", "layer"])["value"].sum()
    assert shares.to_numpy() == pytest.approx(1.0)
    assert tables["flows"]["standard_uncertainty"].isna().all()
    uncertain = exchange.to_stan(sampled_flows, [2025])
    found = uncertain["flows"].set_index(["flow", "layer"]).loc[("metal_to_cars", "Co")]
    own = sampled_flows.metal_to_cars.sum("region").sel(year=2025, material="Co").values
    assert found["value"] == pytest.approx(own.mean()) and found[
        "standard_uncertainty"
    ] == pytest.approx(own.std(ddof=1))
    book = openpyxl.load_workbook(exchange.write_stan(result, tmp_path / "stan.xlsx"))
    assert book.sheetnames == ["README", "flows", "stocks", "transfer coefficients", "sources"]
    assert {row[4] for row in list(book["flows"].values)[1:]} == {2020, 2025, 2030}
    with pytest.raises(MfaError, match="has no year 1999"):
        exchange.to_stan(result, [1999])
    with pytest.raises(MfaError, match=r"holds no flows.*--keep all"):
        exchange.to_stan(result[["demand"]])


# -------------------------------------------------------------- command line


@pytest.fixture
def call() -> Callable[..., str]:
    def called(*args: Any, code: int = 0) -> str:
        done = CliRunner().invoke(main, ["export", *map(str, args)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output

    return called


@pytest.mark.parametrize(
    ("to", "path", "more"),
    [
        ("iamc", "a.csv", ["--long", "--dialect", "circomod", "--years", "all"]),
        ("iamc", "a.xlsx", []),
        ("excel", "b.xlsx", ["--only", "demand"]),
        ("datapackage", "package", ["--only", "demand", "--only", "cars_stock"]),
        ("premise", "premise", ["--couple", "remind=SSP2-PkBudg500"]),
        ("stan", "c.xlsx", ["--year", "2025"]),
    ],
)
def test_every_format_has_its_command(
    call: Callable[..., str], saved: Path, tmp_path: Path, to: str, path: str, more: list[str]
) -> None:
    out = tmp_path / path
    assert call(saved, "--to", to, "-o", out, *more) == f"wrote {out}\n"
    assert out.exists()


def test_commands_that_make_no_sense_are_told(
    call: Callable[..., str], saved: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.xlsx"
    told = call(saved, "--to", "excel", "-o", out, "--long", code=2)
    assert told == "--long is for --to iamc, not for excel\n"
    told = call(saved, saved, "--to", "excel", "-o", out, code=2)
    assert told == "--to excel writes one result; export each to a path of its own\n"
    told = call(saved, "--to", "premise", "-o", out, "--couple", "image", code=2)
    assert told == "--couple image: write it as MODEL=PATHWAY\n"
    assert "there is no result" in call(tmp_path / "x", "--to", "iamc", "-o", out, code=2)
    assert not out.exists()


# --------------------------------------------------------------- documentation


def blocks(language: str) -> list[str]:
    text = (ROOT / "docs/exchange.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_page_reads_our_table_with_pyam(saved: Path, tmp_path: Path) -> None:
    if not (OTHERS / "python").exists():
        pytest.skip("no environment with pyam: make exchange")
    call(saved, "--to", "iamc", "-o", tmp_path / "reference.xlsx")
    (block,) = (text for text in blocks("python") if "pyam" in text)
    assert "Cobalt|Primary" in in_other(block, tmp_path)
