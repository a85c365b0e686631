"""Lines by name with the bands of samples, in one figure or in small ones side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mfa.areas import series
from mfa.bands import BAND
from mfa.drawing import COLOURS, dress, name_ends, new_axes, palette, scaled, signed
from mfa.errors import MfaError, known
from mfa.panels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PANELS = 24
"""More small figures than this cannot be read."""


def lines(
    data: xr.DataArray,
    over: str = "year",
    ax: Axes | None = None,
    colours: Mapping[str, str] | None = None,
    *,
    result: xr.Dataset | None = None,
) -> Axes:
    """Draw one line for each label of the remaining dimension, named at its end; of samples with bands.

    Parameters
    ----------
    data : DataArray, dims ``(over,)`` or ``(over, other)``, and ``sample`` or ``quantile``
        With ``attrs["units"]``; tonnes are scaled to kt, Mt or Gt.  Of samples the median is the
        line, with a band from the 25th to the 75th percentile in one from the 5th to the 95th; of
        :func:`mfa.quantiles` it is the middle quantile, with a band for each pair of outer ones.
    over : str
        The dimension along the axis, usually ``year``.
    ax : Axes, optional
        Where to draw; without it a new figure.
    colours : mapping of label to colour, optional
        Without it :data:`COLOURS`, in the order of the labels.
    result : Dataset, optional
        What the data were taken from: it names scenario and sources at the foot.

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
    middle, spans, note = _spread(shown)
    ends = []
    drawn = list(series(middle, over))
    given = colours or palette([name for name, _ in drawn])
    for low, high in spans:
        pairs = zip(series(low, over), series(high, over), strict=True)
        for (name, bottom), (_, top) in pairs:
            ax.fill_between(
                shown[over].values, bottom, top, color=given[name], alpha=0.18, linewidth=0
            )
    for name, values in drawn:
        ax.plot(shown[over].values, values, color=given[name], linewidth=1.8)
        ends.append((float(values[-1]), name, given[name]))
    ax.set_ylim(bottom=min(0.0, float(shown.values.min())))
    dress(ax, data, over, unit)
    name_ends(ax, [end for end in ends if end[1]])
    return signed(ax, result, note)


def _spread(
    data: xr.DataArray,
) -> tuple[xr.DataArray, list[tuple[xr.DataArray, xr.DataArray]], str]:
    """Return the line, the bands around it, the widest first, and what they are."""
    if "sample" in data.dims:
        count = data.sizes["sample"]
        if count == 1:
            return data.isel(sample=0, drop=True), [], ""
        levels = list(BAND)
        turned = data.transpose("sample", ...)
        values = np.quantile(np.asarray(turned.values), levels, axis=0)
        coords = {d: data.coords[d] for d in turned.dims[1:] if d in data.coords}
        data = xr.DataArray(values, {"quantile": levels, **coords}, ("quantile", *turned.dims[1:]))
        of = f" of {count} samples"
    elif "quantile" in data.dims:
        levels, of = [float(level) for level in data["quantile"].values], ""
    else:
        return data, [], ""
    order = np.argsort(levels)
    parts = [data.isel(quantile=int(n), drop=True) for n in order]
    levels = [levels[n] for n in order]
    half = len(levels) // 2
    spans = [(parts[n], parts[-1 - n]) for n in range(half)]
    told = [f"{100 * levels[n]:g}–{100 * levels[-1 - n]:g} %" for n in range(half)]
    line = "line: median" if levels[half] == 0.5 else f"line: {100 * levels[half]:g} %"
    note = f"{line}; bands: {', '.join(told)}{of}" if spans else ""
    return parts[half], spans, note


def multiples(
    data: xr.DataArray,
    panel: str,
    over: str = "year",
    ax: Axes | None = None,
    *,
    result: xr.Dataset | None = None,
    shared: bool = False,
) -> Axes:
    """Draw a small figure for each label of a dimension, the same lines in each, to compare them.

    Parameters
    ----------
    data : DataArray, dims ``(over, panel)`` or ``(over, panel, other)``, and ``sample`` or ``quantile``
        The labels of the other dimension, usually ``scenario``, are the lines; samples as in :func:`lines`.
    panel : str
        At most 24 labels.
    over, result
        As in :func:`lines`.
    ax : Axes, optional
    shared : bool
        One height for all; without it each small figure has its own, since minerals differ by far.

    Returns
    -------
    Axes
        Around all; ``child_axes`` are the small ones, in the order of the labels.

    Raises
    ------
    MfaError
        If there is no such dimension, or there are too many labels or dimensions.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> data = xr.DataArray(np.ones((2, 3)), {"year": [2020, 2030], "material": ["Co", "Li", "Ni"]},
    ...     ("year", "material"), attrs={"units": "t/yr"})
    >>> [small.get_title() for small in multiples(data, "material", ax=Figure().add_subplot()).child_axes]
    ['Co', 'Li', 'Ni']
    """
    if panel not in data.dims:
        raise MfaError(f"there is no dimension {panel!r}. {known(panel, data.dims, 'dimensions')}")
    labels = [str(label) for label in data[panel].values]
    if len(labels) > MOST_PANELS:
        raise MfaError(
            f"{len(labels)} small figures cannot be read; select at most {MOST_PANELS} of {panel!r}"
        )
    columns = min(3, len(labels))
    rows = -(-len(labels) // columns)
    ax = ax if ax is not None else _tall(rows)
    ax.set_axis_off()
    names: list[str] = []
    note = ""
    for number, label in enumerate(labels):
        part, unit = scaled(data.isel({panel: number}, drop=True))
        middle, spans, note = _spread(part)
        row, column = divmod(number, columns)
        small = ax.inset_axes(
            (
                (column + 0.12) / columns,
                1.0 - (row + 0.82) / rows * 0.92 - 0.08,
                0.84 / columns,
                0.64 / rows * 0.92,
            )
        )
        drawn = list(series(middle, over))
        names = [name for name, _ in drawn]
        colours = palette(names)
        for low, high in spans:
            for (name, bottom), (_, top) in zip(series(low, over), series(high, over), strict=True):
                small.fill_between(
                    part[over].values, bottom, top, color=colours[name], alpha=0.18, linewidth=0
                )
        for name, values in drawn:
            small.plot(part[over].values, values, color=colours[name], linewidth=1.5)
        small.set_ylim(bottom=min(0.0, float(part.values.min())))
        dress(small, part.drop_attrs(), over, unit)
        small.set_title(label, fontsize=9)
        small.tick_params(labelsize=7)
        small.set_ylabel(small.get_ylabel(), fontsize=7)
    if shared:
        limits = [own.get_ylim() for own in ax.child_axes]
        for own in ax.child_axes:
            own.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    _legend(ax, [name for name in names if name])
    if title := data.attrs.get("long_name"):
        ax.set_title(str(title), loc="left", fontsize=11)
    return signed(ax, result, note)


def _tall(rows: int) -> Axes:
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(8.5, 0.9 + 2.1 * rows), layout="constrained").add_subplot()


def _legend(ax: Axes, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    if names:
        marks: list[Any] = [Line2D([], [], color=COLOURS[n], lw=1.8) for n in range(len(names))]
        ax.legend(
            marks, [words(name) for name in names], loc="upper left", ncols=4, frameon=False,
            fontsize=8, bbox_to_anchor=(0.0, 1.02), borderaxespad=0.0,
        )  # fmt: skip
