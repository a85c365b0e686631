"""Laws of another parameter in scenario files, and laws that stand in the file of a fit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import mfa
from mfa import demand
from mfa.cli import main
from mfa.demand.fit_data import read_points
from mfa.demand.fit_files import write
from mfa.errors import MfaError

SYSTEM = """\
title: Steel
dimensions: {region: [A, B]}
parameters:
  gdp_per_capita: {dims: [year, region], unit: USD/person, min: 0}
  population: {dims: [year, region], unit: person}
  consumption: {dims: [year, region], unit: t/yr, min: 0}
processes:
  mine: {rule: source}
  use: {rule: sink, takes: consumption, from: mine}
"""
HEAD = """\
title: Growth
system: systems/steel.yaml
years: [2000, 2040]
set:
  gdp_per_capita: {2000: 4000 USD/person, 2040: 30000 USD/person}
  population: {A: 1e6 person, B: 2e6 person}
"""
LAW = (
    "  consumption: {law: gompertz, of: gdp_per_capita, times: population, "
    "saturation: 500 kg/person/yr, midpoint: 8000 USD/person, rate: 2e-4 person/USD%s}\n"
)
TRUE = {"saturation": {"A": 0.5, "B": 0.3}, "midpoint": 8e3, "rate": 2e-4}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "steel.yaml").write_text(SYSTEM, "utf-8")
    return tmp_path


def read(study: Path, text: str) -> mfa.Scenario:
    (study / "growth.yaml").write_text(HEAD + text, "utf-8")
    return mfa.read_scenario(study / "growth.yaml")


def table(study: Path, name: str, value: float | None = None, last: int = 2060) -> Path:
    """Write a table of the curve in TRUE (or of one value), with the income that goes with it."""
    rows = ["year,region,value,unit,gdp_per_capita,gdp_per_capita_unit"]
    for region, saturation in TRUE["saturation"].items():  # type: ignore[union-attr]
        for year in range(1990, last):
            income = 500.0 * (year - 1988)
            curve = demand.gompertz(
                income, saturation=saturation, midpoint=TRUE["midpoint"], rate=TRUE["rate"]
            )
            shown = float(1e3 * curve) if value is None else value
            unit = "kt/yr" if value is None else "person"
            rows.append(f"{year},{region},{shown!r},{unit},{income / 1e3!r},thousand USD/person")
    (study / name).write_text("\n".join(rows) + "\n", "utf-8")
    return study / name


def fit(study: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["fit", *words])
    assert done.exit_code == code, done.output
    return done.output


def written(study: Path, last: int = 2060) -> None:
    """Fit the table (in 1e6 t per million people) and write it where scenarios find it."""
    data, people = table(study, "steel.csv", last=last), table(study, "people.csv", 1e6)
    fit(
        study, str(data), "--law", "gompertz", "--by", "gdp_per_capita", "--per", str(people),
        "--group", "region", "-o", str(study / "steel.yaml"),
    )  # fmt: skip


def test_a_law_of_income_times_population(study: Path) -> None:
    parameters = mfa.build_parameters(read(study, LAW % ""))
    income, people = parameters.gdp_per_capita, parameters.population
    expected = demand.gompertz(income, saturation=0.5, midpoint=8e3, rate=2e-4) * people
    np.testing.assert_allclose(parameters.consumption, expected.transpose("year", "region"))
    assert parameters.consumption.attrs["units"] == "t/yr"
    shown = CliRunner().invoke(main, ["show", str(study / "growth.yaml"), "consumption"])
    assert shown.exit_code == 0 and "growth.yaml:7:16" in shown.output


def test_a_law_over_the_logarithm_of_income(study: Path) -> None:
    text = LAW.replace("2e-4 person/USD", "2") % ", scale: log"
    parameters = mfa.build_parameters(read(study, text))
    income, people = parameters.gdp_per_capita, parameters.population
    expected = 0.5 * np.exp(-((income / 8e3) ** -2.0)) * people
    np.testing.assert_allclose(parameters.consumption, expected.transpose("year", "region"))


def test_a_fit_stands_in_a_scenario_with_a_curve_for_each_label(study: Path) -> None:
    written(study)
    text = "  consumption: {fit: steel.yaml, of: gdp_per_capita, times: population}\n"
    parameters = mfa.build_parameters(read(study, text))
    for region, saturation in (("A", 0.5), ("B", 0.3)):
        own = parameters.sel(region=region)
        curve = demand.gompertz(own.gdp_per_capita, saturation=saturation, midpoint=8e3, rate=2e-4)
        np.testing.assert_allclose(own.consumption, curve * own.population, rtol=1e-6)
    one = (
        "  consumption: {A: {fit: steel.yaml, of: gdp_per_capita, times: population}, B: 1 t/yr}\n"
    )
    again = mfa.build_parameters(read(study, one))
    np.testing.assert_allclose(
        again.consumption.sel(region="A"), parameters.consumption.sel(region="A")
    )


def test_the_manifest_knows_the_numbers_of_a_fit(study: Path) -> None:
    written(study)
    text = "  consumption: {fit: steel.yaml, of: gdp_per_capita, times: population}\n"
    result = mfa.run(read(study, text))
    folder = mfa.save(result, study / "out") or study / "out"
    (study / "steel.yaml").unlink()
    again = mfa.run(mfa.read_scenario(Path(folder) / "manifest.yaml"))
    np.testing.assert_array_equal(again.consumption, result.consumption)


def test_a_saturation_that_is_not_identified_is_refused_unless_it_is_told(study: Path) -> None:
    written(study, last=1999)
    text = "  consumption: {fit: steel.yaml, of: gdp_per_capita, times: population%s}\n"
    with pytest.raises(MfaError, match=r"do not identify the saturation \(A, B\)"):
        read(study, text % "")
    told = read(study, text % ", saturation: 400 kg/person/yr")
    assert float(mfa.build_parameters(told).consumption.max()) <= 400e-3 * 2e6


REFUSED = {
    "an unknown parameter": (
        LAW.replace("of: gdp_per", "of: gpd_per") % "",
        'mean "gdp_per_capita"',
    ),
    "a circle": (
        LAW.replace("of: gdp_per_capita", "of: consumption") % "",
        "a circle: consumption",
    ),
    "a wrong unit": (LAW.replace("8000 USD/person", "8000 t") % "", "gives USD/person"),
    "a law over the years of income": (
        "  consumption: {law: growth, of: gdp_per_capita, start: 2000, level: 1 t/yr, rate: 0.1 1/yr}\n",
        "is one over the years; it has no 'of'",
    ),
    "a scale without an of": (
        "  consumption: {law: logistic, scale: log, saturation: 1 t/yr, midpoint: 2020, rate: 0.1 1/yr}\n",
        "log beside an 'of'",
    ),
    "a fit that is not there": (
        "  consumption: {fit: stell.yaml, of: gdp_per_capita}\n",
        "there is no file",
    ),
    "a fit that is a table": (
        "  consumption: {fit: steel.csv, of: gdp_per_capita}\n",
        "is the name of a YAML file that 'mfa fit' wrote, found 'steel.csv'",
    ),
    "a fit that is none": (
        "  consumption: {fit: systems/steel.yaml, of: gdp_per_capita}\n",
        "is no fit",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(study: Path, what: str) -> None:
    text, message = REFUSED[what]
    with pytest.raises(MfaError, match=message):
        mfa.build_parameters(read(study, text))


def test_the_command_says_what_is_identified_and_refuses_in_words(study: Path) -> None:
    data, people = table(study, "steel.csv", last=1999), table(study, "people.csv", 1e6)
    words = [str(data), "--law", "gompertz", "--by", "gdp_per_capita", "--per", str(people)]
    shown = fit(study, *words, "--where", "region=A")
    assert "not identified by the data" in shown and shown.startswith("gompertz, 9 points")
    assert "two values; choose with where=" in fit(study, *words, code=2)
    assert 'Did you mean "region"?' in fit(study, *words, "--where", "regio=A", code=2)
    assert "there is no column 'gdp'" in fit(
        study, str(data), "--law", "gompertz", "--by", "gdp", code=2
    )


def test_points_come_in_canonical_units(study: Path) -> None:
    x, y = read_points(
        table(study, "steel.csv"), "gdp_per_capita", group="region", years=(1995, 2000)
    )
    assert x.attrs["units"] == "USD/person" and y.attrs["units"] == "t/yr"
    assert x.sizes == {"year": 6, "region": 2}
    assert float(x.sel(year=2000, region="A")) == 6000.0


WIDE = """\
Model,Scenario,Region,Variable,Unit,2000,2020,2040
IIASA,SSP2,Alpha,GDP|PPP,billion US$2005/yr,4,,20
IIASA,SSP2,Alpha,Population,million,1,1.5,2
IIASA,SSP1,Alpha,Population,million,9,9,9
IIASA,SSP2,A,Population,million,3,4,5
IIASA,SSP2,B,Population,million,5,6,7
"""


def test_a_wide_table_of_a_scenario_database(study: Path) -> None:
    """Chosen by variable and scenario; labels may be the system's, or chosen one by one."""
    (study / "ssp.csv").write_text(WIDE, "utf-8")
    head = HEAD.replace("population: {A: 1e6 person, B: 2e6 person}", "")
    chosen = "where: {variable: Population, scenario: SSP2%s}, unit: million person, between: interpolate"
    law = LAW % ""
    whole = f"  population: {{table: ssp.csv, {chosen % ', region: Alpha'}}}\n"
    own = f"  population: {{A: {{table: ssp.csv, {chosen % ', region: Alpha'}}}, B: {{table: ssp.csv, {chosen % ''}}}}}\n"
    (study / "growth.yaml").write_text(head + own + law, "utf-8")
    system = (study / "systems" / "steel.yaml").read_text("utf-8")
    (study / "systems" / "steel.yaml").write_text(
        system.replace("population: {dims: [region]", "population: {dims: [year, region]"), "utf-8"
    )
    people = mfa.build_parameters(mfa.read_scenario(study / "growth.yaml")).population
    assert people.sel(region="A", year=[2000, 2010, 2020]).values.tolist() == [1e6, 1.25e6, 1.5e6]
    assert people.sel(region="B", year=[2000, 2040]).values.tolist() == [5e6, 7e6]
    (study / "growth.yaml").write_text(head + whole + law, "utf-8")
    with pytest.raises(MfaError, match="region"):
        mfa.build_parameters(mfa.read_scenario(study / "growth.yaml"))


