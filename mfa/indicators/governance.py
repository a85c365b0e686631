"""How badly producers are governed, and concentration weighted with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.indicators.quantities import answer, labelled
from mfa.indicators.registry import indicator
from mfa.indicators.shares import require_dim, scores, sum_of_squares


@indicator()
def governance_weighted_herfindahl(
    shares: xr.DataArray, governance: Any, dim: str, *, trade: Any = 1.0
) -> xr.DataArray:
    """Return the HHI of shares, each square weighted by how badly its producer is governed.

    Σ_k s_k² · g_k · t_k.  On the scale of the EU, g within [0, 10] and t within
    [0.8, 1.5], the result lies within [0, 15]; with g within [0, 1] it is the
    R of the early warning.

    Parameters
    ----------
    shares : array (…, dim) [1]
        They add up to 1.
    governance : array (…, dim) [1]
        0 or more, and **more is worse**: ``scale_governance`` turns the estimates of the World
        Bank, which fall below 0 and rise with quality, into 0 (good) to 10 (bad).
    dim : str
        The dimension of the producers.
    trade : number or array (…, dim) [1]
        Parameter of trade, applied once: 0.8 within the EU and its free-trade partners,
        1.0 otherwise, up to 1.5 under export restrictions.

    Returns
    -------
    array (…) [1]; NaN where all shares are NaN

    Raises
    ------
    MfaError
        As :func:`herfindahl`, and if a rating is NaN or negative, or has not the dimension.

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials,
    doi:10.2873/769526

    Examples
    --------
    >>> import mfa
    >>> country = ["CN", "CD", "AU"]
    >>> made = mfa.array([0.5, 0.3, 0.2], "1", country=country)
    >>> rating = mfa.array([6.0, 4.0, 2.0], "1", country=country)
    >>> restricted = mfa.array([1.1, 1.0, 1.0], "1", country=country)
    >>> round(float(governance_weighted_herfindahl(made, rating, "country", trade=restricted)), 4)
    2.09
    """
    data = labelled(shares=shares, governance=governance, trade=trade)
    require_dim("governance", data["governance"], dim)
    why = "0 is the best and more is worse; risk.scale_governance makes such a rating"
    scores({"governance": data["governance"]}, high=np.inf, missing=False, why=why)
    scores({"trade": data["trade"]}, high=np.inf, missing=False, why="it is 0 or more")
    weight = data["governance"] * data["trade"]
    found = sum_of_squares(data["shares"], dim, weight)
    return answer(found, "governance_weighted_herfindahl", "1", shares)  # type: ignore[no-any-return]


@indicator()
def scale_governance(estimate: Any) -> Any:
    """Return the governance of a country from 0, the best, to 10, the worst.

    (2.5 − w) · 2 with w the mean of the Worldwide Governance Indicators, about
    −2.5 (bad) to 2.5 (good): risk rises as governance falls.

    Parameters
    ----------
    estimate : number or array (…) [1]
        Estimates of the indicators, or their mean; the few beyond ±2.5 are taken as ±2.5.
        NaN, a country without an estimate, stays NaN.

    Returns
    -------
    number or array (…) [1], within [0, 10]

    Raises
    ------
    MfaError
        If an estimate lies beyond ±4: a percentile or a rating that is scaled already.

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials,
    doi:10.2873/769526; Kaufmann, Kraay, Mastruzzi (2011), The Worldwide Governance Indicators,
    doi:10.1017/S1876404511200046

    Examples
    --------
    >>> scale_governance(1.5), scale_governance(-1.0)
    (2.0, 7.0)
    """
    why = "an estimate lies within about -2.5 and 2.5; is it a percentile, or scaled already?"
    data = scores({"estimate": estimate}, -4.0, 4.0, why=why)["estimate"]
    return answer(((2.5 - data) * 2).clip(0, 10), "scale_governance", "1", estimate)
