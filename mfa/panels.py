"""What the figures of a result show: which flows and stocks, and in which order.

The choice follows from the structure of the system alone, never from the
numbers, so that one system has the same lines in the same colours in all
figures of all its minerals and scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

ROLES = ("demand", "primary", "secondary")


def totals(data: xr.DataArray) -> xr.DataArray:
    """Return world totals: summed over all dimensions but scenario, year and material.

    Samples are averaged, not summed.
    """
    mean = data.mean("sample", keep_attrs=True) if "sample" in data.dims else data
    over = [dim for dim in mean.dims if dim not in ("scenario", "year", "material")]
    return mean.sum(over, keep_attrs=True) if over else mean


def lean(result: xr.Dataset) -> xr.Dataset:
    """Return the flows and stocks of a result, as world totals where only these are drawn."""
    moving = {str(n): v for n, v in result.data_vars.items() if "kind" in v.attrs}
    stocks = [name for name, data in moving.items() if data.attrs["kind"] == "stock"]
    in_use = [name for name in stocks if moving[name].attrs.get("rule", "stock") == "stock"]
    whole = {*in_use} if len(in_use) == 1 else set()  # a single one is drawn by its labels
    return xr.Dataset(
        {
            name: data if name in whole else totals(data)
            for name, data in moving.items()
            if data.attrs["kind"] in ("flow", "stock")
        },
        attrs=result.attrs,
    )


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
    flows = {str(n): v.attrs for n, v in result.data_vars.items() if v.attrs.get("kind") == "flow"}
    into: dict[str, list[str]] = {}
    out_of: dict[str, list[str]] = {}
    for name, attrs in flows.items():
        into.setdefault(attrs["target"], []).append(name)
        out_of.setdefault(attrs["source"], []).append(name)
    kept = {v.attrs["process"] for v in result.data_vars.values() if v.attrs.get("kind") == "stock"}
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
    ends = [result[chain[0]].attrs["source"], *(result[flow].attrs["target"] for flow in chain)]
    return " → ".join(map(words, ends))


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
    told = (result[flow].attrs for flow in chain)
    return next((str(a["market"]) for a in told if a.get("role") == "secondary"), "")


def _added(flows: list[xr.DataArray]) -> xr.DataArray:
    """Return the world totals of flows, added."""
    total = _world(flows[0])
    for flow in flows[1:]:
        total = (total + _world(flow)).assign_attrs(total.attrs)
    return total


def flows_panel(part: xr.Dataset, most: int) -> tuple[xr.DataArray | None, list[str]]:
    """Return the flows that move something, along a dimension ``flow``, and the names of all drawn.

    The second is the same for every part of a result.
    """
    chosen = dict(list(lines(part).items())[:most])
    names = list(chosen)
    shown = {
        name: world
        for name, together in chosen.items()
        if float((world := _added([part[chain[0]] for chain in together])).max()) > 0
    }
    if not shown:
        return None, names
    every = sum(v.attrs.get("kind") == "flow" for v in part.data_vars.values())
    drawn = sum(len(chain) for name in shown for chain in chosen[name])
    what = f"all {every} flows" if drawn == every else f"{drawn} of {every} flows"
    return _beside(shown, "flow", what), names


def stocks_panel(part: xr.Dataset) -> tuple[xr.DataArray | None, list[str]]:
    """Return the stocks in use: by process, or a single one by its longest dimension."""
    use = {
        str(v.attrs["process"]): v
        for v in part.data_vars.values()
        if v.attrs.get("kind") == "stock" and v.attrs.get("rule", "stock") == "stock"
    }
    names = [words(name) for name in use]
    if len(use) == 1:
        ((name, stock),) = use.items()
        extra = [dim for dim in stock.dims if dim not in ("year", "sample")]
        if extra and float(stock.max()) > 0:
            longest = max(extra, key=lambda dim: stock.sizes[dim])
            shown = stock.mean("sample", keep_attrs=True) if "sample" in stock.dims else stock
            summed = shown.sum([dim for dim in extra if dim != longest], keep_attrs=True)
            what = f"stock of {words(name)} by {words(str(longest))}"
            return summed.assign_attrs(long_name=what), [str(x) for x in stock[longest].values]
    moving = {words(name): _world(stock) for name, stock in use.items() if float(stock.max()) > 0}
    return (_beside(moving, "stock", "stocks in use") if moving else None), names


def _world(data: xr.DataArray) -> xr.DataArray:
    return totals(data).reset_coords(drop=True)


def _beside(parts: Mapping[str, xr.DataArray], dim: str, long_name: str) -> xr.DataArray:
    first = next(iter(parts.values()))
    return xr.DataArray(
        np.stack([part.transpose("year").values for part in parts.values()], axis=1),
        {"year": first["year"], dim: list(parts)},
        ("year", dim),
        attrs={"units": first.attrs.get("units", ""), "long_name": long_name},
    )


def words(name: str) -> str:
    """Return a name without underscores."""
    return name.replace("_", " ")
