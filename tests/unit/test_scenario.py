"""Scenarios: what inheritance and levers may not do silently."""

from pathlib import Path

import numpy as np
import pytest

import mfa

SHIPPED = Path(__file__).parents[2] / "scenarios"


def test_a_lever_of_the_parent_is_not_applied_again(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "scenarios"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("raw", "__pycache__"))
    child = folder / "child.yaml"
    child.write_text("title: Child\ninherits: lfp_shift\nlevers: [lfp_in_cars]\n")
    with pytest.raises(mfa.MfaError) as error:
        mfa.read_scenario(child)
    assert str(error.value) == (
        f"{child}:3:10: lever 'lfp_in_cars' is named twice (first in 'lfp_shift', which is inherited)"
    )


SYSTEM = """\
title: Small
dimensions: {region: [CN, DE]}
parameters:
  rate: {dims: [year, region], default: 0.5}
  life: {unit: yr, default: 3 yr}
processes: {}
"""


@pytest.fixture
def small(tmp_path: Path) -> mfa.Scenario:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    root = tmp_path / "root.yaml"
    root.write_text("title: Root\nsystem: system.yaml\nyears: [2020, 2022]\n", encoding="utf-8")
    return mfa.read_scenario(root)


def test_a_labelled_array_can_be_given_with_its_unit(small: mfa.Scenario) -> None:
    by_region = mfa.array([0.1, 0.2], region=["CN", "DE"])
    path = mfa.array([[0.1, 0.3], [0.2, 0.4]], region=["CN", "DE"], year=[2020, 2022])
    life = mfa.build_parameters(small.override(life=mfa.array(12, "yr")))["life"]
    assert (life.item(), life.attrs["units"]) == (12.0, "yr")
    rate = mfa.build_parameters(small.override(rate=by_region))["rate"]
    assert rate.sel(year=2021).values.tolist() == [0.1, 0.2]
    rate = mfa.build_parameters(small.override(rate=path))["rate"]
    assert rate.sel(region="CN").values == pytest.approx([0.1, 0.2, 0.3], rel=1e-15)


def test_the_unit_of_a_labelled_array_is_checked(small: mfa.Scenario) -> None:
    with pytest.raises(mfa.MfaError, match="the unit gives t, this needs a unit that gives yr"):
        mfa.build_parameters(small.override(life=mfa.array(12, "t")))


def test_what_override_refuses(small: mfa.Scenario) -> None:
    with pytest.raises(mfa.MfaError, match=r"override\(\): rate: an array without labels"):
        small.override(rate=np.array([0.5, 0.6]))
    with pytest.raises(mfa.MfaError, match="the title is a text, not 3"):
        small.override(title=3)  # type: ignore[arg-type]
    with pytest.raises(mfa.MfaError, match="values are given by name"):
        small.override({"rate": 0.5})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [None, 3])
def test_a_scenario_is_read_from_a_name(name: object) -> None:
    with pytest.raises(mfa.MfaError, match=f"{name} is not the name of a file"):
        mfa.read_scenario(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [2000.5, "2000", True])
def test_years_are_whole(first: object) -> None:
    with pytest.raises(mfa.MfaError, match="is not a calendar year"):
        mfa.years(first, 2010)  # type: ignore[arg-type]


def test_two_systems_have_items_of_their_own_in_one_folder(tmp_path: Path) -> None:
    """``{all: folder}`` names the labels and their values; the folder of the usual name is not read."""
    for folder, share in {"metals": 0.25, "materials": 0.75}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Li.yaml").write_text(f"share: {share}\n", encoding="utf-8")
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "own.yaml").write_text(
        "title: Own\n"
        "dimensions: {material: {all: metals}}\n"
        "parameters: {share: {dims: [material]}}\n"
        "processes: {}\n",
        encoding="utf-8",
    )
    (tmp_path / "root.yaml").write_text(
        "title: Root\nsystem: systems/own.yaml\nyears: [2020, 2021]\n", encoding="utf-8"
    )
    scenario = mfa.read_scenario(tmp_path / "root.yaml")
    assert scenario.system.dimensions == {"material": ("Li",)}
    assert float(mfa.build_parameters(scenario)["share"].sel(material="Li")) == 0.25
    assert [given.giver for given in scenario.given] == ["metals/Li"]
