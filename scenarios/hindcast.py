"""Forecasts of the past with the shipped data: the S-curve law against its rivals.

    python scenarios/hindcast.py

writes ``results/summary/hindcast.csv``: steel of eight countries as it was known in 1985, copper,
aluminium and nickel of the world as known in 1980, 1990 and 2000, all per head, forecast to the
last year that is given.  ``tests/scenarios/test_hindcast.py`` makes the table again, and
``notebooks/05_rival_forecasts.ipynb`` shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from mfa import demand
from mfa.demand.backtests import backtest, error_table
from mfa.demand.forecasts import continued
from mfa.demand.regression import error_paths

DATA = Path(__file__).parent / "data"
SUMMARY = Path(__file__).parents[1] / "results" / "summary" / "hindcast.csv"

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "S-curve": ("s_curve", {"law": "gompertz"}),
    "econometric": ("econometric", {}),
    "inverted U": ("intensity", {}),
}
ERRORS = {"": "drift", ", error stays": "walk", ", error fades": "ar1"}
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    f"{family}{after}": (name, {**options, "errors": errors})
    for after, errors in ERRORS.items()
    for family, (name, options) in FAMILIES.items()
} | {"naive growth": ("naive", {}), "last value": ("last_value", {})}
"""What is compared.  The last error of a fit stays and may go on growing (``drift``, what the
methods do unless told), stays as it is (``walk``), or fades with its autocorrelation (``ar1``)."""

POOLED = "S-curve, pooled"
BLOCKS = {"1-5": (1, 5), "6-10": (6, 10), "11-20": (11, 20), "21-42": (21, 42)}
STEEL_ORIGIN, WORLD_ORIGINS, LAST_WORLD = 1985, (1980, 1990, 2000), 2022


def table(name: str, dims: Iterable[str], **where: str) -> xr.DataArray:
    """Return a shipped table as an array; what no source reports is NaN."""
    rows = pd.read_csv(DATA / f"{name}.csv", keep_default_na=False)
    for column, value in where.items():
        rows = rows[rows[column] == value]
    found: xr.DataArray = rows.set_index(list(dims))["value"].astype(float).to_xarray()
    return found.assign_attrs(units=str(rows["unit"].iloc[0]))


def steel() -> xr.Dataset:
    """Return steel [kg/(person yr)] and GDP [USD of 2011/person] per head, dims (year, region).

    Only what is reported without the break of 1962; years and countries without figures are NaN.
    """
    used = table("steel_consumption", ("year", "region"), status="reported")
    gdp = table("gdp_per_capita", ("year", "region")).reindex_like(used)
    people = table("population_history", ("year", "region")).reindex_like(used)
    per_head = (1000 * used / people).assign_attrs(units="kg/(person yr)")
    return xr.Dataset({"used": per_head, "gdp_per_capita": gdp})


def world_metals() -> xr.Dataset:
    """Return Cu, Al and Ni produced per head [kg/(person yr)] with world GDP [USD of 2015]."""
    made = table("metal_production_world", ("year", "material"))
    gdp = table("world_gdp_per_capita_2015usd", ("year",)).sel(year=slice(None, LAST_WORLD))
    people = table("population", ("year", "region"), region="World").sel(region="World", drop=True)
    made, people = made.sel(year=gdp["year"]), people.sel(year=gdp["year"])
    per_head = (1000 * made / people).assign_attrs(units="kg/(person yr)")
    return xr.Dataset({"used": per_head, "gdp_per_capita": gdp})


def steel_scores(drivers_ahead: str, samples: int = 1000, seed: int = 0) -> xr.Dataset:
    """Score all methods on steel from 1985, and the S-curve with a shape all countries share."""
    data = steel()
    data = data.sel(region=data.used.sel(year=slice(None, STEEL_ORIGIN)).notnull().any("year"))
    last = int(data["year"][-1])
    drivers = {"gdp_per_capita": data.gdp_per_capita.sel(year=slice(None, last))}
    horizon = last - STEEL_ORIGIN
    each = backtest(
        METHODS, data.used, drivers, [STEEL_ORIGIN], horizon,
        drivers_ahead=drivers_ahead, samples=samples, seed=seed,
    )  # fmt: skip
    pooled = pooled_forecast(data, STEEL_ORIGIN, drivers_ahead, samples, seed)
    found = pooled.rename(year="horizon").assign_coords(horizon=np.arange(1, horizon + 1))
    found = found.expand_dims(model=[POOLED], origin=[STEEL_ORIGIN])
    found["relative_error"] = found.mid / each.observed - 1
    result: xr.Dataset = xr.concat(
        [each.drop_vars("observed"), found], "model", join="exact", combine_attrs="override"
    )
    return result.assign(observed=each.observed).assign_attrs(each.attrs)


def world_scores(
    drivers_ahead: str,
    samples: int = 1000,
    seed: int = 0,
    methods: Mapping[str, tuple[str, Mapping[str, Any]]] = METHODS,
) -> xr.Dataset:
    """Score methods on the metals of the world from 1980, 1990 and 2000."""
    data = world_metals()
    return backtest(
        methods, data.used, {"gdp_per_capita": data.gdp_per_capita}, WORLD_ORIGINS,
        LAST_WORLD - min(WORLD_ORIGINS), drivers_ahead=drivers_ahead, samples=samples, seed=seed,
    )  # fmt: skip


def pooled_forecast(
    data: xr.Dataset, origin: int, drivers_ahead: str, samples: int, seed: int
) -> xr.Dataset:
    """Forecast with one Gompertz curve for all regions, each with a saturation of its own.

    Errors are in proportion, and the last one of each region stays and may go on growing, as in
    the method ``s_curve``.

    Returns
    -------
    Dataset, dims (year, region)
        ``mid``, and ``low`` and ``high`` with the levels 0.8 and 0.95 as well.
    """
    past, last = data.sel(year=slice(None, origin)), int(data["year"][-1])
    law = demand.fit(
        "gompertz", past.gdp_per_capita, past.used, x_dim="year", noise="relative"
    )  # fmt: skip
    income = data.gdp_per_capita.sel(year=slice(origin + 1, None))
    paths = income
    if drivers_ahead == "trend":
        told = {"gdp_per_capita": past.gdp_per_capita}
        ahead = continued(told, origin, last - origin, samples=samples, seed=seed)
        paths = ahead["gdp_per_capita"].sel(year=slice(origin + 1, None))
        paths, income = paths.assign_coords(sample=np.arange(samples)), paths.median("sample")
    ensemble: Any = law.sample(samples, seed=seed)
    drawn = demand.gompertz(paths, **dict(ensemble))
    drawn = drawn.transpose("sample", "year", "region")
    middle = demand.gompertz(income, **law.parameters).transpose("year", "region")
    rest = np.log(past.used / demand.gompertz(past.gdp_per_capita, **law.parameters))
    rng = np.random.default_rng(seed)
    freedom = round(len(rest["year"]) * law.degrees / law.count)  # of the residuals of one region
    for place, region in enumerate(data["region"].values):
        carried, noise = error_paths(
            rest.sel(region=region).values, freedom, "drift", last - origin, samples, rng
        )
        middle[:, place] *= np.exp(carried)
        drawn[:, :, place] *= np.exp(carried + noise)
    level = xr.DataArray([0.8, 0.95], dims="level", name="level")
    level = level.assign_coords(level=level)
    low, high = (
        xr.concat([drawn.quantile(float(q), "sample").drop_vars("quantile") for q in edge], level)
        for edge in ((1 - level) / 2, (1 + level) / 2)
    )
    return xr.Dataset({"low": low, "mid": middle, "high": high})


def rows_of(
    what: str, scores: xr.Dataset, over: Iterable[str], blocks: Mapping[str, tuple[int, int]]
) -> pd.DataFrame:
    """Return one row for each block of years ahead and each method; shares in per cent."""
    found = []
    for name, (first, last) in {**blocks, "all": (1, 99)}.items():
        part = scores.sel(horizon=slice(first, last))
        if not part.observed.notnull().any():
            continue
        told = error_table(part, "naive growth", over=[*over, "horizon"])
        found += [
            {
                "what": what,
                "drivers": scores.attrs["drivers_ahead"],
                "years_ahead": name,
                "method": model,
                "mape": 100 * float(one.mape),
                "bias": 100 * float(one.bias),
                "in_80": 100 * float(one.coverage.sel(level=0.8)),
                "in_95": 100 * float(one.coverage.sel(level=0.95)),
                "count": int(one["count"]),
            }
            for model in told["model"].values.tolist()
            for one in [told.sel(model=model)]
        ]
    return pd.DataFrame(found)


def summary(samples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return the whole table: steel, the metals together by years ahead, by origin, one by one."""
    parts = []
    for ahead in ("observed", "trend"):
        one, world = steel_scores(ahead, samples, seed), world_scores(ahead, samples, seed)
        parts.append(rows_of("steel", one, ["origin", "region"], BLOCKS))
        over = ["origin", "material"]
        parts.append(rows_of("metals", world, over, BLOCKS))
        for origin in WORLD_ORIGINS:
            parts.append(rows_of(f"metals {origin}", world.sel(origin=[origin]), over, {}))
        for metal in world["material"].values.tolist():
            parts.append(rows_of(metal, world.sel(material=[metal]), over, {}))
    return pd.concat(parts, ignore_index=True)


def shown(table: pd.DataFrame) -> str:
    """Return the lines of the README: mean error and shares of the bands, over all years ahead."""
    lines = [
        "| method | steel, incomes known | steel, extrapolated | metals, incomes known "
        "| metals, extrapolated |",
        "|---|---|---|---|---|",
    ]
    whole = {
        (row.what, row.drivers, row.method): row
        for row in table[table.years_ahead == "all"].itertuples()
    }
    for method in dict.fromkeys(table.method):
        cells = [method]
        for what in ("steel", "metals"):
            for ahead in ("observed", "trend"):
                row = whole.get((what, ahead, method))
                told = row and f"{row.mape:.0f} % ({row.in_80:.0f}, {row.in_95:.0f})"
                cells.append(told or "–")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    found = summary()
    found.to_csv(SUMMARY, index=False, float_format="%.2f", lineterminator="\n")
    print(shown(found))
