"""Figures with units, a source line and colours that everybody can tell apart (matplotlib only)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.drawing import COLOURS as COLOURS
from mfa.drawing import MOST, dress, name_ends, new_axes, palette, scaled
from mfa.errors import MfaError, known
from mfa.panels import flows_panel, lean, stocks_panel, words
from mfa.panels import lines as flow_lines
from mfa.tornadoes import tornado as tornado
from mfa.waterfalls import waterfall as waterfall

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

DPI = 120
"""Of the figures that are saved with every result, 960 × 540 pixels."""


def lines(
    data: xr.DataArray,
    over: str = "year",
    ax: Axes | None = None,
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Draw one line for each label of the remaining dimension, named at its end.

    Parameters
    ----------
    data : DataArray, dims ``(over,)`` or ``(over, other)``
        With ``attrs["units"]``; tonnes are scaled to kt, Mt or Gt.
    over : str
        The dimension along the axis, usually ``year``.
    ax : Axes, optional
        Where to draw; without it a new figure.
    colours : mapping of label to colour, optional
        Without it :data:`COLOURS`, in the order of the labels.

    Returns
    -------
    Axes

    Raises
    ------
    MfaError
        If more than one dimension remains, or it has more than eight labels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> data = xr.DataArray([1e6, 2e6], {"year": [2020, 2030]}, attrs={"units": "t/yr"})
    >>> lines(data, ax=Figure().add_subplot()).get_ylabel()
    'Mt/yr'
    """
    ax = ax if ax is not None else new_axes()
    shown, unit = scaled(data)
    ends = []
    drawn = list(_series(shown, over))
    given = colours or palette([name for name, _ in drawn])
    for name, series in drawn:
        ax.plot(shown[over].values, series, color=given[name], linewidth=1.8)
        ends.append((float(series[-1]), name, given[name]))
    ax.set_ylim(bottom=min(0.0, float(shown.values.min())))
    dress(ax, data, over, unit)
    name_ends(ax, [end for end in ends if end[1]])
    return ax