def test_the_unit_of_a_database_has_to_be_said(study: Path) -> None:
    (study / "ssp.csv").write_text(WIDE, "utf-8")
    text = "  consumption: {A: {table: ssp.csv, where: {variable: Population, scenario: SSP2}}, B: 1 t/yr}\n"
    with pytest.raises(MfaError, match=r"ssp\.csv:5:25: consumption: .*million"):
        mfa.build_parameters(read(study, text))


def test_a_table_that_cannot_be_fitted_is_named_where_it_is_wrong(study: Path) -> None:
    data = table(study, "steel.csv", last=2000)
    text = data.read_text("utf-8")
    lines = text.splitlines()
    words = ["--law", "gompertz", "--by", "gdp_per_capita", "--where", "region=A"]
    for old, new, message in (
        ("kt/yr", "kg", "is of another kind than t/yr above it"),
        (lines[2].split(",")[2], "inf", "'inf' is not a number"),
        ("1991", "1991.5", "'1991.5' is not a calendar year"),
        (lines[2].split(",")[2], "-5", "negative observations"),
    ):
        changed = [*lines[:2], lines[2].replace(old, new, 1), *lines[3:]]
        data.write_text("\n".join(changed) + "\n", "utf-8")
        assert message in fit(study, str(data), *words, code=2)
    data.write_text(text, "utf-8")
    nobody = table(study, "nobody.csv", 0.0)
    assert "nothing can be divided" in fit(study, str(data), *words, "--per", str(nobody), code=2)
    assert "a fit is written as YAML" in fit(study, str(data), *words, "-o", str(data), code=2)
    assert data.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("midpoint:", "midway:", "is not what was fitted"),
        ("labels:", "label:", "no field 'label'"),
        ("identified:", "identity:", "no field 'identity'"),
        ("units:", "units: 5 #", "is no whole fit"),
        (
            "law: gompertz",
            "law: logistic",
            r"growth.yaml:7:22 \(from steel.yaml:\d:1\): .*not as it was written",
        ),
        ("sigma: ", "sigma: 3", "not as it was written"),
        ("sigma: ", "sigma: x", "'sigma' of the fit is 'x.*', which it cannot be"),
        ("interior: true", "interior: maybe", "'interior' of the fit is 'maybe'"),
        ("degrees: ", "degrees: -", "'degrees' of the fit is -136"),
        (
            "past_turning: [true, true]",
            "past_turning: [true]",
            r"'past_turning' of the fit has the shape \(1,\), not \(2,\)",
        ),
    ],
)
def test_an_edited_fit_is_not_taken(study: Path, old: str, new: str, message: str) -> None:
    written(study)
    file = study / "steel.yaml"
    file.write_text(file.read_text("utf-8").replace(old, new, 1), "utf-8")
    text = "  consumption: {fit: steel.yaml, of: gdp_per_capita, times: population}\n"
    with pytest.raises(MfaError, match=message):
        read(study, text)


