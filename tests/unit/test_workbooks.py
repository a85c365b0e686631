"""Workbooks as tables of a scenario: the same numbers and checks as CSV, the cell named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

import mfa
from mfa.errors import MfaError
from mfa.table_files import read_table

openpyxl = pytest.importorskip("openpyxl")

SYSTEM = """\
title: Cars
conserves: material
dimensions:
  region: [China, Europe]
  material: [Co]
parameters:
  population: {dims: [year, region], unit: person, min: 0}
  gdp: {dims: [year, region], unit: USD/yr, min: 0, default: 0}
  sales: {dims: [year, region], unit: vehicle/yr, min: 0}
  content: {dims: [material], unit: kg/vehicle, default: 2 kg/vehicle}
processes:
  mine: {rule: source}
  use: {rule: stock, from: mine, to: pile, inflow: sales, content: content,
        lifetime: {law: weibull, mean: 4 yr, shape: 2}}
  pile: {rule: sink}
"""

SCENARIO = """\
title: Cars
system: systems/cars.yaml
years: [2020, 2022]
set:
  population: {table: data/book.xlsx, sheet: people, between: interpolate}
  sales: {table: data/book.xlsx, sheet: cars sold, after: hold}
"""

PEOPLE = [
    ["year", "region", "value", "unit", "source"],
    [2020, "China", 1.4, "billion person", "un"],
    [2022, "China", 1.5, "billion person", "un"],
    [2020, "Europe", "0.5", "billion person", "un"],
    [2022, "Europe", 0.6, "billion person", "un"],
]
CARS = [
    ["region", "year", "value", "unit"],
    ["China", 2020, 10, "vehicle/yr"],
    ["Europe", 2020, 0.1, "vehicle/yr"],
]

Sheets = dict[str, list[list[Any]]]
Book = Callable[..., Path]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Write a workbook and the scenario that reads it; return the scenario's path."""

    def write(
        change: Callable[[Any], None] | None = None, scenario: str = SCENARIO, **sheets: Any
    ) -> Path:
        made = openpyxl.Workbook()
        made.remove(made.active)
        for name, rows in ({"people": PEOPLE, "cars sold": CARS} | sheets).items():
            sheet = made.create_sheet(name)
            for row in rows:
                sheet.append(row)
        if change:
            change(made)
        for folder in ("data", "systems"):
            (tmp_path / folder).mkdir(exist_ok=True)
        made.save(tmp_path / "data/book.xlsx")
        (tmp_path / "systems/cars.yaml").write_text(SYSTEM)
        (tmp_path / "cars.yaml").write_text(scenario)
        return tmp_path / "cars.yaml"

    return write


def values(path: Path, name: str) -> Any:
    scenario = mfa.read_scenario(path)
    return mfa.build_parameters(scenario, [name])[name]


def refused(path: Path) -> str:
    with pytest.raises(MfaError) as caught:
        mfa.build_parameters(mfa.read_scenario(path))
    return re.sub(r": (population|gdp|sales):", ":", str(caught.value))


def test_a_sheet_is_the_same_as_a_csv(book: Book) -> None:
    path = book()
    found = values(path, "population")
    text = "\n".join(",".join(map(str, row)) for row in PEOPLE)
    (path.parent / "data/people.csv").write_text(text)
    path.write_text(SCENARIO.replace("book.xlsx, sheet: people", "people.csv"))
    assert found.identical(values(path, "population"))
    assert found.sel(region="Europe").values.tolist() == [0.5e9, 0.55e9, 0.6e9]
    assert values(path, "sales").sel(region="Europe").values.tolist() == [0.1, 0.1, 0.1]


def test_a_result_is_made_again_without_the_workbook(book: Book, tmp_path: Path) -> None:
    path = book()
    first = mfa.run(mfa.read_scenario(path))
    folder = mfa.save(first, tmp_path / "results/cars")
    (tmp_path / "data/book.xlsx").unlink()
    again = mfa.run(mfa.read_scenario(folder / "manifest.yaml"))
    assert again.attrs["scenario_sha256"] == first.attrs["scenario_sha256"]
    assert again.use_stock.identical(first.use_stock)


