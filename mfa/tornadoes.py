"""The tornado: which inputs move a result most, from the top down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mfa.drawing import COLOURS, new_axes, signed
from mfa.errors import MfaError
from mfa.panels import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = 12
"""Inputs that are drawn; the others move less."""

MEANING = {
    "total_order": "share of the variance, with all that it does together with others",
    "first_order": "share of the variance that the input makes by itself",
    "rank_correlation": "rank correlation with the input",
    "above_distance": "distance between draws above and not above the threshold",
}
"""What may be drawn; of the indices the first that is there if it is not said."""


def tornado(
    found: xr.Dataset,
    ax: Axes | None = None,
    *,
    measure: str | None = None,
    result: xr.Dataset | None = None,
) -> Axes:
    """Draw how much each input moves a result: the strongest at the top.

    Parameters
    ----------
    found : Dataset, dims ``(input,)``
        As :func:`mfa.sensitivity` returns it for one year and place.
    ax : Axes, optional
        Where to draw; without it a new figure.
    measure : str, optional
        ``total_order``, ``first_order``, ``rank_correlation`` or ``above_distance``; without it the
        first of them that is there.
    result : Dataset, optional
        Whose scenario and sources stand at the foot.

    Returns
    -------
    Axes
        One bar for each input, of shares with their 95 % limits; what pulls down in orange.

    Raises
    ------
    MfaError
        If other dimensions remain, or there is no such measure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = xr.Dataset({"total_order": ("input", [0.1, 0.8])}, {"input": ["yield", "life"]})
    >>> ax = tornado(found, Figure().add_subplot())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['life', 'yield']
    """
    there = [name for name in MEANING if name in found]
    if measure is not None and measure not in there:
        raise MfaError(f"there is no measure {measure!r} here; there are: {', '.join(there)}")
    if not there:
        raise MfaError("a tornado wants what mfa.sensitivity returned")
    name = measure or there[0]
    data = found[name]
    if data.dims != ("input",):
        own = ", ".join(map(str, data.dims))
        raise MfaError(
            f"a tornado has one bar for each input, this has the dimensions {own}; choose one year "
            "and one label of the others: sensitivity(…, year=, at=) or .sel()"
        )
    ax = ax if ax is not None else new_axes()
    sound = found.isel(input=np.flatnonzero(data.notnull().values))
    order = np.argsort(-np.abs(sound[name].values), kind="stable")[:BARS]
    shown = sound.isel(input=order)
    values, places = shown[name].values, np.arange(len(order))
    ax.barh(places, values, 0.62, color=[COLOURS[1] if v < 0 else COLOURS[0] for v in values])
    if f"{name}_low" in shown:
        ends = shown[f"{name}_low"].values, shown[f"{name}_high"].values
        ax.errorbar(
            values, places, xerr=[values - ends[0], ends[1] - values], fmt="none",
            ecolor="black", capsize=3,
        )  # fmt: skip
    ax.set_yticks(places, [words(str(label)) for label in shown["input"].values])
    ax.set_ylim(len(places) - 0.5, -0.5)
    ax.axvline(0, color="#666666", linewidth=0.7)
    ax.set_xlabel(MEANING[name])
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#e4e4e4", linewidth=0.7)
    ax.set_axisbelow(True)
    title = [words(str(found.attrs.get("of", "")))]
    title += [str(c.values) for c in found.coords.values() if not c.dims]
    ax.set_title(", ".join(part for part in title if part), loc="left", fontsize=11)
    return signed(ax, result)
