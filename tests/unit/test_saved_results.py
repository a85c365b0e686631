"""Results on disk: cited, run again, explained, compared, and refused where they are not whole."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

import mfa
from mfa import bibtex, reruns
from mfa.checklists import checklist
from mfa.citations import cite
from mfa.cli import main
from mfa.differences import differences
from mfa.errors import MfaError
from mfa.results import read_stored
from mfa.saved_results import saved
from mfa.stored_parts import some
from mfa.tracing import Tracer, trace
from mfa.used_sources import parameters_used, sources_used

ROOT = Path(__file__).parents[2]

SYSTEM = """\
title: Cans
conserves: material
dimensions:
  region: [Home, Abroad]
  material: [Sn, Al]
parameters:
  sales: {dims: [year, region], unit: vehicle/yr, is: cans sold}
  content: {dims: [material], unit: kg/vehicle, default: 2 kg/vehicle}
  life: {unit: yr}
  collected: {dims: [year, region], unit: "1", max: 1}
  idle: {unit: "1"}
processes:
  mine: {rule: source}
  metal: {rule: market, from: [recycle, mine], surplus_to: pile}
  use: {rule: stock, from: metal, to: recycle, inflow: sales, content: content,
        lifetime: {law: weibull, mean: life, shape: 2}}
  recycle: {rule: split, shares: {metal: collected, pile: rest}}
  pile: {rule: sink}
roles:
  demand: metal_to_use
  primary_supply: mine_to_metal
  old_scrap_supply: recycle_to_metal
  end_of_life: use_to_recycle
"""

BASE = """\
title: Base
about: A few cans.
system: systems/cans.yaml
years: [2000, 2012]
set:
  sales: {table: data/sales.csv, before: hold, after: hold, between: interpolate}
  life: {value: 5 yr, triangular: [4 yr, 7 yr], reason: a guess, source: lives}
  collected: {Home: {value: {2000: 10 %, 2010: 90 %}, source: old_rates}, Abroad: {value: 40 %, reason: as told}}
  idle: {value: 0.5, source: nobody}
"""

CHILD = """\
title: More
inherits: base
set:
  collected: {Home: {value: 95 %, source: new_rates}}
  life: {scale: 1.2}
