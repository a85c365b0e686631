"""The geopolitical supply risk of imports (GeoPolRisk), midpoint and characterisation factor."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.indicators.quantities import answer, labelled, masses, ratio, refuse
from mfa.indicators.registry import indicator
from mfa.indicators.shares import require_dim, scores
from mfa.units import product


@indicator()
def import_risk(imports: Any, instability: Any, production: Any, dim: str) -> Any:
    """Return how unstable the places are that a country imports from, own production being safe.

    Σ_i g_i · f_i / (p + Σ_i f_i), within [0, 1].

    Parameters
    ----------
    imports : array (…, dim) [t/yr]
        From each origin.
    instability : array (…, dim) [1]
        Political instability of the origins, within [0, 1], 1 the least stable.
    production : number or array (…) [t/yr]
        Domestic production, in the unit of the imports.
    dim : str
        The dimension of the origins.

    Returns
    -------
    array (…) [1]; NaN where nothing is imported or produced

    Raises
    ------
    MfaError
        If labels differ, an amount is NaN or negative, or an instability is NaN or outside [0, 1].

    References
    ----------
    Gemechu et al. (2015), Import-based Indicator for the Geopolitical Supply Risk of Raw Materials in
    Life Cycle Sustainability Assessments, doi:10.1111/jiec.12279; Helbig et al. (2016), Extending the
    Geopolitical Supply Risk Indicator, doi:10.1016/j.jclepro.2016.07.214 (own production)

    Examples
    --------
    >>> import mfa
    >>> origin = ["CN", "AU"]
    >>> came = mfa.array([1500.0, 500.0], "t/yr", origin=origin)
    >>> float(import_risk(came, mfa.array([0.6, 0.2], "1", origin=origin), 500, "origin"))
    0.4
    """
    data = labelled(imports=imports, instability=instability, production=production)
    require_dim("imports", data["imports"], dim)
    require_dim("instability", data["instability"], dim)
    masses(imports=data["imports"], production=data["production"])
    scores({"instability": data["instability"]}, missing=False)
    risky = xr.dot(data["imports"], data["instability"], dim=dim)
    found = ratio(risky, data["production"] + data["imports"].sum(dim))
    return answer(found, "import_risk", "1", imports)


@indicator()
def geopolitical_risk(herfindahl: Any, import_risk: Any) -> Any:
    """Return the geopolitical supply risk of a raw material for a country (GeoPolRisk score).

    HHI · import risk, within [0, 1].

    Parameters
    ----------
    herfindahl : number or array (…) [1]
        Of world production.
    import_risk : number or array (…) [1]
        As :func:`import_risk`.

    Returns
    -------
    number or array (…) [1]; NaN where one of them is NaN

    Raises
    ------
    MfaError
        If labels differ or an input lies outside [0, 1].

    References
    ----------
    Gemechu et al. (2015), Import-based Indicator for the Geopolitical Supply Risk of Raw Materials in
    Life Cycle Sustainability Assessments, doi:10.1111/jiec.12279; Helbig et al. (2016), Extending the
    Geopolitical Supply Risk Indicator, doi:10.1016/j.jclepro.2016.07.214 (own production)

    Examples
    --------
    >>> round(geopolitical_risk(0.3, 0.4), 6)
    0.12
    """
    given = {"herfindahl": herfindahl, "import_risk": import_risk}
    data = scores(given)
    found = data["herfindahl"] * data["import_risk"]
    return answer(found, "geopolitical_risk", "1", *given.values())


@indicator()
def geopolitical_midpoint(score: Any, price: Any) -> Any:
    """Return the value that is at risk with a tonne of a raw material (GeoPolRisk midpoint).

    score · price, 0 or more.

    Parameters
    ----------
    score : number or array (…) [1]
        As :func:`geopolitical_risk`, within [0, 1].
    price : number or array (…) [USD/t]

    Returns
    -------
    number or array (…) [unit of the price]

    Raises
    ------
    MfaError
        If labels differ, the score lies outside [0, 1], or a price is NaN or negative.

    References
    ----------
    Santillán-Saldivar et al. (2022), An Improved Resource Midpoint Characterization Method for Supply
    Risk of Resources, doi:10.1007/s11367-022-02027-y

    Examples
    --------
    >>> geopolitical_midpoint(0.12, 50)
    6.0
    """
    data = labelled(score=score, price=price)
    scores({"score": data["score"]})
    masses(price=data["price"])
    unit = data["price"].attrs.get("units")
    found = data["score"] * data["price"]
    units = None if unit is None else product("1", unit)
    return answer(found, "geopolitical_midpoint", units, score, price)


@indicator()
def geopolitical_factor(midpoint: Any, reference: Any) -> Any:
    """Return the characterisation factor of a raw material: its midpoint over that of a reference.

    midpoint / midpoint of the reference material, 0 or more.

    Parameters
    ----------
    midpoint : number or array (…)
        As :func:`geopolitical_midpoint`.
    reference : number or array (…), in the same unit
        Of the reference material, above 0.

    Returns
    -------
    number or array (…) [1]

    Raises
    ------
    MfaError
        If labels differ, or the reference is not above 0.

    References
    ----------
    Santillán-Saldivar et al. (2022), An Improved Resource Midpoint Characterization Method for Supply
    Risk of Resources, doi:10.1007/s11367-022-02027-y

    Examples
    --------
    >>> geopolitical_factor(6.0, 2.5)
    2.4
    """
    data = labelled(midpoint=midpoint, reference=reference)
    scores({"midpoint": data["midpoint"]}, high=np.inf, why="a midpoint is 0 or more")
    refuse(~(data["reference"] > 0), "reference", data["reference"], "it has to be above 0")
    found = ratio(data["midpoint"], data["reference"])
    return answer(found, "geopolitical_factor", "1", midpoint, reference)
