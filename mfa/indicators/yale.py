"""The criticality of metals after Graedel et al. (2012): three axes from 0 to 100.

The coefficients of the two transforms are given as remembered of the
supplement; both meet their end points.  They are arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.indicators.quantities import answer
from mfa.indicators.registry import indicator
from mfa.indicators.shares import require_dim, scores

ON_SCALE = "an axis lies within 0 and 100"


@indicator()
def depletion_score_yale(
    depletion_time: Any, *, coefficients: tuple[float, float] = (0.2, 0.008)
) -> Any:
    """Return the score of the time until reserves are exhausted.

    100 − 0.2 t − 0.008 t², within [0, 100], and 0 beyond 100 years.

    Parameters
    ----------
    depletion_time : number or array (…) [yr]
        0 or more, as :func:`static_reserve_life`; NaN stays NaN.
    coefficients : two numbers
        Of t and of t².

    Returns
    -------
    number or array (…) [1]

    Raises
    ------
    MfaError
        If a time is negative.

    References
    ----------
    Graedel et al. (2012), Methodology of Metal Criticality Determination, doi:10.1021/es203534z

    Examples
    --------
    >>> depletion_score_yale(50), depletion_score_yale(150)
    (70.0, 0.0)
    """
    why = "a time is 0 or more years"
    data = scores({"depletion_time": depletion_time}, high=np.inf, why=why)["depletion_time"]
    first, second = coefficients
    found = (100 - first * data - second * data**2).clip(0, 100)
    found = found.where(~(data > 100), 0.0)
    return answer(found, "depletion_score_yale", "1", depletion_time)


@indicator()
def herfindahl_score_yale(
    herfindahl: Any, *, coefficients: tuple[float, float] = (17.5, 61.18)
) -> Any:
    """Return the score of the concentration of production.

    17.5 ln(10,000 HHI) − 61.18, from 0 (33 points) to 100.001 (one producer).

    Parameters
    ----------
    herfindahl : number or array (…) [1]
        Within [0, 1]; points are divided by 10,000 first.
    coefficients : two numbers
        Of the logarithm, and what is taken off.

    Returns
    -------
    number or array (…) [1], 0 or more

    Raises
    ------
    MfaError
        If an index lies outside [0, 1].

    References
    ----------
    Graedel et al. (2012), Methodology of Metal Criticality Determination, doi:10.1021/es203534z

    Examples
    --------
    >>> round(herfindahl_score_yale(0.38), 4)
    83.0682
    """
    why = "an index lies within 0 and 1; divide points by 10,000"
    data = scores({"herfindahl": herfindahl}, why=why)["herfindahl"]
    slope, less = coefficients
    points = (10_000 * data).where(data != 0, 1.0)
    found = (slope * xr.apply_ufunc(np.log, points) - less).clip(min=0).where(data.notnull())
    return answer(found, "herfindahl_score_yale", "1", herfindahl)


@indicator()
def axis_yale(components: xr.DataArray, dim: str) -> xr.DataArray:
    """Return one axis of criticality: the mean of its components.

    Supply risk is that of three: geological, technological and economic
    (depletion time, companion fraction), social and regulatory, geopolitical.

    Parameters
    ----------
    components : array (…, dim) [1]
        Within [0, 100]; NaN where not known.
    dim : str
        The dimension of the components.

    Returns
    -------
    array (…) [1]; NaN where one of them is NaN

    Raises
    ------
    MfaError
        If a component lies outside [0, 100].

    References
    ----------
    Graedel et al. (2012), Methodology of Metal Criticality Determination, doi:10.1021/es203534z

    Examples
    --------
    >>> import mfa
    >>> parts = mfa.array([70, 50, 60], "1", component=["geological", "social", "geopolitical"])
    >>> axis_yale(parts, "component").item()
    60.0
    """
    data = scores({"components": components}, 0.0, 100.01, why=ON_SCALE)["components"]
    require_dim("components", data, dim)
    return answer(data.mean(dim, skipna=False), "axis_yale", "1", components)  # type: ignore[no-any-return]


@indicator()
def criticality_yale(supply_risk: Any, vulnerability: Any, environment: Any) -> Any:
    """Return the length of the vector of criticality.

    √(SR² + VSR² + EI²) / √3, within [0, 100].

    Parameters
    ----------
    supply_risk, vulnerability, environment : numbers or arrays (…) [1]
        Supply risk, vulnerability to supply restriction and environmental implications,
        within [0, 100]; NaN where not known.

    Returns
    -------
    number or array (…) [1]; NaN where one of the three is NaN

    Raises
    ------
    MfaError
        If labels differ or an axis lies outside [0, 100].

    References
    ----------
    Graedel et al. (2012), Methodology of Metal Criticality Determination, doi:10.1021/es203534z

    Examples
    --------
    >>> round(criticality_yale(60, 50, 30), 4)
    48.3046
    """
    given = {
        "supply_risk": supply_risk,
        "vulnerability": vulnerability,
        "environment": environment,
    }
    data = scores(given, 0.0, 100.01, why=ON_SCALE)
    squares = data["supply_risk"] ** 2 + data["vulnerability"] ** 2 + data["environment"] ** 2
    found = xr.apply_ufunc(np.sqrt, squares / 3)
    return answer(found, "criticality_yale", "1", *given.values())
