"""Value forms, layers, levers and overrides become arrays; every number here is checked by hand."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mfa
from mfa.errors import MfaError
from mfa.parameters import origins

SYSTEM = """
title: Parameters only
conserves: material
dimensions:
  region: [NA, 'NO']
  technology: [LFP, NMC]
  origin: {like: region}
  material: [Li, Co]
parameters:
  number:    {}
  rate:      {dims: [year], min: 0, max: 1}
  share:     {dims: [region], min: 0, max: 1, sums: region}
  mass:      {dims: [year], unit: kt/yr, min: 0}
  sales:     {dims: [year, region], unit: vehicle/yr}
  life:      {dims: [technology], unit: yr}
  content:   {dims: [technology, material], unit: kg/vehicle}
  mix:       {dims: [year, technology], min: 0, max: 1, sums: technology}
  trade:     {dims: [region, origin]}
  withdrawn: {default: 0.5}
processes: {}
"""

FILLED = """
number: 1
rate: 10 %
share: {NA: 0.25, 'NO': rest}
mass: 2 kt/yr
sales: 100 vehicle/yr
life: 10 yr
content: 1 kg/vehicle
mix: {LFP: 0.5, NMC: rest}
trade: 1
"""

Write = Callable[..., mfa.Scenario]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes files and reads the scenario `case` (child of `base`)."""

    def make(
        set: str = "", levers: dict[str, str] | None = None, base: str = FILLED, **others: str
    ) -> mfa.Scenario:
        def put(name: str, text: str) -> None:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")

        def block(text: str) -> str:
            lines = textwrap.dedent(text).strip().splitlines()
            return "set:\n" + "".join(f"  {line}\n" for line in lines) if lines else ""

        put("system.yaml", SYSTEM)
        put("base.yaml", "title: Base\nsystem: system.yaml\nyears: [2020, 2025]\n" + block(base))
        names = f"levers: [{', '.join(levers)}]\n" if levers else ""
        put("case.yaml", "title: Case\ninherits: base\n" + names + block(set))
        for name, text in (levers or {}).items():
            put(f"levers/{name}.yaml", f"title: {name}\n" + block(text))
        for name, text in others.items():
            put(name.replace("__", "/").replace("_csv", ".csv").replace("_yaml", ".yaml"), text)
        return mfa.read_scenario(tmp_path / "case.yaml")

    return make


def values(scenario: mfa.Scenario, name: str, **labels: str) -> Any:
    data = mfa.build_parameters(scenario)[name]
    return pytest.approx(data.sel(labels).values.tolist(), rel=1e-12, abs=1e-12)


def message(make: Callable[[], Any], folder: Path | None = None) -> str:
    with pytest.raises(MfaError) as caught:
        make()
    return str(caught.value).replace(f"{folder}/", "")


# ------------------------------------------------------------------- forms

