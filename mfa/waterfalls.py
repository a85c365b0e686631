"""The waterfall: from one value to another, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mfa.drawing import COLOURS, SCALES, new_axes, signed
from mfa.errors import MfaError
from mfa.panels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LESS, MORE, END = COLOURS[0], COLOURS[1], COLOURS[-1]


def waterfall(
    parts: xr.DataArray, ax: Axes | None = None, *, result: xr.Dataset | None = None
) -> Axes:
    """Draw what each lever adds or takes away, between the value of the reference and the new one.

    Parameters
    ----------
    parts : DataArray, dims ``(lever,)``
        As :func:`mfa.decompose` returns it for one year and place, with the
        coordinate ``reference``; tonnes are scaled to kt, Mt or Gt, a share
        is shown in per cent.  Where parts were sampled, whiskers of one standard
        error are drawn.
    ax : Axes, optional
        Where to draw; without it a new figure.
    result : Dataset, optional
        Whose scenario and sources stand at the foot.

    Returns
    -------
    Axes
        Bars from top to bottom: the reference and the end in grey, less in blue,
        more in orange; each with its number.

    Raises
    ------
    MfaError
        If other dimensions remain, or there is no reference.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> parts = xr.DataArray(
    ...     [-3e4, 1e4], {"lever": ["better_collection", "longer_life"], "reference": 5e4},
    ...     "lever", attrs={"units": "t/yr"})
    >>> ax = waterfall(parts, Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['50.0', '−30.0', '+10.0', '30.0']
    """
    if parts.dims != ("lever",):
        own = ", ".join(map(str, parts.dims))
        raise MfaError(
            f"a waterfall has one bar for each lever, these parts have the dimensions {own}; choose "
            "one year and one label of the others (year=, at=) or add them up (sum=)"
        )
    if "reference" not in parts.coords:
        raise MfaError("the parts have no coordinate 'reference', from which a waterfall starts")
    ax = ax if ax is not None else new_axes()
    start, unit = float(parts["reference"]), str(parts.attrs.get("units", ""))
    levels = np.concatenate([[start], start + np.cumsum(parts.values)])
    factor, unit = _scale(float(np.abs(levels).max()), unit)
    levels, steps = levels / factor, parts.values / factor
    names = [
        str(parts.attrs.get("reference_scenario", "reference")),
        *(str(lever) for lever in parts["lever"].values),
        str(parts.attrs.get("scenario", "all levers")),
    ]
    places = np.arange(len(names))
    left = np.concatenate([[0.0], np.minimum(levels[:-1], levels[1:]), [0.0]])
    width = np.concatenate([levels[:1], np.abs(steps), levels[-1:]])
    colours = [END, *(LESS if step < 0 else MORE for step in steps), END]
    ax.barh(places, width, 0.62, left=left, color=colours)
    for place, level in enumerate(levels):
        ax.plot([level, level], [place - 0.31, place + 1.31], color="#666666", linewidth=0.7)
    if "standard_error" in parts.coords and float(parts["standard_error"].max()) > 0:
        errors = parts["standard_error"].values / factor
        ax.errorbar(levels[1:], places[1:-1], xerr=errors, fmt="none", ecolor="black", capsize=3)
    low, high = min(0.0, float(levels.min())), max(0.0, float(levels.max()))
    reach = (high - low) or 1.0
    digits = 1 if reach >= 20 else 2 if reach >= 2 else 3
    values = [levels[0], *steps, levels[-1]]
    for place, value in enumerate(values):
        sign = "+" if 0 < place < len(values) - 1 else ""
        text = f"{value:{sign},.{digits}f}".replace("-", "−")
        right = max(left[place], left[place] + width[place]) + 0.015 * reach
        ax.text(right, place, text, va="center", fontsize=8.5)
    ax.set_yticks(places, [words(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(1.05 * low, high + 0.13 * reach)
    ax.set_xlabel(unit)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#e4e4e4", linewidth=0.7)
    ax.set_axisbelow(True)
    if title := parts.attrs.get("long_name"):
        ax.set_title(words(str(title)), loc="left", fontsize=11)
    return signed(ax, result)


def _scale(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the unit in which numbers are short.

    >>> _scale(3e4, "t/yr"), _scale(0.2, "1")
    ((1000.0, 'kt/yr'), (0.01, '%'))
    """
    if unit == "1":
        return 0.01, "%"
    if unit != "t" and not unit.startswith("t/"):
        return 1.0, unit
    factor, prefix = next(((f, p) for f, p in SCALES if largest >= f), (1.0, ""))
    return factor, prefix + unit