def test_a_fit_in_a_wrong_unit_is_told_in_both_files(study: Path) -> None:
    written(study)
    data = table(study, "steel.csv")
    fit(
        study, str(data), "--law", "gompertz", "--by", "gdp_per_capita", "--group", "region",
        "-o", str(study / "steel.yaml"),
    )  # fmt: skip
    text = "  consumption: {fit: steel.yaml, of: gdp_per_capita, times: population}\n"
    with pytest.raises(MfaError) as caught:
        mfa.build_parameters(read(study, text))
    told = r"growth.yaml:7:22 \(from steel.yaml:\d:15\): consumption: the unit gives t/yr"
    assert re.search(told, str(caught.value))
    written(study)
    told = read(study, text.replace("}", ", midpoint: 3 t}"))
    with pytest.raises(MfaError, match=r"growth\.yaml:7:83: consumption: the unit gives t,"):
        mfa.build_parameters(told)


def test_a_law_of_years_and_one_of_income_are_not_taken_for_each_other(study: Path) -> None:
    data, people = table(study, "steel.csv"), table(study, "people.csv", 1e6)
    of = "  consumption: {fit: steel.yaml, of: gdp_per_capita, times: population}\n"
    plain = of.replace("of: gdp_per_capita, ", "")
    for by, right, wrong, message in (
        ("year", plain, of, r"growth\.yaml:7:38: .*was fitted over years: leave 'of' out"),
        ("gdp_per_capita", of, plain, "fitted over something in USD/person: say 'of'"),
    ):
        fit(
            study, str(data), "--law", "gompertz", "--by", by, "--per", str(people),
            "--group", "region", "-o", str(study / "steel.yaml"),
        )  # fmt: skip
        assert float(mfa.build_parameters(read(study, right)).consumption.max()) < 6e5
        with pytest.raises(MfaError, match=message):
            read(study, wrong)


