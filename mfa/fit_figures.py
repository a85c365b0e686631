"""The S-curve of a fit with its data and its critical points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mfa.drawing import COLOURS, MOST, dress, new_axes, palette
from mfa.errors import MfaError
from mfa.panels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mfa.demand.fitted import Fit

POINTS = ("take_off", "turning", "zero_growth")


def s_curve(fit: Fit, ax: Axes | None = None, *, level: float = 0.9, up_to: float = 1.3) -> Axes:
    """Draw a fitted law with the data behind it, its band and its critical points.

    Parameters
    ----------
    fit : Fit
        Of :func:`mfa.demand.fit`.
    ax : Axes, optional
        Where to draw; without it a new figure.
    level : float
        Share of new observations within the band, and of the intervals of the critical points.
    up_to : float
        How far the curve is drawn, as a multiple of the largest x of the data.

    Returns
    -------
    Axes
        One curve and one colour for each group.  A saturation that is not identified is drawn dashed,
        and the title says so.  Of a single curve critical points within the figure are lines with
        their intervals as bars at the bottom.

    Raises
    ------
    MfaError
        If the fit was read from a file without its data, or has more than eight groups.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mfa import demand
    >>> x = np.linspace(0.0, 20.0, 30)
    >>> y = demand.logistic(x, saturation=10.0, midpoint=8.0, rate=0.6)
    >>> y = y + 0.1 * (-1.0) ** np.arange(30)
    >>> ax = s_curve(demand.fit("logistic", x, y), Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['take off', 'turning', 'zero growth']
    """
    points = fit.points
    if points is None:
        raise MfaError(
            "this fit does not hold its data (it was read from a file); draw one that demand.fit made"
        )
    groups: list[str] = [str(label) for label in points.labels] or [""]
    if len(groups) > MOST:
        raise MfaError(f"{len(groups)} curves cannot be told apart; fit at most {MOST} groups")
    ax = ax if ax is not None else new_axes()
    x, y = np.asarray(points.x, dtype=float), np.asarray(points.y, dtype=float)
    grid = np.linspace(min(0.0, float(x.min())), up_to * x.max(), 200)
    if fit.scaling.scale == "log":
        grid = np.geomspace(x.min(), up_to * x.max(), 200)
    at = xr.DataArray(grid, dims=(points.x_dim,), attrs={"units": str(points.units.get("x", "1"))})
    low, mid, high = fit.predict(at, level)
    sure = bool(mid.attrs["identified"])
    colours = palette(groups)
    for number, group in enumerate(groups):
        own = np.asarray(points.group) == number if len(groups) > 1 else np.full(len(x), True)
        chosen = [a.isel({fit.dim: number}) if fit.dim in a.dims else a for a in (low, mid, high)]
        ax.fill_between(grid, chosen[0], chosen[2], color=colours[group], alpha=0.15, linewidth=0)
        ax.plot(grid, chosen[1], color=colours[group], lw=1.8, ls="-" if sure else "--")
        ax.plot(x[own], y[own], ".", color=colours[group], markersize=4, label=words(group))
    units = {"x": str(points.units.get("x", "")), "y": str(points.units.get("y", ""))}
    told = "" if sure else ", saturation not identified"
    name = f"{words(fit.law)}: curve, {100 * level:g} % band, {len(x)} points{told}"
    shape = xr.DataArray(y, dims=("x",), attrs={"long_name": name})
    dress(ax, shape, "x", units["y"])
    ax.set_xlabel("" if units["x"] == "1" else units["x"])
    ax.set_ylim(bottom=min(0.0, float(y.min())))
    ax.set_xlim(float(grid[0]), float(grid[-1]))
    if len(groups) > 1:
        ax.legend(frameon=False, fontsize=8)
    else:
        _critical(ax, fit.critical_points(level), grid)
    return ax


def _critical(ax: Axes, found: Any, grid: Any) -> None:
    across = ax.get_xaxis_transform()  # along: data; upwards: part of the axes
    for number, name in enumerate(POINTS):
        if name not in found:
            continue
        place = float(found[name])
        if not grid[0] <= place <= grid[-1]:
            continue
        ends = [float(found[f"{name}_{end}"]) for end in ("low", "high")]
        ends = [min(max(end, grid[0]), grid[-1]) for end in ends]
        height = 0.02 + 0.02 * number
        colour = COLOURS[-1] if name != "turning" else COLOURS[1]
        ax.plot([place, place], [0.0, 1.0], color=colour, lw=0.9, ls=":", transform=across)
        ax.plot(ends, [height, height], color=colour, lw=2.5, transform=across)
        ax.text(
            place, 0.98, words(name), rotation=90, ha="right", va="top", fontsize=8, color="#444444",
            transform=across,
        )  # fmt: skip