TABLE = "year,value,unit\n2021,10,kt/yr\n2023,30000,t/yr\n"
FORMS: dict[str, tuple[str, str, list[float]]] = {
    "a number": ("rate: 0.25", "rate", [0.25] * 6),
    "a number in powers of ten": ("rate: 1e-3", "rate", [0.001] * 6),
    "text with a unit": ("rate: 25 %", "rate", [0.25] * 6),
    "another unit of mass": ("mass: 3 Mt/yr", "mass", [3e6] * 6),
    "zero needs no unit": ("mass: 0", "mass", [0.0] * 6),
    "a path": ("rate: {2021: 0.1, 2023: 30 %}", "rate", [0.1, 0.1, 0.2, 0.3, 0.3, 0.3]),
    "a path of one year": ("rate: {2030: 0.4}", "rate", [0.4] * 6),
    "a law": (
        "mass: {law: growth, start: 2020, level: 1 kt/yr, rate: 100 %/yr}",
        "mass",
        [1e3, 2e3, 4e3, 8e3, 16e3, 32e3],
    ),
    "a logistic": (
        "mass: {law: logistic, saturation: 8 t/yr, midpoint: 2023, rate: 50 %/yr}",
        "mass",
        [8 / (1 + math.exp(-0.5 * (year - 2023))) for year in range(2020, 2026)],
    ),
    "a path at twice its pace": (
        "mass: {law: paced, path: {2020: 0, 2030: 10 t/yr}, start: 2020, midpoint: 2022.5}",
        "mass",
        [0, 2, 4, 6, 8, 10],
    ),
    "a table that is held": (
        "mass: {table: a.csv, before: hold, after: hold, between: interpolate}",
        "mass",
        [10e3, 10e3, 20e3, 30e3, 30e3, 30e3],
    ),
    "a table with values outside": (
        "mass: {table: a.csv, before: 0, after: 5 kt/yr, between: interpolate}",
        "mass",
        [0, 10e3, 20e3, 30e3, 5e3, 5e3],
    ),
    "observed, then by ratio": (
        "mass: {observed: {table: b.csv}, then: {2020: 1 t/yr, 2025: 6 t/yr}}",
        "mass",
        [2e3, 4e3, 6e3, 8e3, 10e3, 12e3],
    ),
    "observed, then by offset": (
        "mass: {observed: {table: b.csv}, then: {2020: 1 kt/yr, 2025: 6 kt/yr}, join: offset}",
        "mass",
        [2e3, 4e3, 5e3, 6e3, 7e3, 8e3],
    ),
    "observed, then interpolated": (
        "mass: {observed: {table: b.csv}, then: {2024: 10 kt/yr}, join: interpolate}",
        "mass",
        [2e3, 4e3, 6e3, 8e3, 10e3, 10e3],
    ),
    "observed to the last year of the run": (
        "mass: {observed: {table: a.csv, before: hold, after: hold, between: interpolate}, "
        "then: {2030: 1 kt/yr}, join: interpolate}",
        "mass",
        [10e3, 10e3, 20e3, 30e3, 30e3, 30e3],
    ),
    "observed, then another level": (
        "mass: {observed: {table: b.csv}, then: 1 kt/yr, join: none}",
        "mass",
        [2e3, 4e3, 1e3, 1e3, 1e3, 1e3],
    ),
    "observed until an earlier year": (
        "mass: {observed: {table: b.csv}, then: 1 kt/yr, join: none, until: 2020}",
        "mass",
        [2e3, 1e3, 1e3, 1e3, 1e3, 1e3],
    ),
    "scaled": ("mass: {scale: 1.5}", "mass", [3e3] * 6),
    "scaled along a path": (
        "mass: {scale: {2020: 1, 2025: 2}}",
        "mass",
        [2e3, 2.4e3, 2.8e3, 3.2e3, 3.6e3, 4e3],
    ),
    "an amount added": ("mass: {add: 500 t/yr}", "mass", [2.5e3] * 6),
    "a rest with a reason": (
        "share: {NA: 0.25, 'NO': {value: rest, reason: what is left}}",
        "share",
        [0.25, 0.75],
    ),
    "a value with its source": (
        "rate: {value: 20 %, source: some2019, normal: [20 %, 4 %]}",
        "rate",
        [0.2] * 6,
    ),
    "a change with its reason": ("mass: {scale: 2, reason: a guess}", "mass", [4e3] * 6),
}


@pytest.mark.parametrize("what", FORMS)
def test_forms(what: str, write: Write) -> None:
    text, name, expected = FORMS[what]
    tables = {"a_csv": TABLE, "b_csv": "year,value,unit\n2020,2,kt/yr\n2021,4,kt/yr\n"}
    assert expected == values(write(text, **tables), name)


def test_units_and_origin_years_of_the_dataset(write: Write) -> None:
    data = mfa.build_parameters(write())
    assert data.mass.attrs["units"] == "t/yr"
    assert data.content.attrs["units"] == "t/vehicle"
    assert data.year.values.tolist() == list(range(2020, 2026))
    assert data.sales.dims == ("year", "region")
    assert data.region.values.tolist() == ["NA", "NO"]