def test_a_law_of_a_share_without_unit_is_none_of_years(study: Path) -> None:
    """x without a unit need not be a calendar year."""
    rows = ["year,towns,value,unit"]
    rows += [
        f"{1950 + i},{0.2 + 0.01 * i!r},"
        f"{float(demand.logistic(0.2 + 0.01 * i, saturation=9e3, midpoint=0.5, rate=12.0))!r},t/yr"
        for i in range(75)
    ]
    (study / "towns.csv").write_text("\n".join(rows) + "\n", "utf-8")
    fit(
        study, str(study / "towns.csv"), "--law", "logistic", "--by", "towns",
        "-o", str(study / "towns.yaml"),
    )  # fmt: skip
    with pytest.raises(MfaError, match="fitted over a number without unit: say 'of'"):
        read(study, "  consumption: {fit: towns.yaml}\n")
    file = study / "systems" / "steel.yaml"
    file.write_text(SYSTEM.replace("parameters:", "parameters:\n  towns: {dims: [], unit: 1}"))
    told = read(study, "  towns: 0.5\n  consumption: {fit: towns.yaml, of: towns}\n")
    np.testing.assert_allclose(mfa.build_parameters(told).consumption, 4.5e3, rtol=1e-6)


def test_a_fit_with_covariates_needs_a_saturation_in_a_scenario(study: Path) -> None:
    income = np.linspace(1e3, 40e3, 60)
    towns = np.random.default_rng(0).uniform(0.2, 0.9, 60)
    used = demand.logistic(income, saturation=0.5 * np.exp(towns), midpoint=9e3, rate=3e-4)
    unit = {"units": "USD/person"}
    found = demand.fit(
        "logistic",
        xr.DataArray(income, dims="place", attrs=unit),
        xr.DataArray(used, dims="place", attrs={"units": "t/person/yr"}),
        covariates={"towns": towns},
    )
    write(found, study / "steel.yaml")
    text = "  consumption: {fit: steel.yaml, of: gdp_per_capita, times: population%s}\n"
    with pytest.raises(MfaError, match=r"depends on covariates \(towns\)"):
        read(study, text % "")
    told = read(study, text % ", saturation: 400 kg/person/yr")
    assert 0.39 * 2e6 < float(mfa.build_parameters(told).consumption.max()) < 0.4 * 2e6


