"""Two axes of criticality, and risk by year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.drawing import COLOURS, dress, new_axes, signed
from mfa.errors import MfaError
from mfa.panels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]


def criticality(
    importance: xr.DataArray,
    risk: xr.DataArray,
    ax: Axes | None = None,
    *,
    limits: tuple[float, float] | None = None,
    result: xr.Dataset | None = None,
) -> Axes:
    """Draw the criticality matrix: importance to the right, risk upwards, one point for each label.

    Parameters
    ----------
    importance, risk : DataArray, dims ``(other,)`` [1]
        The same labels; a point that is NaN on either axis is named beneath, not drawn.
    ax : Axes, optional
    limits : (importance, risk), optional
        From which values on a mineral is critical: 2.8 and 1.0 in the method of the European Union
        (doi:10.2873/769526), 2.5 and 2.5 in that of the National Research Council (doi:10.17226/12034).
    result : Dataset, optional
        What the data were taken from: it names scenario and sources at the foot.

    Returns
    -------
    Axes
        What is critical in orange, the rest in blue.

    Raises
    ------
    MfaError
        If there is not exactly one dimension, or labels differ.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> importance = xr.DataArray([3.0, 2.0], {"material": ["Co", "Cu"]}, name="importance")
    >>> risk = xr.DataArray([2.5, 0.1], {"material": ["Co", "Cu"]}, name="risk")
    >>> ax = criticality(importance, risk, Figure().add_subplot(), limits=(2.8, 1.0))
    >>> [text.get_text() for text in ax.texts]
    ['Co', 'Cu', 'critical']
    """
    if importance.ndim != 1 or importance.dims != risk.dims:
        own = tuple(map(str, (*importance.dims, *risk.dims)))
        raise MfaError(f"a matrix has one point for each label of one dimension; these have {own}")
    (dim,) = importance.dims
    labels = [str(label) for label in importance[dim].values]
    if labels != [str(label) for label in risk[dim].values]:
        raise MfaError(f"importance and risk have different labels of {dim!r}")
    ax = ax if ax is not None else new_axes()
    x, y = np.asarray(importance.values, float), np.asarray(risk.values, float)
    there = np.isfinite(x) & np.isfinite(y)
    critical = there & False if limits is None else there & (x >= limits[0]) & (y >= limits[1])
    colours = [COLOURS[1] if own else COLOURS[0] for own in critical[there]]
    ax.scatter(x[there], y[there], s=34, c=colours, zorder=3)
    right = 1.08 * max(float(np.max(x[there], initial=0.0)), limits[0] if limits else 0.0) or 1.0
    top = 1.12 * max(float(np.max(y[there], initial=0.0)), limits[1] if limits else 0.0) or 1.0
    ax.set_xlim(min(0.0, float(np.min(x[there], initial=0.0))), right)
    ax.set_ylim(min(0.0, float(np.min(y[there], initial=0.0))), top)
    _name(ax, [labels[n] for n in np.flatnonzero(there)], x[there] / right, y[there] / top)
    if limits:
        ax.axvline(limits[0], color="#888888", lw=0.8, ls="--")
        ax.axhline(limits[1], color="#888888", lw=0.8, ls="--")
        ax.fill_between([limits[0], right], limits[1], top, color=COLOURS[1], alpha=0.08, lw=0)
        ax.text(right, top, "critical", ha="right", va="top", fontsize=8.5, color=COLOURS[1])
    ax.set_xlabel(_axis(importance, "importance"))
    ax.set_ylabel(_axis(risk, "supply risk"))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#eeeeee", linewidth=0.7)
    ax.set_axisbelow(True)
    unknown = [label for label, own in zip(labels, there, strict=True) if not own]
    return signed(ax, result, f"not evaluable: {', '.join(unknown)}" if unknown else "")


def _name(ax: Axes, labels: list[str], across: Array, up: Array) -> None:
    """Write a name at each point, where it covers no other: beside it, above or below, else further away."""
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    wide, high = 0.85 * 72 * figure.get_size_inches()  # in points, as letters are
    taken = [(a * wide - 4, b * high - 4, 8.0, 8.0) for a, b in zip(across, up, strict=True)]
    near = [(6, -3, "left"), (-6, -3, "right"), (0, 6, "center"), (0, -13, "center")]
    far = [(d * i, e * i, side) for i in (1.4, 2.2, 3.0) for d, e, side in
           ((6, 6, "left"), (6, -8, "left"), (-6, 6, "right"), (-6, -8, "right"))]  # fmt: skip
    for number in np.argsort(-up, kind="stable"):
        long = 4.6 * len(labels[number])
        for right, above, side in [*near, *far]:
            start = {"left": 0.0, "right": -long, "center": -long / 2}[side]
            box = (across[number] * wide + right + start, up[number] * high + above, long, 9.0)
            own = [other for n, other in enumerate(taken) if n != number]
            if not any(_overlap(box, other) for other in own) and 0 < box[0] < wide - long:
                break
        taken.append(box)
        xlim, ylim = ax.get_xlim()[1], ax.get_ylim()[1]
        ax.annotate(
            labels[number], (across[number] * xlim, up[number] * ylim), (right, above), ha=side,
            textcoords="offset points", fontsize=8,
        )  # fmt: skip


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(one[n] < other[n] + other[n + 2] and other[n] < one[n] + one[n + 2] for n in (0, 1))


def _axis(data: xr.DataArray, otherwise: str) -> str:
    name = str(data.attrs.get("long_name", data.name or otherwise))
    unit = str(data.attrs.get("units", ""))
    return words(name) + (f" [{unit}]" if unit not in ("", "1") else "")


def risk_map(
    data: xr.DataArray,
    over: str = "year",
    ax: Axes | None = None,
    *,
    highest: float | None = None,
    result: xr.Dataset | None = None,
) -> Axes:
    """Draw values by year and label as colours, dark to bright: one row for each label.

    Parameters
    ----------
    data : DataArray, dims ``(over, other)``
        NaN stays white.
    over : str
    ax : Axes, optional
    highest : float, optional
        The brightest value, 1 for an index of concentration; without it the largest of the data.
    result : Dataset, optional
        What the data were taken from: it names scenario and sources at the foot.

    Returns
    -------
    Axes
        The last value of each row is written at its end.

    Raises
    ------
    MfaError
        If there are other dimensions.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> data = xr.DataArray([[0.1, 0.4]], {"year": [2020], "material": ["Li", "Co"]}, ("year", "material"))
    >>> [text.get_text() for text in risk_map(data, ax=Figure().add_subplot()).texts]
    ['0.10', '0.40']
    """
    others = [str(dim) for dim in data.dims if dim != over]
    if over not in data.dims or len(others) != 1:
        raise MfaError(
            f"the data have the dimensions {tuple(map(str, data.dims))}, wanted are {over} and one more"
        )
    ax = ax if ax is not None else new_axes()
    figure = ax.figure
    turned = data.transpose(others[0], over)
    values = np.ma.masked_invalid(np.asarray(turned.values, dtype=float))
    along = np.asarray(turned[over].values, dtype=float)
    step = float(np.diff(along).min()) if len(along) > 1 else 1.0
    edges = np.concatenate([along - step / 2, [along[-1] + step / 2]])
    largest = float(values.max()) if values.count() else 1.0
    mesh = ax.pcolormesh(
        edges, np.arange(len(values) + 1), values, cmap="cividis",
        vmin=min(0.0, float(values.min()) if values.count() else 0.0),
        vmax=highest if highest is not None else largest or 1.0,
    )  # fmt: skip
    dress(ax, data, over, "")
    ax.grid(False)
    ax.set_yticks(np.arange(len(values)) + 0.5, [str(label) for label in data[others[0]].values])
    ax.set_ylim(len(values), 0)
    ax.tick_params(axis="y", length=0)
    for row, own in enumerate(values):
        if own.count():
            last = own.compressed()[-1]
            ax.text(1.01, row + 0.5, f"{last:.2f}" if abs(last) < 10 else f"{last:,.0f}",
                    transform=ax.get_yaxis_transform(), va="center", fontsize=8)  # fmt: skip
    unit = str(data.attrs.get("units", ""))
    signed(ax, result)
    figure.colorbar(mesh, ax=ax, pad=0.08, shrink=0.9, label="" if unit == "1" else unit)
    return ax