def test_the_cells_and_not_the_workbook_are_what_counts(book: Book) -> None:
    one = mfa.run(mfa.read_scenario(book())).attrs["scenario_sha256"]
    moved = SCENARIO.replace("cars sold", "sold")
    other = mfa.run(mfa.read_scenario(book(scenario=moved, sold=CARS))).attrs["scenario_sha256"]
    assert one == other
    dearer = [*CARS[:2], ["Europe", 2020, 0.2, "vehicle/yr"]]
    changed = mfa.run(mfa.read_scenario(book(**{"cars sold": dearer}))).attrs["scenario_sha256"]
    assert changed != one


def put(cell: str, value: Any, sheet: str = "people") -> Callable[[Any], None]:
    def change(made: Any) -> None:
        made[sheet][cell] = value

    return change


@pytest.mark.parametrize(
    ("cell", "value", "told"),
    [
        ("C3", None, "people!C3: '' is not a number: the cell is empty; leave the row out"),
        ("C3", "#REF!", "people!C3: the cell holds the error #REF!; mend its formula"),
        ("E3", "#N/A", "people!E3: the cell holds the error #N/A; mend its formula"),
        ("C3", "=A1*2", "people!C3: the formula was never calculated; open the workbook in Excel and save it"),
        ("C3", "1,5", "people!C3: '1,5' is not a number"),
        ("C3", "NaN", "people!C3: 'NaN' is not a number that can be used"),
        ("C3", True, "people!C3: 'TRUE' is not a number"),
        ("C3", date(2030, 1, 31), "people!C3: '2030-01-31' is not a number"),
        ("A3", date(2022, 12, 31), "people!A3: '2022-12-31' is not a calendar year"),
        ("A3", 2021.5, "people!A3: '2021.5' is not a calendar year"),
        ("B3", "china", "people!B3: 'region' has no label 'china'"),
        ("D3", "sheep", "people!D3: unknown unit 'sheep'"),
        ("A3", 2020, "people!A3: year=2020, region=China is given twice, first in line 2"),
        ("C3", -1, "people!C3: "),
        ("F3", 7, "people!F3: the column has no name in row 1"),
        ("F1", "value", "people!C1: the header names 'value' twice"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_is_named(book: Book, cell: str, value: Any, told: str) -> None:
    assert f"book.xlsx:{told}" in refused(book(put(cell, value)))


def test_merged_cells_are_refused(book: Book) -> None:
    def merge(made: Any) -> None:
        made["people"].merge_cells("B2:B3")

    told = refused(book(merge))
    assert "book.xlsx:people!B2: the cells B2:B3 are merged; unmerge them" in told


def test_all_bad_cells_of_a_sheet_are_told_at_once(book: Book) -> None:
    def spoil(made: Any) -> None:
        made["people"]["C2"] = made["people"]["C4"] = "#DIV/0!"

    told = refused(book(spoil))
    assert "!C2:" in told and "!C4:" in told


def test_a_table_may_stand_anywhere_in_its_sheet(book: Book) -> None:
    def move(made: Any) -> None:
        made["people"].move_range("A1:E5", rows=3, cols=2)
        made["people"]["E7"] = "x"

    assert "book.xlsx:people!E7: 'x' is not a number" in refused(book(move))


def test_a_sheet_has_to_be_named_if_there_are_several(book: Book) -> None:
    told = refused(book(scenario=SCENARIO.replace(", sheet: people", "")))
    assert "has 2 sheets; say which: sheet: … (people, cars sold)" in told
    assert "cars.yaml:5:23" in told
    told = refused(book(scenario=SCENARIO.replace("sheet: people", "sheet: poeple")))
    assert "has no sheet 'poeple'. Did you mean \"people\"?" in told


def test_one_sheet_needs_no_name(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    for row in CARS:
        made.active.append(row)
    made.save(tmp_path / "one.xlsx")
    assert read_table(tmp_path / "one.xlsx").columns["value"] == ("10", "0.1")


def test_a_sheet_of_a_csv_file_is_an_error(book: Book) -> None:
    path = book(scenario=SCENARIO.replace("book.xlsx, sheet: people", "people.csv, sheet: people"))
    (path.parent / "data/people.csv").write_text("year,value\n")
    assert "people.csv is no workbook (.xlsx), so that it has no sheet 'people'" in refused(path)


def test_what_is_no_workbook_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_text("year,value\n2020,1\n")
    with pytest.raises(MfaError, match=r"a.xlsx: cannot be read as a workbook"):
        read_table(tmp_path / "a.xlsx")
    with ZipFile(tmp_path / "b.xlsx", "w") as file:
        file.writestr("x.txt", "no workbook")
    with pytest.raises(MfaError, match=r"b.xlsx: cannot be read as a workbook"):
        read_table(tmp_path / "b.xlsx")
    with pytest.raises(MfaError, match=r"there is no file .*c.xlsx; .* holds: a.xlsx, b.xlsx"):
        read_table(tmp_path / "c.xlsx")


# --------------------------------------------------------------- databases

DATABASE = {
    ("Population", "China"): ("million", [1400, None, 1500]),
    ("Population", "Europe"): ("million", [500, None, 600]),
    ("GDP|PPP", "China"): ("billion USD_2017/yr", [20000, 21000, 22000.5]),
    ("GDP|PPP", "Europe"): ("billion USD_2017/yr", [18000, 18500, 19000]),
    ("Sales|Transportation|Light-Duty Vehicle|Battery-Electric", "China"): ("million", [4, 5, 6]),
    ("Sales|Transportation|Light-Duty Vehicle|Battery-Electric", "Europe"): ("million", [1, 2, 3]),
}
USED = """\
title: Cars
system: systems/cars.yaml
years: [2020, 2022]
set:
  population: {{{file}, where: {{variable: Population, scenario: SSP2}}, unit: million person, between: interpolate}}
  gdp: {{{file}, where: {{variable: "GDP|PPP", scenario: SSP2}}, unit: billion USD/yr}}
  sales: {{{file}, where: {{scenario: SSP2, variable: Sales|Transportation|Light-Duty Vehicle|Battery-Electric}},
          unit: million vehicle/yr}}
"""


def database(wide: bool) -> list[list[Any]]:
    head = ["Model", "Scenario", "Region", "Variable", "Unit"]
    rows = [
        ["M 1.0", scenario, region, variable, unit, *(n and n * factor for n in numbers)]
        for (variable, region), (unit, numbers) in DATABASE.items()
        for scenario, factor in (("SSP1", 3), ("SSP2", 1))
    ]
    if wide:
        return [[*head, 2020, 2021, 2022], *rows]
    long = [[*row[:5], 2020 + i, n] for row in rows for i, n in enumerate(row[5:]) if n]
    return [[*(name.lower() for name in head), "year", "value"], *long]


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_tables_of_a_scenario_database_are_drivers(book: Book, wide: bool, suffix: str) -> None:
    rows = database(wide)
    named = {"csv": "table: data/ssp.csv", "xlsx": "table: data/book.xlsx, sheet: data"}[suffix]
    path = book(scenario=USED.format(file=named), data=rows)
    text = "\n".join(",".join("" if c is None else str(c) for c in row) for row in rows)
    (path.parent / "data/ssp.csv").write_text(text)
    made = mfa.build_parameters(mfa.read_scenario(path))
    np.testing.assert_allclose(
        made.population.sel(region="China"), [1.4e9, 1.45e9, 1.5e9], rtol=1e-15
    )
    np.testing.assert_allclose(made.gdp.sel(region="China"), [20e12, 21e12, 22.0005e12], rtol=1e-15)
    np.testing.assert_allclose(made.sales.sel(region="Europe"), [1e6, 2e6, 3e6], rtol=1e-15)


@pytest.mark.parametrize(
    ("wide", "cell", "place"),
    [(True, "G5", "data!G5"), (False, "G5", "data!G5"), (True, "H9", "data!H9")],
)
def test_a_bad_cell_of_a_database_is_named(book: Book, wide: bool, cell: str, place: str) -> None:
    named = "table: data/book.xlsx, sheet: data"
    path = book(put(cell, "n/a", "data"), USED.format(file=named), data=database(wide))
    assert f"book.xlsx:{place}: " in refused(path) and "'n/a' is not a number" in refused(path)


def test_an_error_in_a_wide_table_is_no_missing_year(book: Book) -> None:
    named = "table: data/book.xlsx, sheet: data"
    path = book(put("G5", "#REF!", "data"), USED.format(file=named), data=database(True))
    assert "book.xlsx:data!G5: the cell holds the error #REF!" in refused(path)


def test_a_long_database_of_csv_has_lines(book: Book) -> None:
    path = book(scenario=USED.format(file="table: data/ssp.csv"))
    rows = database(False)
    rows[3][6] = "x"
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (path.parent / "data/ssp.csv").write_text(text)
    assert "ssp.csv:4:" in refused(path)
