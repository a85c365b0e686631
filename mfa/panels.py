"""What the figures of a result show: which flows and stocks, and in which order.

The choice follows from the structure of the system alone, never from the
numbers, so that one system has the same lines in the same colours in all
figures of all its minerals and scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

ROLES = ("demand", "primary", "secondary")

Data = TypeVar("Data", xr.DataArray, xr.Variable)


def totals(data: Data) -> Data:
    """Return world totals: summed over all dimensions but scenario, year and material.

    Samples are averaged, not summed.
    """
    mean = data.mean("sample", keep_attrs=True) if "sample" in data.dims else data
    over = [dim for dim in mean.dims if dim not in ("scenario", "year", "material")]
    return mean.sum(over, keep_attrs=True) if over else mean


def lean(result: xr.Dataset) -> xr.Dataset:
    """Return the flows and stocks of a result, as world totals where only these are drawn."""
    moving = _of_kind(result, "flow") | _of_kind(result, "stock")
    in_use = [*_in_use(result).values()]
    whole = {*in_use} if len(in_use) == 1 else set()  # a single one is drawn by its labels
    shown = {name: data if name in whole else totals(data) for name, data in moving.items()}
    dims = {"year", *(dim for data in shown.values() for dim in data.dims)}
    labels = {dim: result.coords[dim] for dim in result.coords if dim in dims}
    return xr.Dataset(shown, labels, result.attrs)


def _of_kind(result: xr.Dataset, kind: str) -> dict[str, xr.Variable]:
    """Return the flows or the stocks of a result, bare: making a DataArray of each takes long."""
    every = {str(name): result.variables[name] for name in result.data_vars}
    return {name: data for name, data in every.items() if data.attrs.get("kind") == kind}


def _in_use(result: xr.Dataset) -> dict[str, str]:
    """Return the stocks in use by their process."""
    stocks = _of_kind(result, "stock")
    return {
        str(data.attrs["process"]): name
        for name, data in stocks.items()
        if data.attrs.get("rule", "stock") == "stock"
    }


def chains(result: xr.Dataset) -> list[list[str]]:
    """Return the flows of a result, those in a row together: the important ones first.

    A process with one inflow, one outflow and no stock passes on what it gets:
    the flows before and after it are one line.  First stands what markets are
    asked for, their primary and their secondary supply, then what comes
    from sources, what enters stocks, what leaves stocks, what is passed between
    other processes, and last what goes to sinks.

    >>> def flow(source, target, **attrs):
    ...     return ("year", [1.0], {"kind": "flow", "source": source, "target": target, **attrs})
    >>> chains(xr.Dataset({
    ...     "waste": flow("supply", "pile"), "mined": flow("mine", "ore"),
    ...     "traded": flow("ore", "supply"), "used": flow("supply", "use"),
    ... }))
    [['mined', 'traded'], ['waste'], ['used']]
    """
    flows = {name: data.attrs for name, data in _of_kind(result, "flow").items()}
    into: dict[str, list[str]] = {}
    out_of: dict[str, list[str]] = {}
    for name, attrs in flows.items():
        into.setdefault(attrs["target"], []).append(name)
        out_of.setdefault(attrs["source"], []).append(name)
    kept = {data.attrs["process"] for data in _of_kind(result, "stock").values()}
    through = {p for p in into if len(into[p]) == len(out_of.get(p, ())) == 1} - kept
    found: list[list[str]] = []
    starts = [name for name, attrs in flows.items() if attrs["source"] not in through]
    for name in [*starts, *flows]:  # the second time round: rings without a beginning
        chain: list[str] = []
        taken = {other for each in found for other in each}
        while name not in taken and name not in chain:
            chain.append(name)
            if flows[name]["target"] not in through:
                break
            (name,) = out_of[flows[name]["target"]]
        if chain:
            found.append(chain)

    def rank(chain: list[str]) -> int:
        roles = [ROLES.index(flows[name]["role"]) for name in chain if "role" in flows[name]]
        if roles:
            return min(roles)
        source, target = flows[chain[0]]["source"], flows[chain[-1]]["target"]
        if source not in into:
            return 3
        if target in kept and target in out_of:
            return 4
        if source in kept:
            return 5
        return 6 if target in out_of else 7

    return sorted(found, key=rank)


def name_of(chain: list[str], result: xr.Dataset) -> str:
    """Return the processes of flows in a row, as one name."""
    told = [result.variables[flow].attrs for flow in chain]
    return " → ".join(map(words, [told[0]["source"], *(attrs["target"] for attrs in told)]))


def lines(result: xr.Dataset) -> dict[str, list[list[str]]]:
    """Return the lines of a figure by name, each one row of flows or several that are added.

    Where a market has more than two secondary suppliers they are one line,
    "secondary → metal": more would leave no room for mines and stocks.
    """
    found: dict[str, list[list[str]]] = {}
    secondary: dict[str, int] = {}
    every = chains(result)
    into = [_market_of_scrap(chain, result) for chain in every]
    for market in into:
        secondary[market] = secondary.get(market, 0) + 1
    for chain, market in zip(every, into, strict=True):
        many = market and secondary[market] > 2
        name = f"secondary → {words(market)}" if many else name_of(chain, result)
        found.setdefault(name, []).append(chain)
    return found


def _market_of_scrap(chain: list[str], result: xr.Dataset) -> str:
    told = (result.variables[flow].attrs for flow in chain)
    return next((str(a["market"]) for a in told if a.get("role") == "secondary"), "")


def flows_panel(part: xr.Dataset, chosen: Mapping[str, list[list[str]]]) -> xr.DataArray | None:
    """Return those of the chosen :func:`lines` that move something, along a dimension ``flow``."""
    added = {
        name: np.sum([_world(part, chain[0]) for chain in together], axis=0)
        for name, together in chosen.items()
    }
    shown = {name: world for name, world in added.items() if world.max() > 0}
    if not shown:
        return None
    every = len(_of_kind(part, "flow"))
    drawn = sum(len(chain) for name in shown for chain in chosen[name])
    what = f"all {every} flows" if drawn == every else f"{drawn} of {every} flows"
    first = chosen[next(iter(shown))][0][0]
    return _beside(part, shown, "flow", part.variables[first].attrs | {"long_name": what})


def stocks_panel(part: xr.Dataset) -> tuple[xr.DataArray | None, list[str]]:
    """Return the stocks in use: by process, or a single one by its longest dimension.

    The second are the names of all, the same for every part of a result.
    """
    use = _in_use(part)
    names = [words(name) for name in use]
    if len(use) == 1:
        ((process, name),) = use.items()
        stock = part[name]
        extra = [dim for dim in stock.dims if dim not in ("year", "sample")]
        if extra and float(stock.max()) > 0:
            longest = max(extra, key=lambda dim: stock.sizes[dim])
            shown = stock.mean("sample", keep_attrs=True) if "sample" in stock.dims else stock
            summed = shown.sum([dim for dim in extra if dim != longest], keep_attrs=True)
            what = f"stock of {words(process)} by {words(str(longest))}"
            return summed.assign_attrs(long_name=what), [str(x) for x in stock[longest].values]
    worlds = {words(process): _world(part, name) for process, name in use.items()}
    moving = {name: world for name, world in worlds.items() if world.max() > 0}
    if not moving:
        return None, names
    attrs = part.variables[next(iter(use.values()))].attrs
    return _beside(part, moving, "stock", attrs | {"long_name": "stocks in use"}), names


def _world(part: xr.Dataset, name: str) -> NDArray[np.float64]:
    """Return the world total of a flow or stock by year."""
    return np.asarray(totals(part.variables[name]).transpose("year").values)


def _beside(
    part: xr.Dataset,
    worlds: Mapping[str, NDArray[np.float64]],
    dim: str,
    told: Mapping[str, str],
) -> xr.DataArray:
    attrs = {"units": told.get("units", ""), "long_name": told["long_name"]}
    labels = {"year": part["year"], dim: list(worlds)}
    return xr.DataArray(np.stack([*worlds.values()], axis=1), labels, ("year", dim), attrs=attrs)


def words(name: str) -> str:
    """Return a name without underscores."""
    return name.replace("_", " ")
