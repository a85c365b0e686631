"""Limits: between which numbers a distribution keeps its parameter within the declared bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mfa.errors import MfaError
from mfa.forms import Known
from mfa.ranges import distribution_of
from mfa.regions import Array

BEYOND = 1e-6
"""A distribution with a larger share than this beyond the bounds of its parameter is refused."""

ROUNDING = 1e-12
"""A smaller share than this beyond a bound is rounding of the bound."""

Change = Callable[[Array], Array]


def limits_of(
    form: Known, values: Array, change: Change, bounds: tuple[tuple[float, str], tuple[float, str]]
) -> tuple[float, float]:
    """Return between which numbers a distribution keeps a parameter within its bounds.

    Parameters
    ----------
    form : Known
        With a distribution.
    values : (labels, year)
        The value as it was written.
    change : function
        What is changed of it afterwards, by factors and additions.
    bounds : ((float, str), (float, str))
        Lowest and highest value of the parameter, and how to say so.

    Raises
    ------
    MfaError
        If a larger share of the draws than :data:`BEYOND` would lie beyond a bound.
    """
    found, relative = distribution_of(form)
    nothing = change(np.zeros_like(values))
    slope = change(values if relative else np.ones_like(values)) - nothing
    edges = [-np.inf, np.inf]
    for (bound, why), side in zip(bounds, (-1, 1), strict=True):
        if not np.isfinite(bound):
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = (bound - nothing) / slope
        told = ~np.isnan(edge)
        upper, lower = edge[told & (slope * side > 0)], edge[told & (slope * side < 0)]
        high = float(upper.min(initial=np.inf))
        low = float(lower.max(initial=-np.inf))
        beyond = 1 - found.below(high) + found.below(low)
        if beyond > BEYOND:
            end = f"{high:.4g} and above" if np.isfinite(high) else f"{low:.4g} and below"
            raise MfaError(
                f"{form.distribution!r}: {_percent(beyond)} of its draws ({end}) would lie {why}; "
                "write 'truncated: [low, high]' beside it, or a distribution within",
                form.bounds[0].place,
            )
        if beyond > ROUNDING:
            edges = [max(edges[0], low), min(edges[1], high)]
    return edges[0], edges[1]


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else f"{share:.1g} (a share)"
