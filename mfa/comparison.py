"""Results side by side: demand and its supply in the world, or one flow, stock or indicator."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from mfa.assessment import quantities
from mfa.errors import MfaError, known, shortly
from mfa.results import rows, summary_years, worldwide
from mfa.stored_parts import some

if TYPE_CHECKING:
    import pandas as pd

Row = tuple[str, str, int]
"""Quantity, material and year."""

SHARE, PEAK = "secondary share [%]", "peak of primary supply [year]"
"""Quantities that are no mass; a peak stands at the last year, up to which it was seen."""

SUPPLY = {
    "demand": "demand",
    "primary_supply": "primary supply",
    "secondary_supply": "secondary supply",
    "indicator_recycled_content": SHARE,
    "indicator_peak_year": PEAK,
}
"""What stands in the table of results with roles, by variable."""


MOVING = ("flow", "stock", "indicator")
"""Kinds of variables that are results, not what was given."""


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
        One flow, stock or indicator.  Without it, by the roles of the systems: demand,
        primary and secondary supply, the share of the latter and the year of the highest
        primary supply, where at least one result has them all and each other one some; else
        demand, primary and secondary supply of every market; of systems without a market,
        every flow.

    Returns
    -------
    DataFrame
        World totals, one column for each scenario, in ``attrs["units"]``: t/yr,
        or t for a stock, or that of the indicator; rows by quantity, material and year: the first
        reported, each decade, 2024 and the last.  NaN is what one of the
        results does not hold, and an indicator that is undefined.

    Raises
    ------
    MfaError
        If there is no such result, flow or stock, or no two of the results have
        anything in common.
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
    names = SUPPLY if flow is None else (flow,)
    data = [opened(each, names) for _, each in given]
    held = [len(_roles_held(one)) for one in data]
    with_roles = flow is None and min(held) > 0 and max(held) == len(SUPPLY)
    if flow is None and not with_roles:
        data = [opened(each, None) for _, each in given]
    elif flow is not None:
        data = [_with_parts(each, one, flow) for (_, each), one in zip(given, data, strict=True)]
    columns: list[tuple[str, str, dict[Row, float]]] = []
    units = set()
    for (label, each), one in zip(given, data, strict=True):
        years, own = summary_years(one, 10), str(one.attrs.get("scenario_name", "result"))
        found: dict[str, dict[Row, float]] = {}
        for quantity, part in _supply(one) if with_roles else _compared(one, flow):
            if quantity not in (SHARE, PEAK):
                units.add(str(part.attrs.get("units", "t/yr")))
            for scenario, material, year, value in rows(part, years, own):
                column, key = found.setdefault(scenario, {}), (quantity, material, year)
                column[key] = column.get(key, 0.0) + value
        for scenario, column in found.items():
            title = scenario if not label else label if len(found) == 1 else f"{label}: {scenario}"
            columns.append((title, "" if isinstance(each, xr.Dataset) else str(each), column))
    cells = [key for _, _, column in columns for key in column]
    if len(columns) > 1 and len({*cells}) == len(cells):
        raise MfaError(
            "the results have no quantity, material and year in common, so that there is nothing to "
            f"compare: {', '.join(title for title, _, _ in columns)}"
        )
    titles = apart([(title, folder) for title, folder, _ in columns])
    frame = pd.DataFrame(dict(zip(titles, (column for _, _, column in columns), strict=True)))
    first = {key[:2]: place for place, key in reversed([*enumerate(frame.index)])}
    frame = frame.loc[sorted(frame.index, key=lambda key: (first[key[:2]], key[2]))]
    frame.index = frame.index.set_names(["quantity", "material", "year"])
    frame.attrs["units"] = units.pop() if len(units) == 1 else "t/yr"
    return frame


def opened(result: str | Path | xr.Dataset, names: Collection[str] | None) -> xr.Dataset:
    """Return flows, stocks and indicators of a result; only those that are named, if any are."""
    if isinstance(result, xr.Dataset):
        return result
    return some(Path(result), lambda _, attrs: attrs.get("kind") in MOVING, names)


def _with_parts(result: str | Path | xr.Dataset, found: xr.Dataset, flow: str) -> xr.Dataset:
    """Return what a flow or indicator is made of too; of a result that lacks it, everything."""
    if isinstance(result, xr.Dataset) or (flow in found and "whole" not in found[flow].attrs):
        return found
    if flow not in found:
        return opened(result, None)
    attrs = found[flow].attrs
    return opened(result, (flow, attrs["part"], *quantities(attrs["whole"])))


def apart(titles: Sequence[tuple[str, str]]) -> list[str]:
    """Tell equal titles apart by the folder that each is read from, or by a number.

    >>> apart([("a", "x/a"), ("b", "x/b"), ("a", "y/a")]), apart([("a", ""), ("a", "")])
    (['a (x/a)', 'b', 'a (y/a)'], ['a', 'a (2)'])
    """
    names = [title for title, _ in titles]
    found: list[str] = []
    for title, folder in titles:
        name = f"{title} ({folder})" if folder and names.count(title) > 1 else title
        same = sum(other == name or other.startswith(f"{name} (") for other in found)
        found.append(f"{name} ({same + 1})" if same else name)
    return found


def results_among(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide paths, as a shell expands ``results/*``, into results and what lies beside them.

    A path that does not exist counts as a result, so that a slip is told when it
    is read; so does everything if there is no result at all.
    """
    beside = [path for path in paths if _is_no_result(Path(path))]
    kept = [path for path in paths if path not in beside]
    return (kept, beside) if kept else ([*paths], [])


def _is_no_result(path: Path) -> bool:
    if path.is_dir():
        names = ("result.nc", "result.zarr", "manifest.yaml")  # with a manifest alone it is broken
        return path.suffix != ".zarr" and not any((path / name).exists() for name in names)
    return path.exists() and path.suffix != ".nc"


def _roles_held(data: xr.Dataset) -> list[str]:
    """Return which of the variables of the table of results with roles a result has."""
    return [name for name in SUPPLY if name in data and _is_indicator(data[name])]


def _supply(data: xr.Dataset) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield what a result has of demand, supply, its share and its peak."""
    there = dict(worldwide(data[[name for name, v in data.data_vars.items() if _is_indicator(v)]]))
    for name in _roles_held(data):
        part = there[name]
        yield SUPPLY[name], 100 * part if SUPPLY[name] == SHARE else part


def _is_indicator(variable: xr.DataArray) -> bool:
    return variable.attrs.get("kind") == "indicator"


def _compared(data: xr.Dataset, flow: str | None) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield the quantities to compare, and each flow, stock or indicator that belongs to one."""
    flows = {str(n): v.attrs for n, v in data.data_vars.items() if v.attrs.get("kind") == "flow"}
    if flow is not None:
        there = dict(worldwide(data))
        if flow not in there:
            raise MfaError(
                f"there is no flow, stock or indicator of the world {flow!r} in "
                f"{data.attrs.get('scenario_name')}. {known(flow, there, 'known')}"
            )
        yield flow, there[flow]
        return
    found: dict[str, list[str]] = {}
    for role in ("demand", "primary", "secondary"):
        for name, attrs in flows.items():
            if attrs.get("role") == role:
                found.setdefault(f"{attrs['market']}: {role}", []).append(name)
    by_market = dict(sorted(found.items(), key=lambda item: item[0].partition(":")[0]))
    for quantity, names in (by_market or {name: [name] for name in flows}).items():
        for name in names:
            yield quantity, data[name]
