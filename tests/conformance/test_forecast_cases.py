"""Published figures and worked tables that forecasts have to meet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mfa import demand

CASES = Path(__file__).parent / "cases"
YEARS = np.arange(1950, 2011)
INCOME = xr.DataArray(np.geomspace(2e3, 3e4, 61), {"year": YEARS})


def case_of(file: str, label: str) -> dict[str, Any]:
    cases = json.loads((CASES / f"{file}.json").read_text("utf-8"))["cases"]
    found: dict[str, Any] = next(case for case in cases if case["id"] == label)
    return found


def test_the_turning_points_of_the_inverted_u_are_found_from_data() -> None:
    case = case_of("demand", "DEM-04")
    for form, expected in (("quadratic", "quadratic_at"), ("log_quadratic", "log_at")):
        given = case["inputs"][form]
        over = np.log(INCOME) if form == "log_quadratic" else INCOME
        use = given["a"] + given["b"] * over + given["c"] * over**2
        use = np.exp(use) if form == "log_quadratic" else use
        told = demand.forecast(
            "intensity", (use * INCOME).sel(year=slice(None, 2005)),
            {"gdp_per_capita": INCOME}, 5, form=form, samples=20,
        )  # fmt: skip
        peak = told.estimate.sel(parameter="peak_income")
        np.testing.assert_allclose(peak, case["expected"][expected], rtol=case["rtol"])


def test_the_intensity_of_chinas_metals_falls_as_published() -> None:
    case = case_of("demand", "DEM-13")
    for metal, rate in case["expected"]["annual_rate"].items():
        first = case["inputs"]["first_year"][metal]
        ends = [np.log(case["inputs"][key][metal]) for key in ("first", "in_2017")]
        path = np.exp(np.interp(np.arange(first, 2018), [first, 2017], ends))
        history = xr.DataArray(path, {"year": np.arange(first, 2018)})
        told = demand.forecast("naive", history, horizon=1, last=2017 - first)
        growth = np.expm1(told.estimate.sel(parameter="growth"))
        np.testing.assert_allclose(growth, rate, rtol=case["rtol"])


def test_total_over_demand_per_head_is_the_published_population() -> None:
    case = case_of("forecasts", "DEM-14")
    variants = {"variant": ["high", "medium", "low"], "bound": ["from", "to"]}
    told = {
        name: xr.DataArray([case["inputs"][name][v] for v in variants["variant"]], variants)
        for name in ("per_head_kg", "total_Mt")
    }
    expected = case["expected"]["population_million"]
    people = xr.DataArray([expected[v] for v in variants["variant"]], variants)
    total = demand.sector_demand(
        (people * 1e6).expand_dims(sector=["China"]),
        (told["per_head_kg"] / 1e3).expand_dims(sector=["China"]),
    ).sum("sector")
    np.testing.assert_allclose(total / 1e6, told["total_Mt"], rtol=case["rtol"])


def test_the_textbook_table_of_two_sectors() -> None:
    case = case_of("forecasts", "IO-01")
    names = case["inputs"]["sector"]
    labels = {"supplier": names, "sector": names}
    output = xr.DataArray(np.array(case["inputs"]["output"], float), {"sector": names})
    coefficients = xr.DataArray(np.array(case["inputs"]["transactions"], float), labels) / output
    np.testing.assert_allclose(coefficients, case["expected"]["coefficients"])
    for column, name in enumerate(names):
        unit = (output * 0).where(output.sector != name, 1.0)
        inverse = np.array(case["expected"]["inverse"])[:, column]
        made = demand.leontief_output(coefficients, unit)
        np.testing.assert_allclose(made, inverse, rtol=case["rtol"])
    final = xr.DataArray(np.array(case["inputs"]["final_demand"], float), {"sector": names})
    made = demand.leontief_output(coefficients, final)
    np.testing.assert_allclose(made, case["expected"]["new_output"], rtol=case["rtol"])


def test_copper_through_three_sectors_by_hand() -> None:
    case = case_of("forecasts", "IO-02")
    given, names = case["inputs"], case["inputs"]["sector"]
    coefficients = xr.DataArray(given["coefficients"], {"supplier": names, "sector": names})
    intensity = xr.DataArray(given["kg_per_usd"], {"sector": names})
    final = xr.DataArray(np.array(given["final_demand_usd"], float), {"sector": names})
    multiplier = demand.material_multiplier(coefficients, intensity)
    expected = case["expected"]
    np.testing.assert_allclose(multiplier, expected["multiplier"], rtol=case["rtol"])
    output = demand.leontief_output(coefficients, final)
    np.testing.assert_allclose(output, expected["output"], rtol=case["rtol"])
    drivers = {
        "technical_coefficients": coefficients,
        "material_intensity": intensity,
        "final_demand": final,
    }
    history = xr.DataArray([42.0, 42.0, 42.0], {"year": [2018, 2019, 2020]})
    told = demand.forecast("input_output", history, drivers, 2, anchor="none", samples=9)
    np.testing.assert_allclose(told.mid, expected["copper_kg"], rtol=case["rtol"])
