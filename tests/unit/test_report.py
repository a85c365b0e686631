"""The report: what its page carries, and what it refuses; the page in a browser is another file."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import mfa
from mfa.assessment import of_the_world
from mfa.bands import BAND
from mfa.cli import main
from mfa.indicators import risk
from mfa.report import pages, report
from mfa.report.assumptions import assumptions
from mfa.report.numbers import Store, world
from mfa.report.reading import read_cases
from mfa.report.structure import Arrow, Network, drawing, network, shortened

SCENARIOS = Path(__file__).parents[2] / "scenarios"


ALL = ("reference", "vehicle_reference", "bulk_reference", "hostile", "samples")


@pytest.fixture(scope="module")
def folder(report_results: Path) -> Path:
    return report_results


def unpacked(file: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Return what a page knows, as its scripts read it."""
    found = re.search(r'id="data">([^<]+)<', file.read_text(encoding="utf-8"))
    assert found is not None
    packed = gzip.decompress(base64.b64decode(found[1]))
    length = int.from_bytes(packed[:4], "little")
    return json.loads(packed[4 : 4 + length]), np.frombuffer(packed[4 + length :], "<f4")


def held(numbers: np.ndarray, place: dict[str, Any]) -> np.ndarray:
    size = int(np.prod(place["shape"]))
    return numbers[place["at"] : place["at"] + size].reshape(place["shape"])


