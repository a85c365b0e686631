"""Areas on top of each other, by name or by number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.drawing import COLOURS, MOST, dress, name_ends, new_axes, palette, scaled, signed
from mfa.errors import MfaError, known
from mfa.panels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]


def stacked(
    data: xr.DataArray,
    by: str,
    ax: Axes | None = None,
    over: str = "year",
    colours: Mapping[str, str] | None = None,
    *,
    sort: bool = True,
    result: xr.Dataset | None = None,
) -> Axes:
    """Draw areas on top of each other, the largest at the bottom; years of entry in their order.

    Parameters
    ----------
    data : DataArray, dims ``(over, by)``
        Nowhere negative; beyond eight names the smallest are drawn as one.
    by : str
        The dimension whose labels are the areas.
    ax, over, colours
        As in :func:`mfa.plot.lines`.
    sort : bool
        If not, areas of names lie in the order of their labels.
    result : Dataset, optional
        What the data were taken from: it names scenario and sources at the foot.

    Returns
    -------
    Axes

    Raises
    ------
    MfaError
        If other dimensions remain or a value is negative.
    """
    ax = ax if ax is not None else new_axes()
    shown, unit = scaled(data)
    if float(shown.values.min()) < -1e-9 * float(np.abs(shown.values).max()):
        raise MfaError("areas cannot show negative values; use plot.lines")
    parts = dict(series(shown, over, by, most=None))
    if np.issubdtype(shown[by].dtype, np.number):
        _stack_in_order(ax, shown[over].values, parts)
    else:
        _stack_by_name(ax, shown[over].values, parts, colours or palette(list(parts)), sort)
    ax.set_ylim(bottom=0.0)
    dress(ax, data, over, unit)
    return signed(ax, result)


def cohorts(
    data: xr.DataArray,
    ax: Axes | None = None,
    *,
    together: int = 5,
    result: xr.Dataset | None = None,
) -> Axes:
    """Draw a stock by the years in which it entered, the oldest at the bottom.

    Parameters
    ----------
    data : DataArray, dims ``(year, cohort)``
        Of :func:`mfa.stocks.by_cohort`; other dimensions are selected or summed before.
    ax : Axes, optional
    together : int
        Years of entry that are one area; 1 draws each by itself.
    result : Dataset, optional
        What the data were taken from: it names scenario and sources at the foot.

    Returns
    -------
    Axes

    Raises
    ------
    MfaError
        If there is no dimension ``cohort``, or there are others.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> data = xr.DataArray(np.tri(4), {"year": range(2020, 2024), "cohort": range(2020, 2024)},
    ...     ("year", "cohort"), attrs={"units": "vehicle"})
    >>> ax = cohorts(data, Figure().add_subplot(), together=2)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['2022–2023', '2020–2021']
    """
    if {*data.dims} != {"year", "cohort"}:
        own = ", ".join(map(str, data.dims))
        raise MfaError(
            f"a cohort plot wants year and cohort, the data have {own}; stocks.by_cohort makes the "
            "dimension cohort, and others are summed or selected before"
        )
    entered = data["cohort"].values.astype(int)
    names: list[str] = []
    parts: list[xr.DataArray] = []
    for first in range(entered[0] // together * together, entered[-1] + 1, together):
        inside = (entered >= first) & (entered < first + together)
        if not inside.any():
            continue
        ends = entered[inside][0], entered[inside][-1]
        names.append(str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}")
        parts.append(data.isel(cohort=np.flatnonzero(inside)).sum("cohort"))
    stack = xr.concat(parts, "cohort", coords="minimal").assign_coords(cohort=names)
    shown, unit = scaled(stack.assign_attrs(data.attrs))
    ax = ax if ax is not None else new_axes()
    values = {name: shown.sel(cohort=name).transpose("year").values for name in names}
    _stack_in_order(ax, shown["year"].values, values)
    ax.set_ylim(bottom=0.0)
    title = str(data.attrs.get("long_name", "stock"))
    dress(ax, shown.assign_attrs(long_name=f"{title}, by year of entry"), "year", unit)
    return signed(ax, result)


def _stack_by_name(
    ax: Axes,
    over: Any,
    parts: Mapping[str, Array],
    colours: Mapping[str, str],
    sort: bool,
) -> None:
    sizes = {name: float(part.sum()) for name, part in parts.items()}
    names = sorted(parts, key=lambda name: -sizes[name]) if sort else [*parts]
    names = [name for name in names if sizes[name]] or names[:1]  # what is nowhere has no area
    most = MOST if sort else len(names)
    values = [parts[name] for name in names[:most]]
    shown = [colours[name] for name in names[:most]]
    if len(names) > most:
        values[-1] = np.sum([parts[name] for name in names[MOST - 1 :]], axis=0)
        names = [*names[: MOST - 1], f"{len(names) - MOST + 1} others"]
        shown[-1] = COLOURS[-1]
    _areas(ax, over, values, shown)
    top = np.cumsum([value[-1] for value in values])
    middles = [float(t - value[-1] / 2) for t, value in zip(top, values, strict=True)]
    name_ends(ax, list(zip(middles, map(words, names), shown, strict=True)))


def _areas(ax: Axes, over: Any, values: Sequence[Array], colours: Sequence[str]) -> None:
    """Draw areas on top of each other, all at once: one by one takes three times as long."""
    from matplotlib.collections import PolyCollection

    edges = np.cumsum([np.zeros(len(over)), *values], axis=0)
    there_and_back = np.concatenate([over, over[::-1]])
    outlines = [
        np.column_stack([there_and_back, np.concatenate([top, bottom[::-1]])])
        for bottom, top in pairwise(edges)
    ]
    areas = PolyCollection(outlines, facecolors=colours, edgecolors="white", linewidths=0.4)
    areas.sticky_edges.y[:] = [0.0]  # no margin below the lowest
    ax.add_collection(areas)
    ax.autoscale_view()


def _stack_in_order(ax: Axes, over: Any, parts: Mapping[str, Array]) -> None:
    """Stack numbered things, the first at the bottom, in the order of a colour scale."""
    from matplotlib import colormaps

    colours = colormaps["viridis"](np.linspace(0.0, 0.95, len(parts)))
    areas = ax.stackplot(
        over,
        list(parts.values()),
        colors=colours,
        linewidth=0.4,
        edgecolor="white",
    )
    step = -(-len(parts) // 12)
    ax.legend(
        areas[::-step],
        list(parts)[::-step],
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
    )


def series(
    data: xr.DataArray, over: str, by: str | None = None, most: int | None = MOST
) -> Iterator[tuple[str, Array]]:
    """Yield the name and the values of each line."""
    if over not in data.dims:
        raise MfaError(f"there is no dimension {over!r}. {known(over, data.dims, 'dimensions')}")
    others = [str(dim) for dim in data.dims if dim != over]
    if len(others) > 1 or (by is not None and others != [by]):
        wanted = f"{over} and {by}" if by else f"{over} and one more"
        raise MfaError(
            f"the data have the dimensions {tuple(data.dims)}, wanted are {wanted}; "
            "sum or select the others"
        )
    if not others:
        yield "", np.asarray(data.values)
        return
    if most is not None and data.sizes[others[0]] > most:
        raise MfaError(
            f"{data.sizes[others[0]]} lines cannot be told apart; "
            f"select at most {most} of {others[0]!r}"
        )
    for label, values in zip(
        data[others[0]].values, data.transpose(others[0], over).values, strict=True
    ):
        yield str(label), values