def test_items_and_their_rest(write: Write) -> None:
    found = write("mix: {LFP: {2020: 0.2, 2025: 0.7}, NMC: rest}")
    assert values(found, "mix", technology="LFP") == [0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert values(found, "mix", technology="NMC") == [0.8, 0.7, 0.6, 0.5, 0.4, 0.3]


def test_items_nest_and_merge_cell_by_cell(write: Write) -> None:
    found = write("content: {LFP: {Li: 5 kg/vehicle}}")
    assert [list(row) for row in mfa.build_parameters(found).content.values] == [
        [0.005, 0.001],
        [0.001, 0.001],
    ]


def test_a_path_is_replaced_whole(write: Write) -> None:
    base = FILLED.replace("rate: 10 %", "rate: {2020: 0, 2025: 1}")
    assert values(write("rate: {2022: 0.5}", base=base), "rate") == [0.5] * 6


LAW = FILLED.replace(
    "sales: 100 vehicle/yr", "sales: {law: growth, start: 2020, level: 8 vehicle/yr, rate: 0}"
)


FLAT = FILLED.replace(
    "sales: 100 vehicle/yr",
    "sales: {law: logistic, saturation: 4 vehicle/yr, midpoint: 2000, rate: 0}",
)


def test_named_fields_change_the_inherited_law(write: Write) -> None:
    found = write("sales: {rate: 100 %/yr}", base=LAW)
    assert values(found, "sales", region="NA") == [8, 16, 32, 64, 128, 256]


def test_fields_of_one_label_only(write: Write) -> None:
    """The logistic of NA stays; at its midpoint the one of NO is at half its saturation."""
    found = write("sales: {'NO': {midpoint: 2021, rate: 100 %/yr}}", base=FLAT)
    assert values(found, "sales", region="NA") == [2] * 6
    assert [4 / (1 + math.exp(-(year - 2021))) for year in range(2020, 2026)] == values(
        found, "sales", region="NO"
    )


def test_items_within_the_fields_of_a_law(write: Write) -> None:
    law = "sales: {law: growth, start: 2020, level: {NA: 3 vehicle/yr, 'NO': 5 vehicle/yr}, rate: 100 %/yr}"
    found = write(law)
    assert values(found, "sales", region="NA") == [3, 6, 12, 24, 48, 96]
    assert values(found, "sales", region="NO") == [5, 10, 20, 40, 80, 160]
    changed = write(
        "sales: {rate: {NA: 0, 'NO': 100 %/yr}}", base=FILLED.replace("sales: 100 vehicle/yr", law)
    )
    assert values(changed, "sales", region="NA") == [3] * 6
    assert values(changed, "sales", region="NO") == [5, 10, 20, 40, 80, 160]


def test_a_table_with_regions_called_na_and_no(write: Write) -> None:
    rows = "".join(
        f"{year},{r},{v},vehicle/yr\n"
        for year in range(2020, 2026)
        for r, v in (("NA", year - 2020), ("NO", 7))
    )
    found = write("sales: {table: s.csv}", s_csv="year,region,value,unit\n" + rows)
    assert values(found, "sales", region="NA") == [0, 1, 2, 3, 4, 5]
    assert values(found, "sales", region="NO") == [7] * 6


def test_rows_chosen_from_a_wider_table(write: Write) -> None:
    table = "case,region,value\nlow,NA,0.4\nlow,NO,0.6\nhigh,NA,0.9\nhigh,NO,0.1\n"
    assert values(write("share: {table: s.csv, where: {case: high}}", s_csv=table), "share") == [
        0.9,
        0.1,
    ]


# ------------------------------------------------------------------ layers


def test_layers_from_the_weakest_to_the_strongest(write: Write) -> None:
    item = {
        "technologies__LFP_yaml": "title: LFP\nlife: 8 yr\n",
        "technologies__NMC_yaml": "title: NMC\nlife: 9 yr\n",
    }
    plain = FILLED.replace("life: 10 yr\n", "")
    assert mfa.build_parameters(write()).withdrawn == 0.5
    assert values(write(base=plain, **item), "life") == [8, 9]
    assert values(write(base=plain + "life: {NMC: 11 yr}\n", **item), "life") == [8, 11]
    lever = {"longer": "life: {NMC: 12 yr}"}
    assert values(write(base=plain + "life: {NMC: 11 yr}\n", levers=lever, **item), "life") == [
        8,
        12,
    ]
    own = write("life: {LFP: 13 yr}", base=plain, levers=lever, **item)
    assert values(own, "life") == [13, 12]
    assert values(own.override(life={"LFP": "14 yr"}), "life") == [14, 12]
    assert values(own.override(life={"LFP": "14 yr"}).set("life=15 yr"), "life") == [15, 15]


def test_levers_that_scale_multiply_and_levers_that_add_sum(write: Write) -> None:
    found = write(levers={"a": "mass: {scale: 1.5}", "b": "mass: {scale: 2}"})
    assert values(found, "mass") == [6e3] * 6
    found = write(levers={"a": "mass: {add: 1 kt/yr}", "b": "mass: {add: 500 t/yr}"})
    assert values(found, "mass") == [3.5e3] * 6


def test_the_order_of_scaling_levers_is_irrelevant(write: Write) -> None:
    a, b = "mass: {scale: 1.1}", "mass: {scale: 0.7}"
    one, other = write(levers={"a": a, "b": b}), write(levers={"b": b, "a": a})
    assert mfa.build_parameters(one).mass.values.tolist() == values(other, "mass")


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        ("mass: 1 kt/yr", "mass: 2 kt/yr", ("replace", "replace")),
        ("mass: 1 kt/yr", "mass: {scale: 2}", ("replace", "scale")),
        ("mass: {add: 1 kt/yr}", "mass: {scale: 2}", ("add", "scale")),
    ],
)
def test_two_levers_on_one_cell(
    one: str, other: str, kinds: tuple[str, str], write: Write, tmp_path: Path
) -> None:
    at = other.index(" ") + 4
    assert message(lambda: write(levers={"a": one, "b": other}), tmp_path) == (
        f"levers/b.yaml:3:{at}: mass: levers 'a' ({kinds[0]}, levers/a.yaml:3:{at}) and 'b' "
        f"({kinds[1]}) both set "
        "all cells; keep one, or let both scale"
    )


