"""Grids: one file, one scenario for each combination of its values."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import mfa
from mfa import grids, plot
from mfa.cli import main
from mfa.errors import Place
from tests.unit.test_cli import REFERENCE, SALES, SYSTEM

GRID = """\
title: Rates and sales
inherits: reference
vary:
  collected: [{scale: 0.5}, 80 %]
  sales: [{scale: 1, reason: as it is}, {scale: 1.5}, {Home: {scale: 3}}]
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a tiny study, as the current one; nothing is drawn."""
    for name, text in {
        "reference.yaml": REFERENCE,
        "systems/cans.yaml": SYSTEM,
        "data/sales.csv": SALES,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plot, "write", lambda result, folder: [])
    return tmp_path


def call(*args: str, exit_code: int = 0) -> Result:
    done = CliRunner().invoke(main, args)
    assert done.exit_code == exit_code, done.output
    return done


@pytest.fixture
def grid(study: Path) -> Path:
    file = study / "grid.yaml"
    file.write_text(GRID, "utf-8")
    return file


def refused(study: Path, vary: str) -> str:
    (study / "bad.yaml").write_text(f"title: Bad\ninherits: reference\nvary: {vary}\n", "utf-8")
    with pytest.raises(mfa.MfaError) as error:
        mfa.read_scenarios("bad.yaml")
    return str(error.value)


def test_a_grid_stands_for_every_combination_of_its_values(grid: Path) -> None:
    found = mfa.read_scenarios(grid)
    assert [one.name for one in found] == [
        f"grid-collected_{rate}-sales_{sales}"
        for rate in ("x0.5", "80pct")
        for sales in ("x1", "x1.5", "entry3")
    ]
    assert found[1].title == "Rates and sales: collected × 0.5, sales × 1.5"
    assert found[1].lineage == (found[1].name, "grid", "reference")
    assert dict(found[5].varied) == {"collected": "80 %", "sales": "{Home: × 3}"}
    root = mfa.read_scenario("reference.yaml")
    for one, rate, sales in zip(
        found, ["x", "x", "x", 0.8, 0.8, 0.8], [1, 1.5, 3] * 2, strict=True
    ):
        made, old = mfa.build_parameters(one), mfa.build_parameters(root)
        assert made.sales.sel(region="Home").values == pytest.approx(
            old.sales.sel(region="Home").values * sales
        )
        expected = old.collected * 0.5 if rate == "x" else old.collected * 0 + 0.8
        assert made.collected.values == pytest.approx(expected.values)


def test_a_scenario_of_a_grid_is_the_scenario_written_out(grid: Path, study: Path) -> None:
    (study / "one.yaml").write_text(
        "title: x\ninherits: reference\nset:\n  collected: 80 %\n  sales: {scale: 1.5}\n", "utf-8"
    )
    one, alone = mfa.read_scenarios(grid)[4], mfa.read_scenario("one.yaml")
    assert mfa.run(one).drop_attrs().identical(mfa.run(alone).drop_attrs())


def test_names_keep_their_meaning_when_entries_are_added(grid: Path, study: Path) -> None:
    before = {one.name: dict(one.varied) for one in mfa.read_scenarios(grid)}
    grid.write_text(GRID.replace("[{scale: 0.5}, ", "[{scale: 0.25}, {scale: 0.5}, "), "utf-8")
    after = {one.name: dict(one.varied) for one in mfa.read_scenarios(grid)}
    assert len(after) == 9
    assert before.items() <= after.items()


def test_names_are_safe_for_folders_and_short(study: Path) -> None:
    values = ["1/3", "../up", {"scale": {"Home": 2}}, "10 kt LCE/yr", "-3 yr", -2.5, True, "a" * 99]
    tags = [v.name.removeprefix("g-p_") for v in grids.variants("g", {"p": values}, Place())]
    assert tags == ["entry1", "entry2", "entry3", "10kt_LCE_per_yr", "minus3yr", "minus2.5", "entry7", "entry8"]  # fmt: skip
    many = {f"a_parameter_with_a_long_name_{i}": [1, 2] for i in range(5)}
    names = [v.name for v in grids.variants("g", many, Place())]
    assert names[0] == "g-1-1-1-1-1" and len({*names}) == 32
    assert len(grids.text_of({year: year for year in range(99)})) <= 60


def test_everything_wrong_in_a_grid_is_named_with_its_place(study: Path) -> None:
    text = refused(study, "{sale: [1, 2], collected: [10 %, 20 %, 10 %], content: [{shoe: 3 yr}]}")
    first, second = text.splitlines()[:2]
    assert first.startswith("bad.yaml:3:8: unknown parameter 'sale'. Did you mean \"sales\"?")
    assert second == "bad.yaml:3:46: collected: entries 1 and 3 are the same, 10 %"
    assert refused(study, "{sales: []}") == (
        "bad.yaml:3:15: vary.sales: the list has 0 entries, it takes 1"
    )
    assert refused(study, "{}").startswith("bad.yaml:3:1: vary: it names no parameter; write")
    assert refused(study, "{sales: 3}") == "bad.yaml:3:15: vary.sales: this is a list, not 3"
    assert "bad.yaml:3:16: sales: 'scale' and 'add' at once" in refused(
        study, "{sales: [{scale: 1, add: 2}]}"
    )


def test_a_grid_has_a_largest_size(study: Path) -> None:
    rates = ", ".join(f"{i} %" for i in range(17))
    text = refused(study, f"{{collected: [{rates}], sales: [{rates.replace('%', 'vehicle/yr')}]}}")
    assert text == (
        "bad.yaml:3:7: vary: 17 × 17 = 289 scenarios are too many for one file (at most 256); "
        "take values out, or make several grids"
    )


def test_a_value_out_of_bounds_is_told_once_and_at_its_entry(grid: Path) -> None:
    grid.write_text(GRID.replace("80 %]", "180 %]"), "utf-8")
    done = call("check", "grid.yaml", exit_code=2)
    assert done.stderr.count("grid.yaml:4:29: collected: 1.8 at ") == 1


def test_a_grid_is_no_parent_and_no_single_scenario(grid: Path, study: Path) -> None:
    (study / "child.yaml").write_text("title: Child\ninherits: grid\n", "utf-8")
    with pytest.raises(
        mfa.MfaError, match=r"child.yaml:2:11: 'grid' is a grid \('vary' in .*grid.yaml:3:1\)"
    ):
        mfa.read_scenario("child.yaml")
    with pytest.raises(
        mfa.MfaError, match=r"grid.yaml:4:15: .* 6 scenarios .* with mfa.read_scenarios"
    ):
        mfa.read_scenario(grid)


def test_commands_take_grids(grid: Path) -> None:
    (line,) = call("check", "grid.yaml").stdout.splitlines()
    assert line.startswith("ok  grid.yaml  6 scenarios, each 3 parameters")
    shown = call("show", "grid.yaml").stdout.splitlines()
    assert shown[0] == "title     Rates and sales"
    assert shown[-6].split()[:3] == ["grid-collected_x0.5-sales_x1", "×", "0.5"]
    texts = call("show", "grid.yaml", "collected").stdout
    assert texts.count("in grid-collected_") == 2
    assert "in all 6 scenarios:\ncontent" in call("show", "grid.yaml", "content").stdout


def test_a_run_writes_one_folder_for_each_and_deletes_nothing_of_others(
    grid: Path,
    study: Path,
) -> None:
    def run() -> list[str]:
        call("run", "grid.yaml", "-o", "out")
        return sorted(path.name for path in (study / "out").iterdir())

    names = sorted(one.name for one in mfa.read_scenarios(grid))
    assert run() == names
    (study / "out" / names[0] / "notes.txt").write_text("mine", "utf-8")
    (study / "out" / "other.txt").write_text("mine", "utf-8")
    grid.write_text(GRID.replace("{scale: 0.5}, ", ""), "utf-8")
    assert run() == sorted([*names, "other.txt"])
    grid.write_text(GRID, "utf-8")
    run()
    assert (study / "out" / names[0] / "notes.txt").read_text("utf-8") == "mine"
    folders = [str(study / "out" / name) for name in names]
    compared = call("compare", *folders).stdout
    assert all(name in compared for name in names)


def test_a_manifest_of_one_of_a_grid_makes_it_again(grid: Path, study: Path) -> None:
    one = mfa.read_scenarios(grid)[3]
    result = mfa.run(one)
    mfa.save(result, study / "kept")
    again = mfa.run(mfa.read_scenario(study / "kept" / "manifest.yaml"))
    assert again.drop_attrs().identical(result.drop_attrs())
