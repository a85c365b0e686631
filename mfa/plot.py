"""Figures with units, a source line and colours that everybody can tell apart (matplotlib only)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known
from mfa.panels import flows_panel, stocks_panel, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""The colours of Okabe and Ito, the ones that lie far apart first; grey is for what is left."""

MOST = 8
"""More lines than this are not drawn in one figure."""

DPI = 120
"""Of the figures that are saved with every result, 960 × 540 pixels."""

SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


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
    ax = ax if ax is not None else _new_axes()
    shown, unit = _scaled(data)
    ends = []
    drawn = list(_series(shown, over))
    given = colours or palette([name for name, _ in drawn])
    for name, series in drawn:
        ax.plot(series[over].values, series.values, color=given[name], linewidth=1.8)
        ends.append((float(series.values[-1]), name, given[name]))
    ax.set_ylim(bottom=min(0.0, float(shown.min())))
    _dress(ax, data, over, unit)
    _name_ends(ax, [end for end in ends if end[1]])
    return ax


def palette(names: Sequence[str]) -> dict[str, str]:
    """Return one colour for each name, in their order.

    >>> palette(["Co", "Li"])
    {'Co': '#0072B2', 'Li': '#D55E00'}
    """
    if len(names) <= MOST:
        return dict(zip(names, COLOURS, strict=False))
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    many = [to_hex(colour) for colour in colormaps["tab20"](range(20))]
    return {name: many[position % 20] for position, name in enumerate(names)}


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
    ax = ax if ax is not None else _new_axes()
    shown, unit = _scaled(data)
    if float(shown.min()) < -1e-9 * float(np.abs(shown).max()):
        raise MfaError("areas cannot show negative values; use plot.lines")
    parts = dict(_series(shown, over, by, most=None))
    if np.issubdtype(shown[by].dtype, np.number):
        _stack_in_order(ax, shown[over].values, parts)
    else:
        _stack_by_size(ax, shown[over].values, parts, colours or palette(list(parts)))
    ax.set_ylim(bottom=0.0)
    _dress(ax, data, over, unit)
    return ax


def _stack_by_size(
    ax: Axes, over: Any, parts: Mapping[str, xr.DataArray], colours: Mapping[str, str]
) -> None:
    sizes = {name: float(part.sum()) for name, part in parts.items()}
    names = sorted(parts, key=lambda name: -sizes[name])
    names = [name for name in names if sizes[name]] or names[:1]  # what is nowhere has no area
    values = [parts[name].values for name in names[:MOST]]
    shown = [colours[name] for name in names[:MOST]]
    if len(names) > MOST:
        values[-1] = np.sum([parts[name].values for name in names[MOST - 1 :]], axis=0)
        names = [*names[: MOST - 1], f"{len(names) - MOST + 1} others"]
        shown[-1] = COLOURS[-1]
    ax.stackplot(over, values, colors=shown, linewidth=0.4, edgecolor="white")
    top = np.cumsum([value[-1] for value in values])
    middles = [float(t - value[-1] / 2) for t, value in zip(top, values, strict=True)]
    _name_ends(ax, list(zip(middles, map(words, names), shown, strict=True)))


def _stack_in_order(ax: Axes, over: Any, parts: Mapping[str, xr.DataArray]) -> None:
    """Stack numbered things, the first at the bottom, in the order of a colour scale."""
    from matplotlib import colormaps

    colours = colormaps["viridis"](np.linspace(0.0, 0.95, len(parts)))
    areas = ax.stackplot(
        over,
        [part.values for part in parts.values()],
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
) -> Iterator[tuple[str, xr.DataArray]]:
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
        yield "", data
        return
    if most is not None and data.sizes[others[0]] > most:
        raise MfaError(
            f"{data.sizes[others[0]]} lines cannot be told apart; "
            f"select at most {most} of {others[0]!r}"
        )
    for label in data[others[0]].values:
        yield str(label), data.sel({others[0]: label})