def test_points_that_lack_something_are_told_with_their_years(study: Path) -> None:
    data, people = table(study, "steel.csv"), table(study, "people.csv", 1e6)
    words = ["--law", "gompertz", "--by", "gdp_per_capita", "--per", str(people)]
    assert "left out" not in fit(study, str(data), *words, "--group", "region")
    lines = people.read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("1990,A", "1995,A", "1996,A"))]
    people.write_text("\n".join(kept) + "\n", "utf-8")
    shown = fit(study, str(data), *words, "--group", "region")
    told = f"3 of 140 points left out, which have nothing in {people}: A 1990, 1995–1996\n"
    assert told in shown and shown.startswith("gompertz, 137 points")
    assert "left out" not in fit(study, str(data), *words, "--group", "region", "--first", "1997")


def test_the_command_refuses_what_would_be_nonsense(study: Path) -> None:
    data, people = table(study, "steel.csv"), table(study, "people.csv", 1e6)
    one = [str(data), "--where", "region=A"]
    for words, message in (
        (["--law", "gompertz", "--by", "year", "--where", "value=x"], "no row has value 'x'"),
        (["--law", "gompertz", "--by", "value"], "cannot be a function of itself"),
        (
            ["--law", "bass", "--by", "year", "--per", str(people)],
            "is one of years since the launch",
        ),
        (["--law", "fisher_pry", "--by", "year", "--per", str(people)], "y is in t/person/yr"),
        (["--law", "gompertz", "--by", "year", "--where", "region"], "COLUMN=LABEL"),
        (["--law", "gompertz", "--by", "year", "--first", "2050", "--last", "2000"], "lies after"),
        (["--law", "gompertz", "--by", "year", "--first", "2070"], "no year has both"),
    ):
        assert message in fit(study, *one, *words, code=2)


def test_the_command_shows_units_doubts_and_what_it_wrote(study: Path) -> None:
    data, people = table(study, "steel.csv"), table(study, "people.csv", 1e6)
    words = [str(data), "--by", "gdp_per_capita", "--per", str(people), "--where", "region=A"]
    out = str(study / "out.yaml")
    shown = fit(study, *words, "--law", "richards", "-o", out)
    assert "t/person/yr" in shown and " person/USD" in shown and f"wrote {out}" in shown
    assert "the saturation is not identified: the optimum lies on a bound" in shown


def test_a_label_or_unit_that_is_unknown_is_shown_with_its_place(study: Path) -> None:
    data = table(study, "steel.csv")
    words = ["--law", "gompertz", "--by", "year"]
    (study / "names.csv").write_text(
        "year,value,unit,place\n2000,1,t,Brazil\n2001,2,bananas,Brazil\n", "utf-8"
    )
    names = str(study / "names.csv")
    told = fit(study, names, *words, "--where", "place=Brasil", code=2)
    assert "names.csv:2:" in told and 'Did you mean "Brazil"?' in told
    assert "names.csv:3:8: unknown unit 'bananas'" in fit(study, names, *words, code=2)
    told = fit(study, str(data), *words, code=2)
    assert "1990 has two values; choose with where= (--where), or name the group" in told


def test_a_driver_of_the_world_holds_for_all_groups(study: Path) -> None:
    data = table(study, "steel.csv")
    lines = ["year,value,unit"] + [
        f"{year},{500.0 * (year - 1988)!r},USD/person" for year in range(1990, 2060)
    ]
    (study / "world.csv").write_text("\n".join(lines) + "\n", "utf-8")
    words = [str(data), "--law", "gompertz", "--group", "region"]
    one = fit(study, *words, "--by", str(study / "world.csv"))
    other = fit(study, *words, "--by", "gdp_per_capita")
    assert one == other and one.startswith("gompertz, 140 points")


def test_a_saturation_that_is_open_is_not_shown_with_a_small_error(study: Path) -> None:
    rows = [f"{1960 + i},{1.02**i!r},t/yr" for i in range(60)]
    (study / "grows.csv").write_text("\n".join(["year,value,unit", *rows]) + "\n", "utf-8")
    shown = fit(study, str(study / "grows.csv"), "--law", "gompertz", "--by", "year")
    assert "± inf t/yr   not identified by the data" in shown