def stacked(
    data: xr.DataArray,
    by: str,
    ax: Axes | None = None,
    over: str = "year",
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Draw areas on top of each other, the largest at the bottom; years of entry in their order.

    Parameters
    ----------
    data : DataArray, dims ``(over, by)``
        Nowhere negative; beyond eight names the smallest are drawn as one.
    by : str
        The dimension whose labels are the areas.
    ax, over, colours
        As in :func:`lines`.

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
    parts = dict(_series(shown, over, by, most=None))
    if np.issubdtype(shown[by].dtype, np.number):
        _stack_in_order(ax, shown[over].values, parts)
    else:
        _stack_by_size(ax, shown[over].values, parts, colours or palette(list(parts)))
    ax.set_ylim(bottom=0.0)
    dress(ax, data, over, unit)
    return ax


def _stack_by_size(
    ax: Axes, over: Any, parts: Mapping[str, Array], colours: Mapping[str, str]
) -> None:
    sizes = {name: float(part.sum()) for name, part in parts.items()}
    names = sorted(parts, key=lambda name: -sizes[name])
    names = [name for name in names if sizes[name]] or names[:1]  # what is nowhere has no area
    values = [parts[name] for name in names[:MOST]]
    shown = [colours[name] for name in names[:MOST]]
    if len(names) > MOST:
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


def _series(
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


# ----------------------------------------------------------------- overview


def overview(result: xr.Dataset) -> dict[str, Figure]:
    """Draw the figures that are saved with every result.

    Parameters
    ----------
    result : Dataset
        Of :func:`mfa.run` or :func:`mfa.run_batch`, or read from a file.

    Returns
    -------
    dict of name to Figure
        For each scenario and material ``flows_…`` (eight flows that
        :mod:`mfa.panels` chooses, world totals from the first reported year)
        and ``stocks_…``; a flow or stock has one colour in all of them.
    """
    figures: dict[str, Figure] = {}
    for page in _pages(result):
        figures[page.name] = _sheet()
        page.draw(figures[page.name])
    return figures


def write(result: xr.Dataset, folder: Path) -> list[str]:
    """Draw the figures of :func:`overview` into a folder, as PNG; return their names.

    All are drawn on one sheet, which takes half the time of a figure for each.
    """
    names, sheet = [], _sheet()
    for page in _pages(result):
        page.draw(sheet)
        _save(sheet, folder / f"{page.name}.png")
        names.append(page.name)
    return names


def _save(sheet: Figure, path: Path) -> None:
    """Write a sheet as PNG of 256 colours, which takes a third of the time and the space."""
    from PIL import Image

    canvas: Any = sheet.canvas
    canvas.draw()
    drawn = canvas.buffer_rgba()
    size = (drawn.shape[1], drawn.shape[0])
    whole = Image.frombytes("RGB", size, drawn, "raw", "RGBX")
    few = whole.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    colours, paper = few.getpalette() or [], few.getpixel((0, 0))
    assert isinstance(paper, int)
    colours[3 * paper : 3 * paper + 3] = [255, 255, 255]  # quantised it is not quite white
    few.putpalette(colours)
    few.save(path, compress_level=3, dpi=(DPI, DPI))


@dataclass(frozen=True)
class _Page:
    """One figure: its name, what is drawn, in which colours, and the line at its foot."""

    name: str
    panel: xr.DataArray
    areas: bool
    colours: Mapping[str, str]
    source: str

    def draw(self, sheet: Figure) -> None:
        """Draw on a sheet, in the place of what was drawn on it before."""
        (ax,), (foot,) = sheet.axes, sheet.texts
        for artist in [*ax.lines, *ax.collections, *ax.artists, *ax.texts]:
            artist.remove()
        ax.relim()
        ax.autoscale(enable=True)
        if self.areas:
            by = next(str(dim) for dim in self.panel.dims if dim != "year")
            stacked(self.panel, by, ax, colours=self.colours)
        else:
            lines(self.panel, ax=ax, colours=self.colours)
        foot.set_text(self.source)


def _sheet() -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from mfa.sheets import Canvas

    figure = Figure(figsize=(8.0, 4.5), dpi=DPI)
    Canvas(figure)
    ax = figure.add_axes((0.09, 0.13, 0.62, 0.76))
    ax.yaxis.set_label_coords(-0.095, 0.5)  # else it is found from the boxes of all tick labels
    ax.xaxis.set_label_coords(0.5, -0.1)
    for axis in (ax.xaxis, ax.yaxis):  # few: numbers are what takes longest to draw
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    figure.text(0.01, 0.015, "", fontsize=7, color="#666666")
    return figure


def _pages(result: xr.Dataset) -> Iterator[_Page]:
    batch = "scenario" in result.dims
    first = int(result.attrs.get("report_from", result["year"].values[0]))
    late = lean(result).sel(year=slice(first, None))
    flows = dict([*flow_lines(late).items()][:MOST])
    sha = str(result.attrs.get("scenario_sha256", ""))[:8]
    source = (
        f"{result.attrs.get('source', 'mfa')}, scenario {sha}, contained mass, all places together"
    )
    for name, title in _titles(result).items():
        one = late.sel(scenario=name) if batch else late
        materials = [str(m) for m in one["material"].values] if "material" in one.dims else [""]
        for number, material in enumerate(materials):
            part = one.isel(material=number) if material else one
            ending = "_".join(filter(None, (material, name if batch else "")))
            for what, (panel, every) in {
                "flows": (flows_panel(part, flows), list(flows)),
                "stocks": stocks_panel(part),
            }.items():
                if panel is None:
                    continue
                head = ": ".join(filter(None, (title, material)))
                panel = panel.assign_attrs(long_name=f"{head}, {panel.attrs['long_name']}")
                key = f"{what}_{ending}".rstrip("_")
                yield _Page(key, panel, what == "stocks", palette(every), source)


def _titles(result: xr.Dataset) -> dict[str, str]:
    """Return the title of every scenario of a result, or its name where titles are not known."""
    titles = str(result.attrs.get("title", "")).split("; ")
    run = str(result.attrs.get("scenario_name", "")).split(", ")
    known_titles = dict(zip(run, titles, strict=True)) if len(run) == len(titles) else {}
    names = [str(name) for name in result["scenario"].values] if "scenario" in result.dims else run
    if "scenario" not in result.dims and len(run) > 1:
        names = [", ".join(run)]
    return {name: _short(known_titles.get(name) or words(name)) for name in names}


def _short(text: str, most: int = 56) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
