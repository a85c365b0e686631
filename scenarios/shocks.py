"""What the shipped shocks do, with and without what stands against them, in one table.

    python scenarios/shocks.py

writes ``results/summary/shocks.csv``: what is short, what stockpiles release, the price index, the
years of recovery and the scrap that is lost, for each shock alone, with stockpiles of 90 days, with
the recycling that the European Union asks for, with both, with mines that come back slowly, and
eight years later, when that recycling is in place.
``tests/scenarios/test_supply_shocks.py`` makes the table again, and
``notebooks/10_disruption.ipynb`` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import yaml

import mfa

HERE = Path(__file__).parent
SUMMARY = HERE.parent / "results" / "summary" / "shocks.csv"

SHOCKS = {
    "cobalt_shock": ("drc_cobalt_halved", ("Co",)),
    "indonesia_nickel": ("indonesia_nickel_stop", ("Ni", "Co")),
}
"""Shipped scenarios, each with the lever of its shock and the materials that it makes short."""

UNDISTURBED = "spare_mines"
RECYCLING = ("eu_battery_collection", "eu_material_recovery")
STOCKPILE = ("stockpile_90_days",)
LATER = 8
"""Years by which the later shocks come later: from 2035 to 2038."""

SLOW = 5
"""Years after the last one of the shock until mines that come back slowly are all back."""

BACK = 0.01
"""Metal in use is back when it is within this share of what it would be without the shock."""


def lever(name: str) -> dict[str, Any]:
    """Return what a shipped lever sets."""
    told = yaml.safe_load((HERE / "levers" / f"{name}.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = told["set"]
    return found


def dated(values: Any, **change: int) -> Any:
    """Return values with other dates: ``later`` moves them, ``recover`` is put beside ``to``."""
    if not isinstance(values, Mapping):
        return values
    found = {key: dated(value, **change) for key, value in values.items()}
    for key in {"from", "to"} & found.keys():
        found[key] += change.get("later", 0)
    if "to" in found and "recover" in change:
        found["recover"] = change["recover"]
    return found


def scenario(name: str) -> mfa.Scenario:
    """Read a shipped scenario."""
    return mfa.read_scenario(HERE / f"{name}.yaml")


def with_levers(base: mfa.Scenario, *names: str, **change: int) -> mfa.Scenario:
    """Return a scenario with shipped levers, other dates in them if `change` says so."""
    for name in names:
        base = base.override(title=base.title, **dated(lever(name), **change))
    return base


def cases(shock: str) -> dict[str, mfa.Scenario]:
    """Return a shock with and without what stands against it, by what that is."""
    alone, spare, (own, _) = scenario(shock), scenario(UNDISTURBED), SHOCKS[shock]
    later = with_levers(spare, own, later=LATER)
    return {
        "alone": alone,
        "stockpile": scenario(f"{shock}_stockpile"),
        "recycling": scenario(f"{shock}_recycling"),
        "stockpile and recycling": with_levers(alone, *STOCKPILE, *RECYCLING),
        "mines back slowly": with_levers(spare, own, recover=SLOW),
        "from 2035": later,
        "from 2035 with recycling": with_levers(later, *RECYCLING),
    }


def run(told: mfa.Scenario) -> xr.Dataset:
    """Run a scenario in which demand gives way to the price (``levers/price_response.yaml``)."""
    return mfa.run(with_levers(told, "price_response"))


# ------------------------------------------------------------------ measures


def world(data: xr.DataArray, material: str) -> xr.DataArray:
    """Return the sum over all places and uses of a material."""
    one = data.sel(material=material)
    return one.sum([d for d in one.dims if d != "year"])


def short(result: xr.Dataset, material: str) -> xr.DataArray:
    """Return what use asked for and did not get, (year) [t/yr], given up because of the price or not."""
    return world(result.unmet_demand + result.demand_response, material)


def met_again(result: xr.Dataset, material: str) -> float:
    """Return the first year from which nothing is short any more; NaN if nothing was, or always is."""
    return _after(short(result, material) > 0)


def stock_gap(result: xr.Dataset, undisturbed: xr.Dataset, material: str) -> xr.DataArray:
    """Return which share of the metal in use is missing, (year) [1]."""
    has, would = (world(one.indicator_in_use, material) for one in (result, undisturbed))
    return (1 - has / would.where(would > 0)).fillna(0.0)


def stock_back(result: xr.Dataset, undisturbed: xr.Dataset, material: str) -> float:
    """Return the first year from which metal in use stays within 1 % of what it would be; else NaN."""
    return _after(abs(stock_gap(result, undisturbed, material)) > BACK)


def _after(away: xr.DataArray) -> float:
    years = away["year"].values[away.values]
    last = away["year"].values[-1]
    return float(years[-1] + 1) if len(years) and years[-1] < last else np.nan


def measures(result: xr.Dataset, undisturbed: xr.Dataset, material: str) -> dict[str, float]:
    """Return one row of the table; masses are sums over all years [kt].

    ``worst_percent`` is by how much fabrication is less in the worst year; ``price_explains_kt``
    is what demand gave up because of the price, a part of ``short_kt``.
    """
    missing = short(result, material)
    asked = world(result.metal_to_fabricate, material)
    worst = int(missing.idxmax()) if missing.any() else None
    lost = world(undisturbed.old_scrap_supply, material) - world(result.old_scrap_supply, material)
    wanted = world(undisturbed.metal_to_fabricate, material)
    return {
        "short_kt": float(missing.sum()) / 1e3,
        "worst_year": worst or np.nan,
        "worst_percent": float(100 * (1 - asked / wanted).sel(year=worst)) if worst else 0.0,
        "released_kt": float(world(result.stockpile_to_metal, material).sum()) / 1e3,
        "price_index": float(result.price_index.sel(material=material).max()),
        "price_explains_kt": float(world(result.demand_response, material).sum()) / 1e3,
        "met_again": met_again(result, material),
        "stock_gap_percent": float(100 * stock_gap(result, undisturbed, material).max()),
        "stock_back": stock_back(result, undisturbed, material),
        "scrap_lost_kt": float(lost.sum()) / 1e3,
    }


# ------------------------------------------------------------------ summary


def table(results: Mapping[tuple[str, str], xr.Dataset] | None = None) -> pd.DataFrame:
    """Return the whole table, by shock, case and material.

    Parameters
    ----------
    results : mapping of (shock, case) to result, optional
        Those of :func:`run` that are there already; that without a shock as (UNDISTURBED, "alone").
    """
    known = dict(results or {})
    spare = scenario(UNDISTURBED)
    undone = known.get((UNDISTURBED, "alone"))
    without = {
        False: run(spare) if undone is None else undone,
        True: run(with_levers(spare, *RECYCLING)),
    }
    rows = []
    for shock, (_, materials) in SHOCKS.items():
        for case, told in cases(shock).items():
            result = known.get((shock, case))
            result = run(told) if result is None else result
            undisturbed = without["recycling" in case]
            for material in materials:
                row = measures(result, undisturbed, material)
                rows.append({"shock": shock, "case": case, "material": material, **row})
    found = pd.DataFrame(rows).set_index(["shock", "case", "material"]).round(3)
    return found.astype(dict.fromkeys(("worst_year", "met_again", "stock_back"), "Int64"))


if __name__ == "__main__":
    written = table()
    written.to_csv(SUMMARY, lineterminator="\n")
    print(f"wrote {len(written)} rows to results/summary/shocks.csv")
