"""The criticality matrix of the US National Research Council (2008): importance against supply risk.

Both axes are scores from 1 to 4.  How the five dimensions of availability make
one score is left to the judgement of a committee: here it is an argument.
"""

from __future__ import annotations

from typing import Any

import xarray as xr

from mfa.indicators.quantities import answer, labelled
from mfa.indicators.registry import indicator
from mfa.indicators.shares import (
    NOT_EVALUABLE,
    classed,
    require_choice,
    require_dim,
    require_shares,
    scores,
)

ON_SCALE = "a score lies within 1, low, and 4, high"
HALF = 2.5


@indicator()
def importance_nrc(impact: xr.DataArray, shares: xr.DataArray, dim: str) -> xr.DataArray:
    """Return the importance in use of a mineral: the impact of a restriction over its uses.

    Σ_i share_i · impact_i, within [1, 4].

    Parameters
    ----------
    impact : array (…, dim) [1]
        Within [1, 4]: 1 where a substitute is at hand, 4 where there is none.
    shares : array (…, dim) [1]
        Of the end uses in consumption; they add up to 1.
    dim : str
        The dimension of the end uses.

    Returns
    -------
    array (…) [1]

    Raises
    ------
    MfaError
        If shares do not add up to 1 or an impact is NaN or outside [1, 4].

    References
    ----------
    National Research Council (2008), Minerals, Critical Minerals, and the U.S. Economy, doi:10.17226/12034

    Examples
    --------
    >>> import mfa
    >>> use = ["catalyst", "jewellery"]
    >>> impact = mfa.array([4.0, 1.0], "1", end_use=use)
    >>> float(importance_nrc(impact, mfa.array([0.75, 0.25], "1", end_use=use), "end_use"))
    3.25
    """
    data = labelled(impact=impact, shares=shares)
    require_dim("impact", data["impact"], dim)
    require_shares("shares", data["shares"], dim)
    scores({"impact": data["impact"]}, 1.0, 4.0, missing=False, why=ON_SCALE)
    found = xr.dot(data["impact"], data["shares"], dim=dim)
    return answer(found, "importance_nrc", "1", impact)  # type: ignore[no-any-return]


@indicator()
def supply_risk_nrc(availability: xr.DataArray, dim: str, combine: str) -> xr.DataArray:
    """Return the supply risk of a mineral from the dimensions of its availability.

    Their largest or their mean, within [1, 4]: the committee judged, and gives
    no formula.  The dimensions are geological, technical, environmental and
    social, political, and economic.

    Parameters
    ----------
    availability : array (…, dim) [1]
        Within [1, 4], 4 the riskiest; NaN where not known.
    dim : str
        The dimension of the five.
    combine : {"max", "mean"}

    Returns
    -------
    array (…) [1]; NaN where one of them is NaN

    Raises
    ------
    MfaError
        If a score lies outside [1, 4] or the way to combine is unknown.

    References
    ----------
    National Research Council (2008), Minerals, Critical Minerals, and the U.S. Economy, doi:10.17226/12034

    Examples
    --------
    >>> import mfa
    >>> side = ["geological", "technical", "social", "political", "economic"]
    >>> scored = mfa.array([1.0, 2.0, 2.0, 4.0, 1.0], "1", availability=side)
    >>> supply_risk_nrc(scored, "availability", "mean").item()
    2.0
    """
    require_choice("combine", combine, ("max", "mean"))
    data = scores({"availability": availability}, 1.0, 4.0, why=ON_SCALE)["availability"]
    require_dim("availability", data, dim)
    found = data.max(dim, skipna=False) if combine == "max" else data.mean(dim, skipna=False)
    return answer(found, "supply_risk_nrc", "1", availability)  # type: ignore[no-any-return]


@indicator()
def matrix_nrc(importance: Any, supply_risk: Any, *, middle: float = HALF) -> Any:
    """Return the quadrant of the criticality matrix in which a mineral lies.

    ``critical`` if both axes are at least in the middle, 2.5; otherwise
    ``important``, ``at risk``, or ``neither``.

    Parameters
    ----------
    importance, supply_risk : numbers or arrays (…) [1]
        Within [1, 4]; NaN where not known.
    middle : float

    Returns
    -------
    text or array (…) of text, ``not evaluable`` where an axis is NaN

    Raises
    ------
    MfaError
        If labels differ or a score lies outside [1, 4].

    References
    ----------
    National Research Council (2008), Minerals, Critical Minerals, and the U.S. Economy, doi:10.17226/12034

    Examples
    --------
    >>> matrix_nrc(3.4, 2.5), matrix_nrc(3.4, 2.0), matrix_nrc(1.0, 1.0)
    ('critical', 'important', 'neither')
    """
    given = {"importance": importance, "supply_risk": supply_risk}
    data = scores(given, 1.0, 4.0, why=ON_SCALE)
    high, risky = (data[name] >= middle for name in given)
    unknown = data["importance"].isnull() | data["supply_risk"].isnull()
    found = classed(
        (unknown, NOT_EVALUABLE),
        (high & risky, "critical"),
        (high, "important"),
        (risky, "at risk"),
        otherwise="neither",
    )
    return answer(found, "matrix_nrc", None, importance, supply_risk)
