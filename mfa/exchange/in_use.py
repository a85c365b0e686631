"""What enters, stays in and leaves first use, by end use: sums of flows and stocks of a system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

import xarray as xr

IN_USE = ("inflow_of_use", "stock_of_use", "outflow_of_use")
"""Names that stand for these sums beside the quantities of a result."""


def in_use(result: xr.Dataset, name: str) -> xr.DataArray | None:
    """Return one of the sums of :data:`IN_USE`; None if the result does not hold its parts.

    Parameters
    ----------
    result : Dataset
        With the merged scenario in its encoding, from which the role ``in_use`` is known.
    name : str
        ``inflow_of_use`` is what enters the stocks in that role that have a driver (second lives
        have none: their metal is counted already), t/yr; ``outflow_of_use`` what leaves them, t/yr;
        ``stock_of_use`` is in all stocks in the role, t.

    Returns
    -------
    DataArray or None
        A process that stands at one end use has its metal there.
    """
    scenarios = (result.encoding.get("scenario") or {}).get("scenarios") or [{}]
    system: Mapping[str, Any] = scenarios[0].get("system", {})
    role = system.get("roles", {}).get("in_use", ())
    stocks = [role] if isinstance(role, str) else list(role)
    processes = system.get("processes", {})
    if not stocks or not {*stocks} <= {*result.data_vars}:
        return None
    owners = [str(result[stock].attrs["process"]) for stock in stocks]
    if name == "stock_of_use":
        parts = [
            _placed(result[s], processes[o].get("at", {}))
            for s, o in zip(stocks, owners, strict=True)
        ]
    else:
        driven = [o for o in owners if "inflow" in processes[o] or "stock" in processes[o]]
        parts = list(_flows(result, "target" if name == "inflow_of_use" else "source", driven))
    if not parts:
        return None
    labels = {d: tuple(result[d].values.tolist()) for d in ("end_use",) if d in result.dims}
    shared = {d for d in ("scenario", "sample", "year", "region", "material") if d in result.dims}
    sums = [part.sum([d for d in part.dims if d not in shared | {*labels}]) for part in parts]
    whole = [
        part.reindex({d: list(own) for d, own in labels.items()}, fill_value=0.0) for part in sums
    ]
    unit = "t" if name == "stock_of_use" else "t/yr"
    return reduce(lambda one, other: one + other, whole).assign_attrs(units=unit)


def _flows(result: xr.Dataset, end: str, processes: list[str]) -> Iterator[xr.DataArray]:
    for data in result.data_vars.values():
        if data.attrs.get("kind") == "flow" and data.attrs[end] in processes:
            told = data.attrs.get(f"at_{end}", "")
            at = dict(part.split("=", 1) for part in told.split(", ") if part)
            yield _placed(data, at)


def _placed(data: xr.DataArray, at: Mapping[str, str]) -> xr.DataArray:
    """Give an array the dimension at one label of which its process stands."""
    new = {d: [str(label)] for d, label in at.items() if d not in data.dims}
    return data.expand_dims(new) if new else data
