"""What figures have in common: colours that everybody can tell apart, units, labels, names at lines."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mfa.credits import credit
from mfa.panels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""The colours of Okabe and Ito, the ones that lie far apart first; grey is for what is left."""

MOST = 8
"""More lines than this are not drawn in one figure."""

WORDS = ((1e9, "billion"), (1e6, "million"))

SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


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


def scaled(data: xr.DataArray) -> tuple[xr.DataArray, str]:
    """Return data whose largest number is short, and their unit: tonnes in kt, Mt or Gt, others in millions.

    >>> scaled(xr.DataArray([3e6], attrs={"units": "vehicle"}))[1]
    'million vehicle'
    """
    unit = str(data.attrs.get("units", ""))
    largest = float(np.abs(data).max()) if data.size else 0.0
    if unit != "t" and not unit.startswith("t/"):
        factor, many = next(((f, m) for f, m in WORDS if largest >= f), (1.0, ""))
        return (data / factor, f"{many} {unit}") if many and unit not in ("", "1") else (data, unit)
    factor, prefix = next(((f, p) for f, p in SCALES if largest >= f), (1.0, ""))
    return data / factor, prefix + unit


def new_axes() -> Axes:
    """Return the axes of a new figure that notebooks show."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(7.5, 4.2), layout="constrained").add_subplot()


def dress(ax: Axes, data: xr.DataArray, over: str, unit: str) -> None:
    """Give axes their labels, their grid and their title."""
    ax.set_xlabel("" if over == "year" else words(over))
    ax.set_ylabel("" if unit == "1" else unit)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#e4e4e4", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.margins(x=0)
    if text := data.attrs.get("long_name"):
        ax.set_title(str(text), loc="left", fontsize=11, y=1.02)  # without y, a pass over all texts


def signed(ax: Axes, result: xr.Dataset | None, note: str = "") -> Axes:
    """Write under axes what a figure shows and whose data it is made of, and return them.

    Parameters
    ----------
    ax : Axes
    result : Dataset, optional
        Whose attributes name program, scenario and sources; without it, or them, there is no such line.
    note : str
        What else has to be known.
    """
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    alone = len(figure.axes) == 1
    share = 1.0 if alone else ax.get_position().width
    letters = max(40, int(share * float(figure.get_size_inches()[0]) / 0.041))
    told = [note, credit(result.attrs) if result is not None else ""]
    text = "\n".join(fill(line, letters) for line in told if line)
    if text and alone:
        style = {"fontsize": 5.8, "color": "#666666", "linespacing": 1.25}
        figure.supxlabel(text, x=0.01, ha="left", **style)
    elif text:
        below = -22 if not ax.get_xlabel() else -34
        ax.annotate(
            text, (0.0, 0.0), (0, below), "axes fraction", "offset points", va="top",
            fontsize=5.8, color="#666666", linespacing=1.25, annotation_clip=False,
        )  # fmt: skip
    return ax


def name_ends(ax: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write names at the right end of lines, moved apart where they would overlap."""
    from matplotlib.collections import LineCollection

    low, high = ax.get_ylim()
    ordered = sorted(ends)
    placed = _apart([value for value, _, _ in ordered], (high - low) * 0.055, low)
    beside = ax.get_yaxis_transform()  # across: part of the axes; upwards: data
    for (_, name, colour), at in zip(ordered, placed, strict=True):
        ax.text(1.03, at, name, transform=beside, color=colour, fontsize=8.5, va="center")
    pointers = LineCollection(
        [[(1.0, value), (1.025, at)] for (value, _, _), at in zip(ordered, placed, strict=True)],
        colors=[colour for _, _, colour in ordered],
        linewidths=0.6,
        transform=beside,
        clip_on=False,
    )
    ax.add_collection(pointers, autolim=False)  # they do not count when limits are chosen


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