def test_two_levers_on_different_cells_do_not_meet(write: Write) -> None:
    found = write(levers={"a": "life: {LFP: 5 yr}", "b": "life: {NMC: 6 yr}"})
    assert values(found, "life") == [5, 6]


def test_override_and_set_leave_the_scenario_as_it_was(write: Write) -> None:
    plain = write()
    changed = plain.override(title="Twice as much", mass={"scale": 2}, rate=0.75)
    assert values(changed, "mass") == [4e3] * 6
    assert values(changed, "rate") == [0.75] * 6
    assert values(plain, "mass") == [2e3] * 6
    assert (changed.title, changed.name, plain.name) == ("Twice as much", "twice_as_much", "case")
    assert changed.lineage == ("Twice as much", "case", "base")
    typed = plain.set("rate={2020: 0, 2025: 50 %}", "mass=7 kt/yr")
    assert values(typed, "rate") == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert values(typed, "mass") == [7e3] * 6
    assert typed.name == "case"


def test_where_each_value_came_from(write: Write, tmp_path: Path) -> None:
    found = write("life: {NMC: 11 yr}", levers={"longer": "life: {scale: 2}"})
    cells = {cell["technology"]: entry for cell, entry in origins(found, "life")}
    assert [(a.layer, a.giver) for a in cells["LFP"].origins] == [
        ("set", "base"),
        ("lever", "longer"),
    ]
    assert [str(a.place).replace(f"{tmp_path}/", "") for a in cells["LFP"].origins] == [
        "base.yaml:10:9",
        "levers/longer.yaml:3:9",
    ]
    assert [(a.layer, a.giver) for a in cells["NMC"].origins] == [("set", "case")]
    assert str(cells["NMC"].origins[0].place).endswith("case.yaml:5:15")
    [(cell, entry)] = origins(found.set("number=3"), "number")
    assert (cell, entry.origins[0].layer, str(entry.origins[0].place)) == (
        {},
        "override",
        "--set number=3:1:8",
    )
    [(_, default)] = origins(found, "withdrawn")
    assert (default.origins[0].layer, default.origins[0].giver) == ("default", "system")


# ------------------------------------------------------------------ refused