"""

SALES = """\
year,region,value,unit,source
1990,Home,10,vehicle/yr,too_early
1995,Home,1000,vehicle/yr,counts
2010,Home,3000,vehicle/yr,counts
2030,Home,3000,vehicle/yr,later
2003,Abroad,10,vehicle/yr,counts; abroad
2010,Abroad,20,vehicle/yr,abroad
"""

BIB = """\
@article{counts,
  author  = {M{\\"u}ller, Ann and {The {EU} Office}},
  title   = {Cans \\& {NO} lids, 100 \\%},
  journal = {Tins},
  pages   = {1--9},
  year    = {2020},
  doi     = {10.1/can},
  licence = {CC BY 4.0}
}
@misc{lives, author = "Can, B.", title = {Lives}, year = 2019, url = {https://example.org/a_b}}
@misc{old_rates, title = {Old rates}, year = {2001}}
@misc{new_rates, title = {New rates}, year = {2021}}
@misc{nobody, title = {Not used}}
"""

Call = Callable[..., Result]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two scenarios that have been run, as the current one."""
    for name, text in {
        "base.yaml": BASE,
        "more.yaml": CHILD,
        "systems/cans.yaml": SYSTEM,
        "data/sales.csv": SALES,
        "data/sources.bib": BIB,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("base", "more"):
        mfa.save(mfa.run(mfa.read_scenario(f"{name}.yaml")), f"results/{name}")
    return tmp_path


@pytest.fixture
def call() -> Call:
    def called(*arguments: object, exit_code: int = 0) -> Result:
        done = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert done.exit_code == exit_code, done.output
        assert "Traceback" not in done.output
        return done

    return called


# ---------------------------------------------------------------- used sources


def keys(folder: str) -> set[str]:
    return {use.key for one in saved(folder).scenarios for use in sources_used(one)}


def test_only_sources_that_decide_numbers_are_cited(study: Path) -> None:
    """Not those of replaced values, of rows before and after the run, of idle parameters."""
    assert keys("results/base") == {"counts", "abroad", "lives", "old_rates", "later"}
    assert keys("results/more") == {"counts", "abroad", "lives", "new_rates", "later"}
    assert "idle" not in parameters_used(mfa.read_scenario("base.yaml"))
    text = cite("results/more").bibtex()
    assert "old_rates" not in text and "nobody" not in text and "too_early" not in text


def test_a_source_of_years_that_are_not_run_is_not_cited(study: Path) -> None:
    (study / "short.yaml").write_text(BASE.replace("2000, 2012", "2000, 2009"), "utf-8")
    mfa.save(mfa.run(mfa.read_scenario("short.yaml")), "results/short")
    assert "later" not in keys("results/short")


# ------------------------------------------------------------------- citations


def parsed(text: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Read BibTeX strictly: entries with balanced braces, nothing but comments between."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    position = 0
    while (start := text.find("@", position)) >= 0:
        between = text[position:start].strip()
        assert all(line.startswith("%") or not line.strip() for line in between.splitlines())
        head = re.match(r"@(\w+)\{([\w:-]+),\n", text[start:])
        assert head is not None, text[start : start + 80]
        depth, end = 1, start + head.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        fields = {}
        for line in text[start + head.end() : end - 1].strip().splitlines():
            field = re.fullmatch(r"\s*(\w+)\s*= \{(.*)\},?", line)
            assert field is not None, line
            assert not re.search(r"(?<!\\)[&%#]", field[2]) or field[1] == "url", line
            fields[field[1]] = field[2]
        assert head[2] not in found, f"{head[2]} stands there twice"
        found[head[2]] = head[1], fields
        position = end
    return found


def test_bibtex_can_be_read_back(study: Path, call: Call) -> None:
    found = parsed(call("cite", "results/base").stdout)
    assert {"mfa", "counts", "abroad", "lives", "old_rates", "mueller2006", "weibull1951"} <= set(
        found
    )
    assert "graedel2011" in found, "an indicator of the result"
    assert found["counts"][1]["doi"] == "10.1/can"
    assert found["counts"][1]["author"] == '{M{\\"u}ller, Ann and {The {EU} Office}}'[1:-1]
    assert found["mfa"][1]["version"] == mfa.__version__
    entry = bibtex.entries(cite("results/base").bibtex())["counts"]
    assert entry.line() == (
        "Müller, Ann; The EU Office (2020): Cans & NO lids, 100 %. Tins, 1–9. https://doi.org/10.1/can"
    )
    assert cite("results/base").licences() == [
        "Müller, Ann and The EU Office (2020) Cans & NO lids, 100 %: CC BY 4.0"
    ]


def test_a_moved_folder_is_cited_without_its_study(study: Path, tmp_path: Path) -> None:
    before = cite("results/base").bibtex()
    shutil.move("results/base", tmp_path / "elsewhere")
    for name in ("data", "systems", "base.yaml", "more.yaml"):
        shutil.move(study / name, tmp_path / f"gone {name}")
    assert cite(tmp_path / "elsewhere").bibtex() == before
    assert mfa.rerun(tmp_path / "elsewhere").same
    assert trace(tmp_path / "elsewhere", "mine_to_metal", year=2005).sources["counts"]


def test_cff_has_what_the_format_asks_for(study: Path, call: Call) -> None:
    content = YAML(typ="safe").load(call("cite", "results/base", "--format", "cff").stdout)
    assert content["cff-version"] == "1.2.0" and content["type"] == "software"
    assert {"message", "title", "authors", "version"} <= set(content)
    by_title = {one["title"]: one for one in content["references"]}
    one = by_title["Cans & NO lids, 100 %"]
    assert one["authors"] == [
        {"family-names": "Müller", "given-names": "Ann"},
        {"name": "The EU Office"},
    ]
    assert (one["doi"], one["year"], one["start"], one["license"]) == (
        "10.1/can",
        2020,
        "1",
        "CC-BY-4.0",
    )
    assert all(
        {"type", "title", "authors"} <= set(own) and own["authors"] for own in content["references"]
    )


def test_a_manifest_without_entries_is_cited_by_its_lines(study: Path) -> None:
    path = study / "results/base/manifest.yaml"
    path.write_text(path.read_text("utf-8").partition("\nbibliography:")[0] + "\n", "utf-8")
    entry = bibtex.entries(cite("results/base").bibtex())["counts"]
    assert entry.plain("year") == "2020" and "https://doi.org/10.1/can" in entry.fields["url"]


def test_the_software_is_cited_as_its_repository_says() -> None:
    """A wheel has no root folder: the package has a copy."""
    root = (ROOT / "CITATION.cff").read_text("utf-8")
    assert (ROOT / "mfa" / "CITATION.cff").read_text("utf-8") == root
    assert YAML(typ="safe").load(root)["version"] == mfa.__version__


# ----------------------------------------------------------------------- rerun


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_rerun_proves_the_same_numbers_and_writes_nothing(study: Path, call: Call) -> None:
    before = contents(study)
    first = call("rerun", "results/base").stdout
    assert re.search(r"results/base: the same \d+ variables, sha256 [0-9a-f]{64}$", first.strip())
    assert call("rerun", "results/base").stdout == first
    assert contents(study) == before
    assert mfa.rerun("results/base").before != mfa.rerun("results/more").before


def test_rerun_tells_what_differs(study: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    real = reruns.runs.run

    def another(scenario: mfa.Scenario) -> xr.Dataset:
        found = real(scenario)
        found["use_stock"] = found["use_stock"].copy()
        found["use_stock"][3, 0, 0] *= 1.001
        return found.drop_vars("pile_stock")

    monkeypatch.setattr(reruns.runs, "run", another)
    monkeypatch.setattr(reruns, "versions", lambda: {"numpy": "99.0"})
    done = call("rerun", "results/base", exit_code=1)
    assert "other numbers in 2 of" in done.stdout
    assert re.search(
        r"use_stock +1 of 52 +\S+ +1\.0e-03 +year=2003, region=Home, material=Sn", done.stdout
    )
    assert "pile_stock" in done.stdout and "not computed any more" in done.stdout
    assert "numpy" in done.stdout and "→ 99.0" in done.stdout


@pytest.mark.parametrize("store", ["netcdf", "zarr"])
def test_samples_are_run_again(store: str, study: Path, call: Call) -> None:
    how = ["--samples", "70", "--seed", "3", "--design", "lhs", "--executor", "serial"]
    call("run", "base.yaml", "-o", "s", *how, "--store", store, "--keep", "demand,use_stock:region")
    shown = call("rerun", "s/base").stdout
    assert "the same 2 variables" in shown
    assert "mckay1979" in call("cite", "s/base").stdout
    assert "- Samples: 0–69; seed: 3" in checklist("s/base")
    refused = call("explain", "s/base", "use_stock", "year=2010", exit_code=2)
    assert "say which: sample=0" in refused.stderr
    found = trace("s/base", "use_stock", {"material": "Sn"}, year=2010, sample=17)
    stored = read_stored(Path("s/base")).use_stock.sel(sample=17, year=2010, material="Sn")
    assert found.value == pytest.approx(float(stored), rel=1e-12)
    assert any(
        "drawn in samples: triangular" in line for one in found.origins for line in one.lines
    )
    call("explain", "s/base", "use_stock", "year=2010", "sample=70", exit_code=2)


def test_several_scenarios_in_one_folder(study: Path, call: Call) -> None:
    both = mfa.run_batch(mfa.read_scenario(f"{name}.yaml") for name in ("base", "more"))
    mfa.save(both, "results/both")
    assert mfa.rerun("results/both").same
    assert {"old_rates", "new_rates"} <= set(parsed(cite("results/both").bibtex()))
    refused = call("explain", "results/both", "use_stock", "year=2010", exit_code=2)
    assert "say which: scenario=base" in refused.stderr
    shown = call("explain", "results/both", "use_stock", "year=2010", "scenario=more").stdout
    value = float(both.use_stock.sel(scenario="more", year=2010).sum())
    assert shown.startswith(f"use_stock[year=2010] = {value:.4g} t\n")
    assert "## 8. Scenarios" in checklist("results/both")
    call("compare", "results/both", "results/base", exit_code=2)


# -------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "command", [["rerun", "D"], ["cite", "D"], ["explain", "D", "use_stock", "year=2010"]]
)
def test_what_is_no_whole_result_is_refused(command: list[str], study: Path, call: Call) -> None:
    def refused(folder: str) -> str:
        return call(*(folder if part == "D" else part for part in command), exit_code=2).stderr

    assert 'Did you mean "base"' in refused("results/bas")
    assert "holds no result" in refused("results")
    shutil.copytree("results/base", "results/other")
    shutil.copy("results/more/manifest.yaml", "results/other/manifest.yaml")
    assert "is not that of" in refused("results/other")
    (study / "results/other/manifest.yaml").unlink()
    assert "has no manifest.yaml" in refused("results/other")
    (study / "results/other/result.nc").write_bytes(b"")
    shutil.copy("results/base/manifest.yaml", "results/other/manifest.yaml")
    assert "cannot be read as netCDF" in refused("results/other")
    (study / "results/other/result.nc").unlink()
    (study / "results/other/.parts").mkdir()
    assert "was interrupted" in refused("results/other")


def test_edited_numbers_are_refused(study: Path, call: Call) -> None:
    path = study / "results/base/result.nc"
    data = xr.load_dataset(path)
    data["use_stock"] = data["use_stock"] * 1.5
    data.to_netcdf(path, engine="h5netcdf")
    assert "use_stock edited" in call("rerun", "results/base", exit_code=2).stderr
    told = call("explain", "results/base", "use_stock", "year=2010", exit_code=2).stderr
    assert "the result was edited" in told and "mfa rerun results/base" in told
    call("explain", "results/base", "metal_to_use", "year=2010")


# -------------------------------------------------------------------- compare


def test_compare_names_parameters_first_then_what_follows(study: Path, call: Call) -> None:
    shown = call("compare", "results/base", "results/more").stdout
    assert shown.index("parameters that differ: 2 of 5") < shown.index(
        "variables whose world totals differ"
    )
    assert "life: 5 → 6 yr, × 1.2" in shown
    assert "set more at" in shown and "more.yaml:5:" in shown and "before set base at" in shown
    assert "collected: 0.1 → 0.95 in 2000 (differs 2000–2012)" in shown and "region: Home" in shown
    found = differences("results/base", "results/more")
    flows = found.results[found.results.unit == "t/yr"]
    for _, own in flows.groupby("kind"):
        assert own.difference.abs().is_monotonic_decreasing
    row = found.results.query("variable == 'use_stock' and material == 'Sn' and year == 2012").iloc[
        0
    ]
    stocks = [
        float(mfa.load(f"results/{n}").use_stock.sel(year=2012, material="Sn").sum())
        for n in ("base", "more")
    ]
    assert (row.base, row.more) == pytest.approx(stocks)
    assert row.difference == pytest.approx(stocks[1] - stocks[0])
    assert row.relative == pytest.approx(stocks[1] / stocks[0] - 1)
    by_share = differences("results/base", "results/more", by="relative").results
    own = by_share[(by_share.kind == "flow") & by_share.relative.notna()]
    assert own.relative.abs().is_monotonic_decreasing


def test_compare_of_equals_and_its_options(study: Path, call: Call) -> None:
    shown = call("compare", "results/base", "results/base").stdout
    assert "parameters that differ: 0 of 5" in shown
    assert shown.rstrip().endswith("variables whose world totals differ: 0")
    text = call(
        "compare",
        "results/base",
        "results/more",
        "--show",
        "differences",
        "--csv",
        "--year",
        "2007",
    )
    assert text.stdout.startswith(
        "variable,material,year,kind,unit,base,more,difference,relative\n"
    )
    assert {line.split(",")[2] for line in text.stdout.splitlines()[1:]} <= {"2007", "2012"}
    more = call("compare", "results/base", "results/more", "--most", "1").stdout
    assert "more; --most 0 shows all" in more
    assert (
        "no year 1990"
        in call("compare", "results/base", "results/more", "--year", "1990", exit_code=2).stderr
    )
    for wrong in (["--year", "2010", "--csv"], ["--flow", "use_stock", "--show", "differences"]):
        call("compare", "results/base", "results/more", *wrong, exit_code=2)
    call("compare", "results/base", "--show", "differences", exit_code=2)
    assert (
        "World totals"
        in call("compare", "results/base", "results/more", "--flow", "use_stock").stdout
    )


def test_other_ranges_beside_the_same_values_are_told(study: Path, call: Call) -> None:
    (study / "wide.yaml").write_text(
        "title: Wide\ninherits: base\nset: {life: {value: 5 yr, triangular: [3 yr, 9 yr], reason: wide}}\n"
    )
    mfa.save(mfa.run(mfa.read_scenario("wide.yaml")), "results/wide")
    shown = call("compare", "results/base", "results/wide").stdout
    assert "life: same values, drawn from triangular 4 7 → triangular 3 9" in shown


def test_only_what_is_asked_for_is_read(study: Path) -> None:
    whole = read_stored(Path("results/base"))
    part = some(Path("results/base"), lambda _, attrs: attrs.get("kind") == "stock")
    assert set(part.data_vars) == {"use_stock", "pile_stock"}
    for name in part.data_vars:
        xr.testing.assert_identical(part[name], whole[name])
    assert part.attrs == whole.attrs
    assert not some(Path("results/base"), names=()).data_vars


# ---------------------------------------------------------------------- explain


def test_a_number_is_explained_down_to_rows_and_sources(study: Path, call: Call) -> None:
    shown = call(
        "explain", "results/base", "mine_to_metal", "year=2008", "material=Sn", "region=Home"
    ).stdout
    value = mfa.load("results/base").mine_to_metal.sel(year=2008, material="Sn", region="Home")
    assert shown.startswith(
        f"mine_to_metal[material=Sn, region=Home, year=2008] = {float(value):.4g} t/yr\n"
    )
    assert "= max(0, asks " in shown and "− arrivals " in shown
    assert "% of metal_to_use of 20" in shown, "cohorts"
    assert (
        "data/sales.csv:3 (1995; 1000 vehicle/yr)" in shown and "data/sales.csv:4 (2010;" in shown
    )
    assert "collected[region=Home, year=2008] = 0.74" in shown
    assert "points 2000: 0.1 and 2010: 0.9" in shown
    assert "counts: Müller, Ann; The EU Office (2020)" in shown
    assert "content[material=Sn] = 0.002 t/vehicle" in shown
    assert "assumption: declared default of the system" in shown
    for wrong, told in {
        ("mine_to_metl", "year=2008"): 'Did you mean "mine_to_metal"',
        ("mine_to_metal", "year=2050"): "a year from 2000 to 2012, not 2050",
        ("mine_to_metal", "year=2008", "materal=Sn"): 'Did you mean "material"',
        ("mine_to_metal", "year=2008", "material=Cu"): "has no label 'Cu'",
        ("mine_to_metal", "2008"): "write a dimension and its label",
        ("collected", "year=2008"): "say a label of each: 'region=Home'",
        ("mine_to_metal", "year=2008", "sample=3"): "has no samples",
        ("indicator_peak_year", "year=2008"): "is a potential or a milestone",
    }.items():
        assert told in call("explain", "results/base", *wrong, exit_code=2).stderr


def test_quantities_and_rates_of_roles_are_explained(study: Path) -> None:
    result = mfa.load("results/base")
    rate = trace(
        "results/base",
        "indicator_recycled_content",
        {"material": "Sn", "region": "Home"},
        year=2010,
    )
    assert rate.value == pytest.approx(
        float(result.indicator_recycled_content.sel(material="Sn", region="Home", year=2010))
    )
    whole = trace("results/base", "secondary_supply", year=2010)
    assert whole.value == pytest.approx(float(result.secondary_supply.sel(year=2010).sum()))
    assert whole.assumptions and whole.sources and "counts" in whole.sources


def test_a_loop_over_the_years_is_explained_in_few_steps(study: Path) -> None:
    found = trace("results/base", "mine_to_metal", year=2012, steps=4)
    assert found.origins and not found.whole
    assert len(str(found).splitlines()) < 80
    assert len(trace("results/base", "mine_to_metal", year=2012, steps=10**6).origins) >= len(
        found.origins
    )


FLEET = """\
title: Fleet
parameters:
  level: {dims: [year], unit: t}
  life: {dims: [year], unit: yr}
processes:
  mine: {rule: source}
  fleet: {rule: stock, from: mine, to: heap, stock: level, on_decline: retire_early,
          lifetime: {law: normal, mean: life, std: 1 yr}}
  heap: {rule: sink}
"""


def test_a_falling_stock_is_explained_too(tmp_path: Path) -> None:
    """Early retirement, an inflow that keeps a stock, lifetimes by cohort."""
    (tmp_path / "system.yaml").write_text(FLEET, "utf-8")
    (tmp_path / "fleet.yaml").write_text(
        "title: Fleet\nsystem: system.yaml\nyears: [2000, 2010]\nset:\n"
        "  level: {2000: 10 t, 2006: 20 t, 2008: 2 t}\n  life: {2000: 3 yr, 2010: 6 yr}\n",
        "utf-8",
    )
    scenario = mfa.read_scenario(tmp_path / "fleet.yaml")
    tracer = Tracer(mfa.save(mfa.run(scenario), tmp_path / "fleet"))
    for name in ("fleet_to_heap", "mine_to_fleet", "fleet_stock", "heap_stock"):
        for year in range(2000, 2011):
            made = tracer.trace(name, {}, year=year).root.made
            assert sum(part.amount for part in made.parts) == pytest.approx(made.value, abs=1e-12)
    text = str(tracer.trace("fleet_to_heap", {}, year=2008))
    assert "or retires early" in text and "life[year=2008]" in text


# -------------------------------------------------------------------- checklist


def test_the_checklist_is_filled_in_or_says_what_is_missing(study: Path) -> None:
    text = checklist("results/more")
    heads = re.findall(r"^## (\d+)\. ", text, re.MULTILINE)
    assert heads == [str(number) for number in range(1, 15)]
    sections = re.split(r"^## \d+\. ", text, flags=re.MULTILINE)[1:]
    assert all(len(section.strip().splitlines()) > 1 for section in sections)
    assert (
        "| sales | cans sold | vehicle/yr | year, region | 10 to 3000 | abroad; counts (2020, CC BY 4.0); later |"
        in text
    )
    assert "life: scaled" not in text and "- collected: as told" in text
    assert "  - life, by set more at" in text
    assert "| more | use | " in sections[6]
    assert sections[9].strip().endswith("not stated by the scenario")
    assert "nan" not in text.replace("Nansai", "")
    assert np.isfinite(saved("results/more").attrs["balance_residual"])


def test_missing_arguments_are_answered(study: Path) -> None:
    with pytest.raises(MfaError, match="a folder of results is wanted"):
        mfa.rerun(3)  # type: ignore[arg-type]


def test_what_a_shortage_settled_is_not_explained_wrongly(tmp_path: Path) -> None:
    made = mfa.run(mfa.read_scenario(ROOT / "scenarios" / "cobalt_shock.yaml"))
    folder = mfa.save(made, tmp_path / "short")
    with pytest.raises(MfaError, match="unmet_demand is settled for all demands"):
        trace(folder, "unmet_demand", {"material": "Co"}, year=2030)
    for name in ("ore_to_refine", "indicator_recycled_content"):
        with pytest.raises(MfaError, match=f"{name} in 2030 cannot be explained step by step"):
            trace(folder, name, {"material": "Co"}, year=2030, steps=2)
    before = trace(folder, "ore_to_refine", {"material": "Co"}, year=2020, steps=2)
    stored = made.ore_to_refine.sel(material="Co", year=2020).sum()
    assert before.value == pytest.approx(float(stored))