def _scaled(data: xr.DataArray) -> tuple[xr.DataArray, str]:
    unit = str(data.attrs.get("units", ""))
    largest = float(np.abs(data).max()) if data.size else 0.0
    if unit != "t" and not unit.startswith("t/"):
        return data, unit
    factor, prefix = next(((f, p) for f, p in SCALES if largest >= f), (1.0, ""))
    return data / factor, prefix + unit


def _new_axes() -> Axes:
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(7.5, 4.2), layout="constrained").add_subplot()


def _dress(ax: Axes, data: xr.DataArray, over: str, unit: str) -> None:
    ax.set_xlabel("" if over == "year" else words(over))
    ax.set_ylabel("" if unit == "1" else unit)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#e4e4e4", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.margins(x=0)
    if text := data.attrs.get("long_name"):
        ax.set_title(str(text), loc="left", fontsize=11, y=1.02)  # without y, a pass over all texts


def _name_ends(ax: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write names at the right end of lines, moved apart where they would overlap."""
    low, high = ax.get_ylim()
    ordered = sorted(ends)
    placed = _apart([value for value, _, _ in ordered], (high - low) * 0.055, low)
    for (value, name, colour), at in zip(ordered, placed, strict=True):
        ax.annotate(
            name,
            xy=(1.0, value), xycoords=("axes fraction", "data"),
            xytext=(1.03, at), textcoords=("axes fraction", "data"),
            color=colour, fontsize=8.5, va="center", annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 0.6,
                "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5),
            },
        )  # fmt: skip


def _apart(wanted: Sequence[float], gap: float, low: float) -> list[float]:
    """Return ascending heights at least a gap apart, each group as near as can be to its wish.

    >>> _apart([0.0, 1.0, 1.0], 0.5, 0.0)
    [0.0, 0.75, 1.25]
    """
    groups: list[list[float]] = []

    def heights(group: list[float]) -> tuple[float, float]:
        half = gap * (len(group) - 1) / 2
        bottom = max(sum(group) / len(group) - half, low)
        return bottom, bottom + 2 * half

    for value in wanted:
        groups.append([value])
        while len(groups) > 1 and heights(groups[-2])[1] + gap > heights(groups[-1])[0]:
            last = groups.pop()
            groups[-1] += last
    return [heights(group)[0] + gap * i for group in groups for i in range(len(group))]


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
    batch = "scenario" in result.dims
    first = int(result.attrs.get("report_from", result["year"].values[0]))
    late = result.sel(year=slice(first, None))
    figures: dict[str, Figure] = {}
    for name, title in _titles(result).items():
        one = late.sel(scenario=name) if batch else late
        materials = [str(m) for m in one["material"].values] if "material" in one.dims else [""]
        for material in materials:
            part = one.sel(material=material) if material else one
            ending = "_".join(filter(None, (material, name if batch else "")))
            for what, (panel, all_names) in {
                "flows": flows_panel(part, MOST),
                "stocks": stocks_panel(part),
            }.items():
                if panel is None:
                    continue
                head = ": ".join(filter(None, (title, material)))
                panel = panel.assign_attrs(long_name=f"{head}, {panel.attrs['long_name']}")
                figures[f"{what}_{ending}".rstrip("_")] = _page(
                    panel, what, result, palette(all_names)
                )
    return figures


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


def _page(panel: xr.DataArray, what: str, result: xr.Dataset, colours: Mapping[str, str]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.5), dpi=DPI)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.09, 0.13, 0.62, 0.76))
    other = next(str(dim) for dim in panel.dims if dim != "year")
    if what == "stocks":
        stacked(panel, other, ax, colours=colours)
    else:
        lines(panel, ax=ax, colours=colours)
    sha = str(result.attrs.get("scenario_sha256", ""))[:8]
    source = (
        f"{result.attrs.get('source', 'mfa')}, scenario {sha}, contained mass, all places together"
    )
    figure.text(0.01, 0.015, source, fontsize=7, color="#666666")
    return figure