WRONG: dict[str, tuple[str, str]] = {
    "an unknown parameter": (
        "rtae: 1",
        "case.yaml:4:3: unknown parameter 'rtae'. Did you mean \"rate\"?",
    ),
    "an unknown label": (
        "life: {LFP: 1 yr, NCM: 2 yr}",
        "case.yaml:4:21: life: 'technology' has no label 'NCM'. Did you mean \"NMC\"? (labels: LFP, NMC)",
    ),
    "labels of two dimensions": (
        "trade: {NA: 1}",
        "case.yaml:4:10: trade: NA are labels of region and of origin; write {region: {NA: …}}",
    ),
    "a missing unit": (
        "mass: 3",
        "case.yaml:4:9: mass: 3 has no unit; write it with one, like '3 t/yr'",
    ),
    "a wrong unit": (
        "mass: 3 kt",
        "case.yaml:4:9: mass: the unit gives t, this needs a unit that gives t/yr",
    ),
    "an unknown unit": ("mass: 3 kr/yr", "case.yaml:4:9: mass: unknown unit 'kr' in 'kr/yr'."),
    "another element than the cell's": (
        "content: {Co: 3 kg Li/vehicle}",
        "case.yaml:4:17: content: the unit names Li, but the value is for Co",
    ),
    "NaN": (
        "rate: .nan",
        "case.yaml:4:9: rate: nan is not a number that can be used; leave absent cells out",
    ),
    "nothing": ("rate:", "rate: nothing is written here; give a number, or a text with a unit"),
    "a list": (
        "rate: [1, 2]",
        "case.yaml:4:9: rate: [1, 2] is not a value; give a number, a text with a unit or a form",
    ),
    "above its bound": (
        "rate: {2020: 0, 2025: 125 %}",
        "case.yaml:4:25: rate: 1.25 at year=2025 is above its bound 1",
    ),
    "below its bound": (
        "mass: -1 kt/yr",
        "case.yaml:4:9: mass: -1 kt/yr at year=2020 is below its bound 0 kt/yr",
    ),
    "shares over 1": (
        "share: {NA: 0.5, 'NO': 0.75}",
        "case.yaml:4:15: share: shares over region sum to 1.25 at its only cell, not to 1; let "
        "one of them be 'rest'",
    ),
    "a path for what does not change": (
        "life: {2020: 1 yr}",
        "case.yaml:4:9: life: values change over years, but the parameter has no dimension 'year'",
    ),
    "an unknown law": (
        "mass: {law: logistik}",
        "case.yaml:4:15: mass: unknown law 'logistik'. Did you mean \"logistic\"?",
    ),
    "a law without a field": (
        "mass: {law: growth, start: 2020, rate: 0}",
        "case.yaml:4:9: mass: law 'growth' needs the field 'level'",
    ),
    "a law with an unknown field": (
        "mass: {law: growth, begin: 2020}",
        "case.yaml:4:23: mass: law 'growth' has no field 'begin'.",
    ),
    "a field where no law is": (
        "rate: {midpoint: 2030}",
        "case.yaml:4:10: rate: 'midpoint' is no field of the inherited value (it is no "
        "law), and no label can stand here",
    ),
    "a missing table": ("mass: {table: none.csv}", "case.yaml:4:17: mass: there is no file"),
    "a table outside": (
        "mass: {table: ../a.csv}",
        "case.yaml:4:17: mass: '../a.csv' lies outside the folder",
    ),
    "an unknown join": (
        "mass: {observed: {table: b.csv}, then: 0, join: ratoi}",
        "case.yaml:4:51: mass: unknown join 'ratoi'. Did you mean \"ratio\"?",
    ),
    "scale and add at once": (
        "mass: {scale: 2, add: 1 kt/yr}",
        "case.yaml:4:9: mass: 'scale' and 'add' at once: their order would decide; write one",
    ),
    "two distributions": (
        "rate: {value: 0.1, normal: [0, 1], uniform: [0, 1]}",
        "case.yaml:4:38: rate: two distributions: normal and uniform",
    ),
    "a rest alone": ("rate: rest", "case.yaml:4:9: rate: 'rest' needs the other labels beside it"),
    "a gap in a table": (
        "mass: {table: a.csv, before: hold, after: hold}",
        "case.yaml:4:17: mass: table 'a.csv' has a gap: no value for the only cell in 2022; "
        "add the row or write "
        "'between: interpolate'",
    ),
    "years that a table lacks": (
        "mass: {table: a.csv, between: interpolate}",
        "case.yaml:4:17: mass: no value for its only cell in 2020–2025; table 'a.csv' needs "
        "every label and year, or "
        "'before:', 'after:' (hold, or a value)",
    ),
    "a label that a table should not have": (
        "sales: {table: c.csv}",
        "c.csv:2:6: sales: 'region' has no label 'DK'. (labels: NA, NO)",
    ),
    "a cell given twice": (
        "mass: {table: d.csv}",
        "d.csv:3:1: mass: year=2020 is given twice, first in line 2; keep one, or choose rows with 'where:'",
    ),
    "text in a table": ("mass: {table: e.csv}", "e.csv:2:6: mass: 'n.a.' is not a number"),
    "a column that is no dimension": (
        "mass: {table: f.csv}",
        "f.csv:1:6: mass: column 'regoin' is no dimension of the parameter.",
    ),
    "a wrong unit in a table": (
        "mass: {table: g.csv}",
        "g.csv:2:8: mass: the unit 'kt' gives t, this needs a unit that gives t/yr",
    ),
}
TABLES = {
    "a_csv": TABLE,
    "b_csv": "year,value,unit\n2020,2,kt/yr\n",
    "c_csv": "year,region,value,unit\n2020,DK,1,vehicle/yr\n",
    "d_csv": "year,value,unit\n2020,1,t/yr\n2020,1,t/yr\n",
    "e_csv": "year,value,unit\n2020,n.a.,t/yr\n",
    "f_csv": "year,regoin,value,unit\n2020,NA,1,t/yr\n",
    "g_csv": "year,value,unit\n2020,1,kt\n",
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_values(what: str, write: Write, tmp_path: Path) -> None:
    text, expected = WRONG[what]
    found = message(lambda: mfa.build_parameters(write(text, **TABLES)), tmp_path)
    assert found.startswith(expected) or (not expected.startswith("case") and expected in found), (
        found
    )


def test_a_value_that_nobody_gives(write: Write, tmp_path: Path) -> None:
    scenario = write(base=FILLED.replace("number: 1\n", ""))
    assert message(lambda: mfa.build_parameters(scenario), tmp_path) == (
        "system.yaml:9:14: number: no value for its only cell; give it in an item file, a "
        "scenario or as default"
    )


def test_a_change_of_nothing(write: Write, tmp_path: Path) -> None:
    scenario = write("number: {scale: 2}", base=FILLED.replace("number: 1\n", ""))
    assert message(lambda: mfa.build_parameters(scenario), tmp_path) == (
        "case.yaml:4:11: number: there is no inherited value to change (scale)"
    )


def test_several_problems_come_in_one_message(write: Write, tmp_path: Path) -> None:
    found = message(lambda: write("rtae: 1\nlife: {NCM: 2 yr, LFP: 1 yr}\nmass: 3 kr/yr"), tmp_path)
    assert [line.split(": ")[0] for line in found.splitlines()] == [
        "case.yaml:4:3",
        "case.yaml:5:10",
        "case.yaml:6:9",
    ]


def test_overrides_are_checked_as_files_are(write: Write) -> None:
    plain = write()
    assert message(lambda: plain.override(rtae=1)).startswith(
        "override(): unknown parameter 'rtae'. Did you mean \"rate\"?"
    )
    assert message(lambda: plain.set("rate")) == "--set rate: write it as NAME=VALUE"
    assert message(lambda: plain.set("mass=3 kr/yr")).startswith(
        "--set mass=3 kr/yr:1:6: mass: unknown unit 'kr'"
    )


def test_a_circle_of_parents(write: Write, tmp_path: Path) -> None:
    write()
    (tmp_path / "base.yaml").write_text("title: Base\ninherits: case\n")
    assert message(lambda: mfa.read_scenario(tmp_path / "case.yaml"), tmp_path) == (
        "base.yaml:2:11: 'inherits' goes round in a circle: case → base → case"
    )
