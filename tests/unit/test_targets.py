"""Targets: what levers and scenarios ask of an indicator, who replaces whom, and what a run says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import mfa
from mfa.cli import main
from mfa.errors import MfaError
from mfa.manifest import read_manifest
from mfa.target_checks import verdicts

SYSTEM = """\
title: Cans
conserves: material
dimensions:
  region: [Europe, Rest]
  material: [Co, Li]
parameters:
  made: {dims: [year, region, material], unit: t/yr, default: 10 t/yr}
  collection: {dims: [year, region], default: {2000: 0 %, 2010: 100 %}}
  people: {dims: [year, region], unit: person, default: 5 person}
processes:
  mine: {rule: source}
  metal: {rule: market, from: [collect, mine], surplus_to: dump}
  use: {rule: stock, from: metal, to: collect, inflow: made, lifetime: {law: fixed, mean: 1 yr, inflow_at: end}}
  collect: {rule: split, shares: {metal: collection, dump: rest}}
  dump: {rule: sink}
roles:
  demand: metal_to_use
  primary_supply: mine_to_metal
  old_scrap_supply: collect_to_metal
  end_of_life: use_to_collect
  collected: collect_to_metal
  in_use: use_stock
  population: people
"""
REFERENCE = "title: Reference\nsystem: systems/cans.yaml\nyears: [2000, 2010]\n"
LAW = """\
title: A law
targets:
  content:
    of: recycled_content
    at: {region: Europe}
    at_least: {Co: {2004: 30 %, 2008: 90 %}}
    source: law2023
"""

Run = Callable[..., xr.Dataset]


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    """Write a study: levers by name, and the text of the scenario after its first lines."""

    def write(scenario: str = "", name: str = "reference", **levers: str) -> Path:
        (tmp_path / "systems").mkdir(exist_ok=True)
        (tmp_path / "levers").mkdir(exist_ok=True)
        (tmp_path / "systems" / "cans.yaml").write_text(SYSTEM, "utf-8")
        for lever, text in levers.items():
            (tmp_path / "levers" / f"{lever}.yaml").write_text(text, "utf-8")
        path = tmp_path / f"{name}.yaml"
        path.write_text((REFERENCE if "inherits" not in scenario else "") + scenario, "utf-8")
        return path

    return write


def run(path: Path) -> xr.Dataset:
    return mfa.run(mfa.read_scenario(path))


# ---------------------------------------------------------------- what it says


def test_a_minimum_is_a_step_and_absent_is_not_zero(study: Callable[..., Path]) -> None:
    result = run(study("levers: [law]\n", law=LAW))
    least, met = result.target_content, result.target_content_met
    assert least.dims == met.dims == ("year", "region", "material")
    europe = least.sel(region="Europe", material="Co").values
    np.testing.assert_array_equal(europe, [np.nan] * 4 + [0.3] * 4 + [0.9] * 3)
    assert least.sel(region="Rest").isnull().all() and least.sel(material="Li").isnull().all()
    # collection of 40, 50, …, 100 % from 2004 on is the recycled content, since demand is steady
    verdict = met.sel(region="Europe", material="Co").values
    np.testing.assert_array_equal(verdict, [np.nan] * 4 + [1, 1, 1, 1] + [0, 1, 1])
    assert met.isnull().equals(least.isnull())
    assert least.attrs["units"] == "1" and least.attrs["source"] == "law2023"
    (told,) = verdicts(result)
    sentence = (
        "missed in 2008, furthest in 2008: 80.0 % instead of 90.0 %; met in 2004–2007, 2009–2010"
    )
    assert told == ("content", "Europe, Co", sentence)
    assert "law2023" in result.attrs["references"]


def test_what_is_not_named_is_added_up(study: Callable[..., Path]) -> None:
    """A rate of the world is a rate of sums; each mineral stands for itself."""
    text = """\
set:
  made: {Europe: {Co: 30 t/yr}}
  collection: {Rest: 50 %}
targets:
  world: {of: collection_rate, at_least: 80 %}
  amount: {of: collect_to_metal, at_least: {2005: 0.02 kt/yr}}
"""
    result = run(study(text))
    assert result.target_world.dims == ("year", "material")
    assert (result.target_world == 0.8).all()
    rate = (30 * result.collection.sel(region="Europe") + 10 * 0.5) / 40
    expected = (rate >= 0.8).astype(float).where(result.year > 2000)
    np.testing.assert_array_equal(result.target_world_met.sel(material="Co"), expected)
    assert result.target_amount.attrs["units"] == "t/yr"
    assert result.target_amount.sel(year=2005).values.tolist() == [20.0, 20.0]
    assert result.target_amount_met.sel(year=2010).values.tolist() == [1.0, 0.0]


def test_a_minimum_after_the_run_is_told(study: Callable[..., Path]) -> None:
    result = run(study("targets:\n  late: {of: demand, at_least: {2050: 1 t/yr}}\n"))
    assert [*verdicts(result)] == [("late", "", "asked for in no year of the run")]


def test_flows_do_not_depend_on_targets(study: Callable[..., Path]) -> None:
    free, bound = run(study(name="free")), run(study("levers: [law]\n", law=LAW))
    for name in free.data_vars:
        xr.testing.assert_identical(free[name], bound[name])
    assert free.attrs["scenario_sha256"] != bound.attrs["scenario_sha256"]


# ----------------------------------------------------------------- inheritance


def test_a_childs_target_replaces(study: Callable[..., Path]) -> None:
    study("levers: [law]\n", law=LAW)
    child = """\
