"""Areas of demand by end use and of supply by origin, read from the system of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mfa.areas import stacked
from mfa.drawing import MOST, new_axes, palette, signed
from mfa.errors import MfaError, known
from mfa.panels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MINED = ("#08306B", "#08519C", "#2171B5", "#4292C6", "#5FA6D3", "#7A8FA6")
"""Blues for what is mined, the largest first."""

RECYCLED = ("#00441B", "#1B7A3D", "#2E9A55", "#5BB974", "#7A9A6B")
"""Greens for what is recycled, the largest first."""


def demand(
    result: xr.Dataset, by: str = "end_use", *, ax: Axes | None = None, **at: str | int
) -> Axes:
    """Draw what markets are asked for as areas, by end use.

    Parameters
    ----------
    result : Dataset
        With flows whose attribute ``role`` is ``demand``, as every system with a market has.
    by : str
        The dimension whose labels are the areas.
    ax : Axes, optional
    **at : label of a dimension
        ``material="Co"``; of several materials or scenarios one has to be chosen.

    Returns
    -------
    Axes
        World totals from the first reported year on, the mean of samples.

    Raises
    ------
    MfaError
        If there is no market, no such dimension, or a choice is missing.
    """
    flows = _of_role(result, "demand")
    if not flows:
        raise MfaError("the result has no market, so no flow has the role 'demand'")
    chosen = {name: one_of(result[name], result, at, "demand") for name in flows}
    lacking = [name for name, data in chosen.items() if by not in data.dims]
    if lacking:
        dims = [str(d) for d in chosen[lacking[0]].dims if d not in ("year", "sample")]
        raise MfaError(f"{lacking[0]!r} has no dimension {by!r}. {known(by, dims, 'dimensions')}")
    total = sum_of([_world(data, keep=by) for data in chosen.values()])
    each = {str(label): total.sel({by: label}, drop=True) for label in total[by].values}
    parts = _largest(each, MOST)
    if not parts:
        raise MfaError(f"nothing is asked for here: {heading(result, at, 'demand')}")
    data = xr.concat([*parts.values()], by, coords="minimal").assign_coords({by: [*parts]})
    data.attrs = {"units": "t/yr", "long_name": heading(result, at, f"demand by {words(by)}")}
    drawn = stacked(
        data, by, ax if ax is not None else new_axes(), colours=palette([*parts]), sort=False
    )
    return signed(drawn, result)


def supply(result: xr.Dataset, *, ax: Axes | None = None, **at: str | int) -> Axes:
    """Draw where material comes from: what is mined by country in blue, what is recycled in green.

    Parameters
    ----------
    result : Dataset
        Of a system with sources; flows of role ``secondary`` are what is recycled.
    ax : Axes, optional
    **at : label of a dimension
        As for :func:`demand`.

    Returns
    -------
    Axes
        World totals from the first reported year on, the mean of samples.  What leaves sources is told as
        it leaves them, before any loss of refining; by its country if it has a dimension of places.
        The smallest beyond five of either colour are drawn as one.

    Raises
    ------
    MfaError
        If nothing comes from sources, or a choice is missing.
    """
    flows = {str(n): d for n, d in result.data_vars.items() if d.attrs.get("kind") == "flow"}
    fed = {d.attrs["target"] for d in flows.values()}
    first = [name for name, data in flows.items() if data.attrs["source"] not in fed]
    if not first:
        raise MfaError("no flow comes from a source, so there is no supply to draw")
    mined: dict[str, xr.DataArray] = {}
    given = {name: one_of(result[name], result, at, "supply") for name in first}
    given = {name: data for name, data in given.items() if float(np.abs(data.values).sum()) > 0}
    for data in given.values():
        places = [str(d) for d in data.dims if d not in ("year", "sample", "material")]
        source = words(str(data.attrs["source"]))
        if not places:
            mined[source] = _world(data)
            continue
        place = max(places, key=lambda dim: data.sizes[dim])
        whole = _world(data, keep=place)
        for label in whole[place].values:
            told = f"{source}, {label}" if len(given) > 1 else str(label)
            mined[told] = whole.sel({place: label}, drop=True)
    recycled = {
        words(str(result[name].attrs["source"])): _world(one_of(result[name], result, at, "supply"))
        for name in _of_role(result, "secondary")
    }
    green, blue = _largest(recycled, len(RECYCLED)), _largest(mined, len(MINED))
    parts = {**green, **blue}
    if not parts:
        raise MfaError(f"nothing is supplied here: {heading(result, at, 'supply')}")
    colours = dict(zip(green, RECYCLED, strict=False)) | dict(zip(blue, MINED, strict=False))
    data = xr.concat([*parts.values()], "origin", coords="minimal").assign_coords(origin=[*parts])
    data.attrs = {
        "units": "t/yr",
        "long_name": heading(result, at, "recycled, and mined by country"),
    }
    return signed(
        stacked(data, "origin", ax if ax is not None else new_axes(), colours=colours, sort=False),
        result,
    )


def one_of(
    data: xr.DataArray, result: xr.Dataset, at: Mapping[str, str | int], figure: str
) -> xr.DataArray:
    """Return an array at the labels that were chosen; of several scenarios and materials one has to be.

    Raises
    ------
    MfaError
        Naming what can be chosen.
    """
    for dim, label in at.items():
        if dim not in result.dims:
            raise MfaError(
                f"there is no dimension {dim!r}. {known(dim, map(str, result.dims), 'dimensions')}"
            )
        labels = [str(own) for own in result[dim].values]
        if str(label) not in labels:
            raise MfaError(f"{dim} has no label {label!r}. {known(str(label), labels, 'labels')}")
        if dim not in data.dims:
            raise MfaError(f"{data.name!r} has no dimension {dim!r}; choose without it")
    chosen = data.sel(dict(at))
    for dim in ("scenario", "material"):
        if dim in chosen.dims:
            labels = [str(own) for own in chosen[dim].values]
            if len(labels) > 1:
                told = ", ".join(labels[:8]) + (", …" if len(labels) > 8 else "")
                raise MfaError(f"{figure} shows one {dim} of {told}: {dim}={labels[0]!r}")
            chosen = chosen.isel({dim: 0}, drop=True)
    start = int(result.attrs.get("report_from", 0))
    return chosen.sel(year=slice(start, None)) if "year" in chosen.dims else chosen


def heading(result: xr.Dataset, at: Mapping[str, str | int], what: str) -> str:
    """Return the title of a figure: the scenario, what was chosen, what is shown."""
    titles = str(result.attrs.get("title", "")).split("; ")
    names = str(result.attrs.get("scenario_name", "")).split(", ")
    by_name = dict(zip(names, titles, strict=True)) if len(names) == len(titles) else {}
    scenario = str(at.get("scenario", names[0] if len(names) == 1 else ""))
    head = by_name.get(scenario, scenario)
    rest = [str(label) for dim, label in at.items() if dim != "scenario"]
    return ": ".join(part for part in (head, ", ".join([*rest, what])) if part)


def sum_of(parts: list[xr.DataArray]) -> xr.DataArray:
    """Return the sum of arrays of the same labels."""
    total = parts[0].copy()
    for part in parts[1:]:
        total = total + part
    return total


def _of_role(result: xr.Dataset, role: str) -> list[str]:
    return [
        str(name)
        for name, data in result.data_vars.items()
        if data.attrs.get("kind") == "flow" and data.attrs.get("role") == role
    ]


def _world(data: xr.DataArray, keep: str = "year") -> xr.DataArray:
    """Return the total of all places but one dimension, the mean of samples, without names."""
    mean = data.mean("sample") if "sample" in data.dims else data
    over = [dim for dim in mean.dims if dim not in ("year", keep)]
    return mean.sum(over).reset_coords(drop=True).rename(None)


def _largest(parts: Mapping[str, xr.DataArray], most: int) -> dict[str, xr.DataArray]:
    """Return what is there, the largest first; what is too much for the colours is one."""
    sizes = {name: float(np.abs(part.values).sum()) for name, part in parts.items()}
    names = sorted((name for name in parts if sizes[name] > 0), key=lambda name: -sizes[name])
    if len(names) <= most:
        return {name: parts[name] for name in names}
    rest = sum_of([parts[name] for name in names[most - 1 :]])
    shown = {name: parts[name] for name in names[: most - 1]}
    return {**shown, f"{len(names) - most + 1} others": rest}