@pytest.fixture(scope="module")
def page(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("page") / "report.html"
    file, names, beside = report([folder / name for name in ALL], target)
    assert len(names) == 5 and not beside
    return file


def test_a_page_carries_the_numbers_of_its_results(folder: Path, page: Path) -> None:
    content, numbers = unpacked(page)
    result = mfa.load(folder / "reference")
    own = next(one for one in content["scenarios"] if one["name"] == "reference")
    late = result.sel(year=slice(own["years"][0], own["years"][1]))
    assert own["years"] == [1975, 2050]
    flows = {one["name"]: held(numbers, one["values"]) for one in own["flows"]}
    for name in ("mine_to_ore", "collect_to_sort", "used_export_to_used_imports"):
        over = [d for d in late[name].dims if d not in ("material", "year")]
        wanted = late[name].sum(over).transpose("material", "year")
        np.testing.assert_allclose(flows[name], wanted, rtol=1e-6)
    assert len(flows) == len([v for v in result.data_vars.values() if v.attrs["kind"] == "flow"])


def test_rates_are_those_of_the_sums(folder: Path) -> None:
    (case,) = read_cases(str(folder / "reference"))
    told = 0
    for key, data in case.data.data_vars.items():
        if data.attrs["kind"] != "indicator" or "year" not in data.dims:
            continue
        wanted, found = of_the_world(case.data, str(key)), world(case, str(key))
        assert (wanted is None) == (found is None), key
        if wanted is not None and found is not None:
            shown = wanted.sel(year=case.years)
            dims = [d for d in ("material", "year") if d in shown.dims]
            np.testing.assert_allclose(
                np.squeeze(found), np.squeeze(shown.transpose(*dims)), rtol=1e-9
            )
            told += 1
    assert told > 20


def test_bands_are_quantiles_of_the_samples(folder: Path, page: Path) -> None:
    content, numbers = unpacked(page)
    own = next(one for one in content["scenarios"] if one["samples"])
    assert own["samples"] == 8 and content["band"] == list(BAND)
    result = mfa.load(folder / "samples").sel(year=slice(own["years"][0], None))
    secondary = result.recycle_to_metal.sum("region") + result.scrap_to_metal.sum("region")
    wanted = mfa.quantiles(secondary.rename("x"))["x"].transpose("quantile", "material", "year")
    named = {one["name"]: one for one in own["indicators"]}
    found = held(numbers, named["secondary_supply"]["values"])
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    share = secondary / (secondary + result.mine_to_metal.sum("region"))
    wanted = mfa.quantiles(share.rename("x"))["x"].transpose("quantile", "material", "year")
    found = held(numbers, named["indicator_recycled_content"]["values"])
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    mined = next(one for one in own["flows"] if one["name"] == "mine_to_metal")
    mean = result.mine_to_metal.sum("region").mean("sample").transpose("material", "year")
    np.testing.assert_allclose(held(numbers, mined["values"]), mean, rtol=1e-6)


def test_concentration_is_that_of_the_origins(folder: Path, page: Path) -> None:
    content, numbers = unpacked(page)
    own = next(one for one in content["scenarios"] if one["name"] == "reference")
    mining, refining = own["concentration"]
    assert (mining["stage"], refining["stage"]) == ("mine", "refine")
    result = mfa.load(folder / "reference").sel(year=slice(1975, None))
    share = risk.shares(result.mine_to_ore, "mine_country")
    wanted = risk.herfindahl(share, "mine_country").transpose("material", "year")
    np.testing.assert_allclose(held(numbers, mining["values"])[0], wanted, rtol=1e-6)
    cobalt, year = own["materials"].index("Co"), 2035 - 1975
    place = int(held(numbers, mining["largest"])[cobalt, year])
    assert mining["places"][place] == "Democratic Republic of the Congo"
    largest = share.sel(material="Co", year=2035).max()
    np.testing.assert_allclose(held(numbers, mining["share"])[cobalt, year], largest, rtol=1e-6)


def test_every_panel_has_what_its_system_has(page: Path) -> None:
    content, _ = unpacked(page)
    scenarios = {one["title"]: one for one in content["scenarios"]}
    cars = scenarios["Minerals in electric cars, reference"]
    assert cars["concentration"] == [] and cars["milestones"] == []
    assert [one["label"] for one in scenarios["Reference"]["milestones"]] == [
        "peak year",
        "crossing year",
    ]
    assert all(one["no_sankey"] == "" for one in content["scenarios"])
    # whole and shortened; in two of the three systems nothing only passes on
    assert len(content["drawings"]) == 4


def test_assumptions_name_file_line_and_source(folder: Path) -> None:
    (case,) = read_cases(str(folder / "reference"))
    assert case.scenario is not None
    rows = assumptions(case.scenario)
    (sales,) = [row for row in rows if row["parameter"] == "vehicle_sales"]
    line = (SCENARIOS / "reference.yaml").read_text().splitlines().index("  vehicle_sales:") + 1
    assert sales["place"].startswith(f"scenarios/reference.yaml:{line + 1}:")
    assert sales["source"] == "iea_gevo2025; icct_roadmap"
    assert sales["giver"] == "set reference" and sales["value"].startswith("1975: 0; 2050: ")
    assert {row["parameter"] for row in rows} == set(case.scenario.system.parameters)
    (used,) = [row for row in rows if row["parameter"] == "used_lifetime"]
    assert (used["value"], used["unit"], used["cells"]) == ("8", "yr", "all")
    assert "uncertain: uniform" in used["reason"]


def test_changes_of_a_value_are_told_in_their_order(folder: Path) -> None:
    (case,) = read_cases(str(folder / "hostile"))
    assert case.scenario is not None
    rows = [row for row in assumptions(case.scenario) if row["parameter"] == "product_lifetime"]
    assert rows and all(", then override" in row["giver"] for row in rows)


def test_a_title_is_text(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<b onclick" not in text
    assert text.count("<script") == text.count("</script>") == 3


def test_a_page_is_one_file_below_eight_megabytes(folder: Path, page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    alone, _, _ = report([folder / "reference"], tmp_path / "alone.html")
    content, numbers = unpacked(alone)
    data = len(gzip.compress(json.dumps(content).encode() + numbers.tobytes())) * 4 / 3
    assert alone.stat().st_size + 11 * data < 8e6


def test_the_same_results_make_the_same_page(
    folder: Path, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing depends on how many processes read the results, or how many years they hold at once."""
    monkeypatch.setattr("mfa.report.collecting.cores", lambda: 1)
    for module in ("numbers", "quantities"):
        monkeypatch.setattr(f"mfa.report.{module}.SLAB_BYTES", 50_000)
    again, _, _ = report([folder / name for name in ALL], tmp_path / "again.html")
    assert unpacked(again)[0] == unpacked(page)[0]
    assert np.array_equal(unpacked(again)[1], unpacked(page)[1], equal_nan=True)


# ---------------------------------------------------------------- structure


def places(found: dict[str, Any]) -> dict[str, tuple[str, int]]:
    return {n["name"]: (n["lane"], n["column"]) for n in found["nodes"] if n["rule"] != "passing"}


def test_stages_lead_from_left_to_right_and_recycling_back(folder: Path) -> None:
    (case,) = read_cases(str(folder / "reference"))
    found = places(drawing(shortened(network(case))))
    forth = [
        "mine",
        "refine",
        "supply",
        "metal",
        "fabricate",
        "assemble",
        "vehicles",
        "retired_vehicles",
        "retire",
    ]
    assert [found[name] for name in forth] == [("forth", column) for column in range(9)]
    back = ["hydrometallurgy", "recycle", "functional", "sort", "waste", "collect"]
    assert [found[name] for name in back] == [("back", column) for column in range(4, 10)]
    assert "ore" not in found and "ore" in places(drawing(network(case)))


def test_every_flow_is_in_one_link(folder: Path) -> None:
    for name in ("reference", "vehicle_reference", "samples"):
        (case,) = read_cases(str(folder / name))
        wanted = sorted(str(n) for n, v in case.data.data_vars.items() if v.attrs["kind"] == "flow")
        for arrows in (network(case), shortened(network(case))):
            links = drawing(arrows)["links"]
            assert sorted(name for link in links for name in link["flows"]) == wanted


def test_a_ring_without_market_returns_once() -> None:
    ring = Network(
        {"mine": "source", "use": "stock", "mill": "split", "slag": "sink"},
        tuple(
            Arrow((f"{a}_{b}",), a, b)
            for a, b in (("mine", "use"), ("use", "mill"), ("mill", "slag"))
        ),
    )
    straight = drawing(ring)
    assert not any(link["returns"] for link in straight["links"])
    (case,) = [_ring_case()]
    closed = drawing(network(case))
    assert [link["source"] for link in closed["links"] if link["returns"]] == ["mill"]


def _ring_case() -> Any:
    from mfa.report.reading import Case

    def flow(source: str, target: str) -> tuple[str, list[float], dict[str, str]]:
        return "year", [1.0], {"kind": "flow", "units": "t/yr", "source": source, "target": target}

    pairs = [("mine", "use"), ("use", "mill"), ("mill", "use"), ("mill", "slag")]
    data = xr.Dataset({f"{a}_to_{b}": flow(a, b) for a, b in pairs}, {"year": [2030]})
    return Case("ring", "Ring", "ring", data, None)


# -------------------------------------------------------- other results, errors


def test_a_result_without_its_manifest_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "result.nc").write_bytes((folder / "bulk_reference" / "result.nc").read_bytes())
    file, _, _ = report([bare], tmp_path / "bare.html")
    (own,), _ = unpacked(file)[0]["scenarios"], None
    assert own["rows"] == [] and own["system_title"] == "unknown: there is no manifest"
    assert own["no_sankey"] == "" and len(own["sources"]) > 3
    # the manifest of another run is not believed
    (bare / "manifest.yaml").write_bytes((folder / "reference" / "manifest.yaml").read_bytes())
    file, _, _ = report([bare], tmp_path / "bare.html")
    assert unpacked(file)[0]["scenarios"][0]["rows"] == []


def test_batches_samples_and_zarr_are_read(tmp_path: Path) -> None:
    bulk = mfa.read_scenario(SCENARIOS / "bulk_reference.yaml")
    other = bulk.override(title="Longer", product_lifetime={"scale": 1.2})
    mfa.save(mfa.run_batch([bulk, other]), tmp_path / "both")
    done = CliRunner().invoke(
        main,
        [
            "run",
            str(SCENARIOS / "bulk_reference.yaml"),
            "--samples",
            "4",
            "--store",
            "zarr",
            "-o",
            str(tmp_path / "zarr"),
        ],
    )
    assert done.exit_code == 0, done.output
    paths = [tmp_path / "both", tmp_path / "zarr" / "bulk_reference"]
    file, names, _ = report(paths, tmp_path / "report.html")
    assert names == [f"bulk_reference ({paths[0]})", "longer", f"bulk_reference ({paths[1]})"]
    content, numbers = unpacked(file)
    first, longer, drawn = content["scenarios"]
    assert first["no_sankey"] == longer["no_sankey"] == ""
    assert drawn["samples"] == 4 and "keeps 0 of the 12 flows" in drawn["no_sankey"]
    one, two = (
        held(numbers, next(i for i in own["indicators"] if i["name"] == "primary_supply")["values"])
        for own in (first, longer)
    )
    assert not np.array_equal(one, two)


def test_unmet_demand_is_carried(folder: Path) -> None:
    (case,) = read_cases(str(folder / "bulk_reference"))
    attrs = {"kind": "indicator", "units": "t/yr", "long_name": "demand that was not met"}
    case.data["unmet_demand"] = (0.1 * case.data["demand"]).assign_attrs(attrs)
    from mfa.report.quantities import indicators

    named = {one["name"]: one for one in indicators(case, Store())}
    assert named["unmet_demand"]["unit"] == "t/yr"


@pytest.mark.parametrize(
    ("paths", "file", "told"),
    [
        (["nowhere"], "a.html", "there is no result"),
        ([], "a.html", "there is no result to report"),
        (["reference"], "a.pdf", "a report is HTML; name a file that ends in .html"),
    ],
)
def test_refusals(folder: Path, tmp_path: Path, paths: list[str], file: str, told: str) -> None:
    with pytest.raises(mfa.MfaError, match=re.escape(told)):
        report([folder / path for path in paths], tmp_path / file)
    assert not [*tmp_path.iterdir()]


def test_a_list_is_wanted(folder: Path) -> None:
    with pytest.raises(mfa.MfaError, match="several folders of results in a list"):
        report(str(folder), "a.html")  # type: ignore[arg-type]


def test_missing_packages_are_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "find_spec", lambda name: None if name == "plotly" else name)
    with pytest.raises(
        mfa.MfaError,
        match=re.escape("needs plotly, which is not installed: pip install 'mfa[report]'"),
    ):
        report([folder / "reference"], tmp_path / "a.html")


def test_the_command(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    (tmp_path / "notes").mkdir()
    done = CliRunner().invoke(
        main, ["report", str(folder / "reference"), str(tmp_path / "notes"), "-o", str(file)]
    )
    assert done.exit_code == 0, done.output
    assert re.search(r"wrote .*report\.html: 1 scenario, \d\.\d MB", done.output)
    assert f"left out, no results: {tmp_path / 'notes'}" in done.output
    wrong = CliRunner().invoke(main, ["report", str(folder / "refrence"), "-o", str(file)])
    assert wrong.exit_code == 2 and 'Did you mean "reference"' in wrong.output
    both = CliRunner().invoke(
        main, ["report", str(folder / "a"), str(folder / "b"), "-o", str(file)]
    )
    assert both.exit_code == 2 and both.output.count("there is no result") == 2


def test_a_damaged_result_is_named_and_the_page_stays(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "result.nc").write_bytes(b"\x89HDF but cut off")
    file = tmp_path / "report.html"
    file.write_text("before")
    done = CliRunner().invoke(
        main, ["report", str(broken), str(folder / "reference"), "-o", str(file)]
    )
    assert (
        done.exit_code == 2 and "broken/result.nc" in done.output and "Traceback" not in done.output
    )
    assert file.read_text() == "before" and {p.name for p in tmp_path.iterdir()} == {
        "broken",
        "report.html",
    }


def test_the_checklist_is_printed_or_written(folder: Path, tmp_path: Path) -> None:
    checklists = pytest.importorskip("mfa.checklists", reason="the checklist is not there yet")
    paths = [str(folder / name) for name in ("bulk_reference", "vehicle_reference")]
    wanted = "\n\n".join(checklists.checklist(path).rstrip() for path in paths) + "\n"
    printed = CliRunner().invoke(main, ["report", *paths, "--checklist"])
    assert printed.exit_code == 0 and printed.output == wanted
    file = tmp_path / "checklist.md"
    done = CliRunner().invoke(main, ["report", *paths, "--checklist", "-o", str(file)])
    assert done.output == f"wrote {file}\n" and file.read_text(encoding="utf-8") == wanted
    wrong = CliRunner().invoke(
        main, ["report", *paths, "--checklist", "-o", str(tmp_path / "a.html")]
    )
    assert (
        wrong.exit_code == 2
        and "a checklist is Markdown; name a file that ends in .md" in wrong.output
    )