title: Child
inherits: reference
targets:
  content: {of: recycled_content, at: {region: Rest}, at_least: 10 %}
"""
    result = run(study(child, name="child"))
    assert result.target_content.sel(region="Europe").isnull().all()
    assert (result.target_content.sel(region="Rest") == 0.1).all()


def test_levers_on_other_cells_stand_beside_each_other(study: Callable[..., Path]) -> None:
    other = LAW.replace("Co: {2004: 30 %, 2008: 90 %}", "Li: 5 %").replace("law2023", "act2024")
    result = run(study("levers: [law, act]\n", law=LAW, act=other))
    assert result.target_content.sel(year=2010, region="Europe").values.tolist() == [0.9, 0.05]
    assert result.target_content.attrs["source"] == "law2023; act2024"
    run(study("levers: [law, same]\n", law=LAW, same=LAW))  # equal: no conflict


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("30 %", "20 %"), "ask for different minima at material=Co, region=Europe"),
        (("recycled_content\n", "collection_rate\n"), "name different indicators"),
        (("    at: {region: Europe}\n", ""), "name different dimensions"),
    ],
)
def test_levers_that_contradict_each_other(
    study: Callable[..., Path], change: tuple[str, str], message: str
) -> None:
    path = study("levers: [law, act]\n", law=LAW, act=LAW.replace(*change))
    with pytest.raises(MfaError, match=message) as error:
        mfa.read_scenario(path)
    assert "'law'" in str(error.value) and "act.yaml:3:3" in str(error.value)


def test_a_lever_may_have_targets_only_but_not_nothing(study: Callable[..., Path]) -> None:
    with pytest.raises(MfaError, match="'set:', 'targets:' or both, and this one has neither"):
        mfa.read_scenario(study("levers: [idle]\n", idle="title: Idle\n"))


# -------------------------------------------------------------------- refusals

WRONG = {
    "of: recycled_contnt, at_least: 10 %": 'Did you mean "recycled_content"',
    "of: recycled_content, at_lest: 10 %": 'Did you mean "at_least"',
    "of: recycled_content": "'at_least' is missing",
    "of: recycled_content, at: {regio: Europe}, at_least: 1 %": 'Did you mean "region"',
    "of: recycled_content, at: {region: Europa}, at_least: 1 %": 'Did you mean "Europe"',
    "of: recycled_content, at_least: {Cu: 1 %}": "'Cu' is no label.*Co, Europe, Li, Rest",
    "of: recycled_content, at_least: 10 kt/yr": "a minimum is in t/yr, recycled_content is in 1",
    "of: recycled_content, at_least: 120 %": "a minimum of 120 % is asked for; a share lies",
    "of: recycled_content, at_least: {2004: 1.2}": "a minimum of 1.2 is asked for; a share lies",
    "of: demand, at_least: 10": "a minimum has no unit, demand is in t/yr",
    "of: recycled_content, at_least: {scale: 2}": "a minimum is a number",
    "of: recycled_content, at_least: {2004: {Co: 1 %}}": "a minimum is a number",
    "of: recycled_content, at_least: .nan": "nan is not a number that can be used",
    "of: demand, at_least: {Co: 1 t Li/yr}": "a minimum of Li is asked of Co",
    "of: demand, at_least: 1 kt LCE/yr": "a minimum of Li is asked of every material",
    "of: peak_year, at_least: 2040": "one number for all years",
    "of: in_use_stock_per_capita, at_least: 1 t/person": "no sum over 'region'",
    "of: made, at_least: 1 t/yr": "there is no 'made'",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_targets_are_refused_with_their_place(study: Callable[..., Path], text: str) -> None:
    path = study(f"targets:\n  mine: {{{text}}}\n")
    with pytest.raises(MfaError, match=WRONG[text]) as error:
        run(path)
    assert "reference.yaml:5:" in str(error.value)
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 2 and "reference.yaml:5:" in done.stderr
    assert not done.exception or isinstance(done.exception, SystemExit)


def test_names_of_targets(study: Callable[..., Path]) -> None:
    ask = "{of: recycled_content, at_least: 1 %}"
    with pytest.raises(MfaError, match="letters, digits and underscores"):
        run(study(f"targets:\n  my target: {ask}\n"))
    with pytest.raises(MfaError, match="'target_a_met' is there already"):
        run(study(f"targets:\n  a: {ask}\n  a_met: {ask}\n"))


def test_a_system_without_roles_says_so(study: Callable[..., Path], tmp_path: Path) -> None:
    path = study("targets:\n  mine: {of: recycled_content, at_least: 1 %}\n")
    (tmp_path / "systems" / "cans.yaml").write_text(SYSTEM.partition("roles:")[0], "utf-8")
    with pytest.raises(MfaError, match="the system has no roles, so there are no indicators"):
        run(path)
    run(study("targets:\n  mine: {of: mine_to_metal, at_least: 1 t/yr}\n"))


# ------------------------------------------------------- results and commands


def test_results_with_targets_are_saved_and_made_again(
    study: Callable[..., Path], tmp_path: Path
) -> None:
    result = run(study("levers: [law]\n", law=LAW))
    folder = mfa.save(result, tmp_path / "out")
    xr.testing.assert_identical(mfa.load(folder), result)
    (again,) = read_manifest(folder / "manifest.yaml")
    (clause,) = again.targets
    assert clause.giver == "law" and clause.place.line == 3
    made = mfa.run(again)
    for name in result.data_vars:
        xr.testing.assert_identical(made[name], result[name])
    assert made.attrs["scenario_sha256"] == result.attrs["scenario_sha256"]


def test_a_batch_has_the_targets_of_each(study: Callable[..., Path]) -> None:
    scenarios = [mfa.read_scenario(study(name="free"))]
    scenarios.append(mfa.read_scenario(study("levers: [law]\n", law=LAW)))
    both = mfa.run_batch(scenarios)
    assert both.target_content.sel(scenario="free").isnull().all()
    assert both.target_content.sel(scenario="reference").notnull().any()
    assert both.target_content.attrs["of"] == "indicator_recycled_content"


def test_run_check_and_show_tell_of_targets(study: Callable[..., Path], tmp_path: Path) -> None:
    path = str(study("levers: [law]\n", law=LAW))

    def call(*arguments: str) -> Any:
        done = CliRunner().invoke(main, [*arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "7 roles, 1 target, 2000–2010" in call("check", path)
    assert "targets     content" in call("show", path)
    told = call("run", path, "-o", str(tmp_path / "out"))
    assert "reference  content  Europe, Co  missed in 2008" in told
    summary = (tmp_path / "out" / "reference" / "summary.csv").read_text("utf-8")
    assert "reference,indicator_recycled_content,Co,2005,0.5,1" in summary
    assert "nan" not in summary
    shown = call("compare", str(tmp_path / "out" / "reference"))
    assert "secondary share [%]            Co        2010      100.0" in shown
    assert "peak of primary supply [year]  Co        2010       2000" in shown


def test_results_that_hold_less_are_compared_in_what_they_hold(
    study: Callable[..., Path], tmp_path: Path
) -> None:
    """``mfa compare results/*`` is one table, whatever systems and files lie there."""

    def call(*arguments: str, exit_code: int = 0) -> Any:
        done = CliRunner().invoke(main, [*arguments])
        assert done.exit_code == exit_code, done.output
        return done

    out = tmp_path / "out"
    call("run", str(study()), "-o", str(out))
    (tmp_path / "reference.yaml").rename(tmp_path / "few.yaml")
    few = SYSTEM.replace("[Co, Li]", "[Li, Zn]").partition("  primary_supply")[0]
    (tmp_path / "systems" / "cans.yaml").write_text(few, "utf-8")
    call("run", str(tmp_path / "few.yaml"), "-o", str(out))
    other = SYSTEM.replace("[Co, Li]", "[Pb]").replace("2000: 0 %, 2010: 100 %", "2000: 0 %")
    (tmp_path / "systems" / "cans.yaml").write_text(other, "utf-8")
    (tmp_path / "few.yaml").rename(tmp_path / "lead.yaml")
    call("run", str(tmp_path / "lead.yaml"), "-o", str(out))
    (out / "README.md").write_text("What lies here.", "utf-8")
    (out / "summary").mkdir()
    done = call("compare", *(str(path) for path in sorted(out.iterdir())))
    assert done.stderr == f"left out, no results: {out / 'README.md'}, {out / 'summary'}\n"
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[1][3:] == ["few", "lead", "reference"]
    assert ["demand", "Li", "2010", "20.0", "20.0"] in lines
    assert ["demand", "Zn", "2010", "20.0"] in lines
    peaks = [line[5:] for line in lines if line[0] == "peak"]
    assert peaks == [["Pb", "2010", "not", "yet"], ["Co", "2010", "2000"], ["Li", "2010", "2000"]]
    assert (
        "there is no result"
        in call("compare", str(out / "fw"), str(out / "few"), "--csv", exit_code=2).stderr
    )
    alone = call("compare", str(out / "README.md"), exit_code=2).stderr
    assert "cannot be read as netCDF" in alone
