"""Results side by side: world totals of markets, or of one flow or stock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from mfa.errors import MfaError, known, shortly
from mfa.results import read_netcdf, rows, summary_years

if TYPE_CHECKING:
    import pandas as pd

Row = tuple[str, str, int]
"""Quantity, material and year."""


def compare(
    results: Mapping[str, str | Path | xr.Dataset] | Sequence[str | Path | xr.Dataset],
    flow: str | None = None,
) -> pd.DataFrame:
    """Put world totals of several results side by side.

    Parameters
    ----------
    results : mapping of name to result, or sequence of results
        Folders, ``result.nc`` files or Datasets.
    flow : str, optional
        One flow or stock.  Without it, demand, primary and secondary supply of every
        market of the systems; of systems without a market, every flow.

    Returns
    -------
    DataFrame
        World totals, one column for each scenario, in ``attrs["units"]``: t/yr,
        or t for a stock; rows by quantity, material and year: the first
        reported, each decade, 2024 and the last.  NaN is what one of the
        results does not hold.

    Raises
    ------
    MfaError
        If there is no such result, flow or stock, or the results have nothing
        in common.
    """
    import pandas as pd

    if isinstance(results, str | PathLike | xr.Dataset) or not isinstance(results, Iterable):
        raise MfaError(
            f"compare wants several results, this is {shortly(results)}; put it in a list with the "
            "others: mfa.compare([first, second])"
        )
    given = (
        list(results.items()) if isinstance(results, Mapping) else [("", each) for each in results]
    )
    if not given:
        raise MfaError("there is no result to compare")
    columns: list[tuple[str, str, dict[Row, float]]] = []
    units = set()
    for label, each in given:
        data = each if isinstance(each, xr.Dataset) else read_netcdf(Path(each))
        years, own = summary_years(data, 10), str(data.attrs.get("scenario_name", "result"))
        found: dict[str, dict[Row, float]] = {}
        for quantity, names in _compared(data, flow).items():
            for name in names:
                units.add(str(data[name].attrs.get("units", "t/yr")))
                for scenario, material, year, value in rows(data[name], years, own):
                    column, key = found.setdefault(scenario, {}), (quantity, material, year)
                    column[key] = column.get(key, 0.0) + value
        for scenario, column in found.items():
            title = scenario if not label else label if len(found) == 1 else f"{label}: {scenario}"
            columns.append((title, "" if isinstance(each, xr.Dataset) else str(each), column))
    if len(columns) > 1 and not set.intersection(*({*column} for _, _, column in columns)):
        raise MfaError(
            "the results have no quantity, material and year in common, so that there is nothing to "
            f"compare: {', '.join(title for title, _, _ in columns)}"
        )
    titles = _apart([(title, folder) for title, folder, _ in columns])
    frame = pd.DataFrame(dict(zip(titles, (column for _, _, column in columns), strict=True)))
    first = {key[:2]: place for place, key in reversed([*enumerate(frame.index)])}
    frame = frame.loc[sorted(frame.index, key=lambda key: (first[key[:2]], key[2]))]
    frame.index = frame.index.set_names(["quantity", "material", "year"])
    frame.attrs["units"] = units.pop() if len(units) == 1 else "t/yr"
    return frame


def _apart(titles: Sequence[tuple[str, str]]) -> list[str]:
    """Tell equal titles apart by the folder that each is read from, or by a number.

    >>> _apart([("a", "x/a"), ("b", "x/b"), ("a", "y/a")]), _apart([("a", ""), ("a", "")])
    (['a (x/a)', 'b', 'a (y/a)'], ['a', 'a (2)'])
    """
    names = [title for title, _ in titles]
    found: list[str] = []
    for title, folder in titles:
        name = f"{title} ({folder})" if folder and names.count(title) > 1 else title
        same = sum(other == name or other.startswith(f"{name} (") for other in found)
        found.append(f"{name} ({same + 1})" if same else name)
    return found


def _compared(data: xr.Dataset, flow: str | None) -> dict[str, list[str]]:
    """Return the quantities to compare, and the flows that each is the sum of."""
    flows, stocks = (
        {str(name): v.attrs for name, v in data.data_vars.items() if v.attrs.get("kind") == kind}
        for kind in ("flow", "stock")
    )
    if flow is not None:
        if flow not in flows | stocks:
            raise MfaError(
                f"there is no flow or stock {flow!r} in {data.attrs.get('scenario_name')}. "
                f"{known(flow, flows | stocks, 'flows and stocks')}"
            )
        return {flow: [flow]}
    found: dict[str, list[str]] = {}
    for role in ("demand", "primary", "secondary"):
        for name, attrs in flows.items():
            if attrs.get("role") == role:
                found.setdefault(f"{attrs['market']}: {role}", []).append(name)
    return dict(sorted(found.items(), key=lambda item: item[0].partition(":")[0])) or {
        name: [name] for name in flows
    }
