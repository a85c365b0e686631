"""Results as the tables that STAN works with: flows, stocks and transfer coefficients.

STAN (Cencic and Rechberger, 2008, Journal of Environmental Engineering and Management 18, 3-7)
has a layer for each substance and periods, and each number a standard uncertainty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from mfa.errors import MfaError, known
from mfa.exchange.attribution import facts, sources
from mfa.exchange.cells import add_sheet, new_book
from mfa.exchange.quantities import reported_years, require_result
from mfa.files import replacing

TABLES = ("flows", "stocks", "transfer coefficients")

KEPT = ("scenario", "sample", "year", "material")


def to_stan(result: xr.Dataset, years: Sequence[int] = ()) -> dict[str, pd.DataFrame]:
    """Return flows, stocks and transfer coefficients of the world.

    Parameters
    ----------
    result : Dataset
        With flows; of samples they are kept with ``--keep all``.
    years : sequence of int, optional
        Periods; without it every fifth reported year.

    Returns
    -------
    dict of str to DataFrame
        ``flows`` (t/yr) with the processes they go from and to, ``stocks`` (t, at the end of the
        period, and their change in it), ``transfer coefficients`` (a flow out of a process without a
        stock over all flows into it).  ``standard_uncertainty`` is the standard deviation over
        samples, of each coefficient that of the ratios; it is NaN without samples.

    Raises
    ------
    MfaError
        If the result has no flows, or a year is not in it.
    """
    require_result(result)
    flows = {str(n): v for n, v in result.data_vars.items() if v.attrs.get("kind") == "flow"}
    stocks = {str(n): v for n, v in result.data_vars.items() if v.attrs.get("kind") == "stock"}
    if not flows:
        raise MfaError(
            "the result holds no flows, which STAN is about; keep them: mfa run FILE --samples N --keep all"
        )
    there = [int(y) for y in result["year"].values]
    if lacking := [year for year in years if year not in there]:
        raise MfaError(f"the result has no year {lacking[0]}. {known(lacking[0], there, 'years')}")
    periods = list(years) or [y for y in reported_years(result) if y % 5 == 0]
    moved = {name: _world(data).sel(year=periods) for name, data in flows.items()}
    rows: dict[str, list[pd.DataFrame]] = {table: [] for table in TABLES}
    for name, data in moved.items():
        attrs = flows[name].attrs
        head = {"flow": name, "from": attrs["source"], "to": attrs["target"]}
        rows["flows"].append(_frame(head, data, "t/yr"))
    for data in stocks.values():
        world = _world(data)
        change = world.diff("year").reindex(year=periods)
        frame = _frame({"process": data.attrs["process"]}, world.sel(year=periods), "t")
        told = _frame({"process": data.attrs["process"]}, change, "t")
        frame["change"] = told["value"]
        frame["standard_uncertainty_of_change"] = told["standard_uncertainty"]
        rows["stocks"].append(frame)
    keeping = {str(data.attrs["process"]) for data in stocks.values()}
    for process in dict.fromkeys(str(data.attrs["source"]) for data in flows.values()):
        into = [moved[n] for n, data in flows.items() if data.attrs["target"] == process]
        if not into or process in keeping:
            continue
        total = sum(into[1:], into[0])
        for name, data in flows.items():
            if data.attrs["source"] == process:
                share = moved[name] / total.where(total > 0)
                rows["transfer coefficients"].append(
                    _frame({"process": process, "flow": name}, share, "1")
                )
    found = {
        table: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        for table, parts in rows.items()
    }
    coefficients = found["transfer coefficients"]
    if len(coefficients):  # of a process that is not used
        found["transfer coefficients"] = coefficients.dropna(subset=["value"]).reset_index(
            drop=True
        )
    return found


def write_stan(result: xr.Dataset, path: str | Path, years: Sequence[int] = ()) -> Path:
    """Write the tables of :func:`to_stan` as a workbook.

    Parameters
    ----------
    result : Dataset
    path : path
        Ends in ``.xlsx``.
    years : sequence of int, optional

    Returns
    -------
    Path

    Raises
    ------
    MfaError
        As :func:`to_stan`, or if the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise MfaError(f"{path}: tables for STAN are a workbook; end it in .xlsx")
    tables = to_stan(result, years)
    book = new_book(str(path))
    about = facts(result) | {
        "layer": "a material; a period is a calendar year",
        "attribution": "name the sources in the sheet 'sources' when you publish these numbers",
    }
    add_sheet(book, "README", [["what", "told"], *map(list, about.items())], (24, 100))
    for name, table in tables.items():
        rows: Iterable[Any] = table.itertuples(index=False, name=None)
        add_sheet(book, name, [list(table.columns), *rows])
    cited = [[s.key, s.text, s.address, s.licence] for s in sources(result)]
    add_sheet(
        book, "sources", [["key", "reference", "address", "licence"], *cited], (20, 100, 40, 30)
    )
    with replacing(path) as temporary:
        book.save(temporary)
    return path


def _world(data: xr.DataArray) -> xr.DataArray:
    over = [d for d in data.dims if d not in KEPT]
    return data.sum(over) if over else data


def _frame(head: dict[str, str], data: xr.DataArray, unit: str) -> pd.DataFrame:
    """Return one row for each layer and period."""
    sampled = "sample" in data.dims
    mean = data.mean("sample") if sampled else data
    spread = data.std("sample", ddof=1) if sampled else xr.full_like(mean, np.nan)
    order = [d for d in ("scenario", "material", "year") if d in mean.dims]
    mean, spread = mean.transpose(*order), spread.transpose(*order)
    axes = np.meshgrid(*(mean[d].values for d in order), indexing="ij")
    columns: dict[str, Any] = {d: axis.reshape(-1) for d, axis in zip(order, axes, strict=True)}
    frame = pd.DataFrame(columns).rename(columns={"material": "layer", "year": "period"})
    frame["value"] = mean.values.reshape(-1)
    frame["standard_uncertainty"] = spread.values.reshape(-1)
    frame["unit"] = unit
    for position, (key, text) in enumerate(head.items()):
        frame.insert(position, key, text)
    return frame
