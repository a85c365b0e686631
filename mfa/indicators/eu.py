"""Criticality as the European Union assesses it (guidelines of 2017, lists of 2017, 2020, 2023)."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.indicators.quantities import (
    answer,
    labelled,
    masses,
    ratio,
    refuse,
    require_same_dims,
    require_units,
)
from mfa.indicators.registry import indicator
from mfa.indicators.shares import (
    NOT_EVALUABLE,
    classed,
    require_dim,
    require_shares,
    scores,
)

THRESHOLDS = (1.0, 2.8)
"""Supply risk and economic importance from which on a material is critical, themselves included."""


@indicator()
def import_reliance_eu(imports: Any, exports: Any, production: Any) -> Any:
    """Return the import reliance of the EU method (IR).

    (imports − exports) / (production + imports − exports), clipped to [0, 1]:
    0 for a net exporter.

    Parameters
    ----------
    imports, exports, production : numbers or arrays (…) [t/yr]
        Of one stage, in contained metal; production is domestic.

    Returns
    -------
    number or array (…) [1]; NaN where nothing is left to use

    Raises
    ------
    MfaError
        If labels, dimensions or units differ, or an amount is NaN or negative.

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials,
    doi:10.2873/769526

    Examples
    --------
    >>> import_reliance_eu(90, 10, 20)
    0.8
    """
    data = masses(imports=imports, exports=exports, production=production)
    require_units(*data, **data)
    require_same_dims(**{name: each for name, each in data.items() if each.ndim})
    net = data["imports"] - data["exports"]
    used = data["production"] + net
    found = ratio(net, used.where(used > 0)).clip(0, 1)
    return answer(found, "import_reliance_eu", "1", imports, exports, production)


@indicator()
def supply_risk_eu(
    herfindahl_global: Any,
    herfindahl_eu: Any,
    import_reliance: Any,
    eol_rir: Any,
    substitution: Any,
) -> Any:
    """Return the supply risk of the EU at one stage (SR).

    [HHI_GS · IR/2 + HHI_EU · (1 − IR/2)] · (1 − EoL_RIR) · SI_SR, 0 or more.
    Where one of the two concentrations is NaN, not known, the other takes its
    place.  The supply risk of a material is that of its worse stage:
    ``supply_risk.max("stage")``.

    Parameters
    ----------
    herfindahl_global, herfindahl_eu : numbers or arrays (…) [1]
        Governance-weighted HHI, with the parameter of trade in it, of world supply and of
        what the EU is supplied with, its own production included; within [0, 15].
    import_reliance, eol_rir, substitution : numbers or arrays (…) [1]
        Within [0, 1], never in per cent: import reliance, end-of-life recycling input rate,
        and index of substitution (1: there is none).

    Returns
    -------
    number or array (…) [1]; NaN where both concentrations or another input are NaN

    Raises
    ------
    MfaError
        If labels differ or an input lies outside its bounds.

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials,
    doi:10.2873/769526

    Examples
    --------
    >>> round(supply_risk_eu(2.09, 1.472, 0.8, 0.1, 0.95), 6)
    1.469916
    """
    why = "on the scale of the EU it lies within 0 and 15; give risk.governance_weighted_herfindahl"
    sides = {"herfindahl_global": herfindahl_global, "herfindahl_eu": herfindahl_eu}
    parts = {"import_reliance": import_reliance, "eol_rir": eol_rir, "substitution": substitution}
    data = labelled(**sides, **parts)
    scores({name: data[name] for name in sides}, 0.0, 15.0, why=why)
    scores({name: data[name] for name in parts})
    world, own = data["herfindahl_global"], data["herfindahl_eu"]
    world, own = world.fillna(own), own.fillna(world)
    half = data["import_reliance"] / 2
    found = (world * half + own * (1 - half)) * (1 - data["eol_rir"]) * data["substitution"]
    return answer(found, "supply_risk_eu", "1", *sides.values(), *parts.values())


@indicator()
def economic_importance_eu(
    shares: Any, value_added: Any, substitution: Any, dim: str, *, largest: Any = None
) -> Any:
    """Return the economic importance of the EU (EI).

    Σ_s A_s · Q_s · SI_EI · 10 / max_s Q_s, within [0, 10].

    Parameters
    ----------
    shares : array (…, dim) [1]
        Of the use of the material in each sector of the economy (NACE, two digits); they add
        up to 1.
    value_added : array (…, dim) [EUR/yr, or any unit]
        Of the sectors.
    substitution : number or array (…) [1]
        Index of substitution for economic importance, within [0, 1].
    dim : str
        The dimension of the sectors.
    largest : number or array (…), in the unit of ``value_added``
        Value added of the largest manufacturing sector there is; if left out, the largest of
        those given, which is right only if all sectors are listed.

    Returns
    -------
    array (…) [1]

    Raises
    ------
    MfaError
        If shares do not add up to 1, an input lies outside its bounds, or a sector is larger
        than the largest.

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials,
    doi:10.2873/769526

    Examples
    --------
    >>> import mfa
    >>> sector = ["metals", "machines", "paper"]
    >>> used = mfa.array([0.5, 0.3, 0.2], "1", sector=sector)
    >>> added = mfa.array([120, 300, 80], "1", sector=sector)
    >>> round(float(economic_importance_eu(used, added, 0.9, "sector")), 6)
    4.98
    """
    data = labelled(shares=shares, value_added=value_added, substitution=substitution)
    require_shares("shares", data["shares"], dim)
    require_dim("value_added", data["value_added"], dim)
    added = masses(value_added=data["value_added"])["value_added"]
    scores({"substitution": data["substitution"]})
    most = added.max(dim) if largest is None else masses(largest=largest)["largest"]
    refuse(added > most * (1 + 1e-9), "value_added", added, "it is above the largest sector")
    total = xr.dot(data["shares"], added, dim=dim) * data["substitution"]
    found = ratio(10 * total, most)
    return answer(found, "economic_importance_eu", "1", shares)


@indicator()
def substitution_index_eu(
    performance: xr.DataArray, subshares: xr.DataArray, shares: xr.DataArray, dim: str, use: str
) -> xr.DataArray:
    """Return the index of substitution of a material over its uses (SI).

    Σ_i share_i · Σ_a performance_{i,a} · subshare_{i,a}, within [0, 1]: 1 where
    there is no substitute.  For economic importance the performance is that of
    cost and function (SCP); for supply risk (SP · SCr · SCo)^(1/3), production,
    criticality and co-production of the substitute, is a reading of the
    guidelines: :func:`substitute_availability_eu`.

    Parameters
    ----------
    performance : array (…, use, dim) [1]
        Within [0, 1], of each substitute in each use; the material itself, unsubstituted,
        is one of the labels, with 1.
    subshares : array (…, use, dim) [1]
        Of the use that each substitute could take; they add up to 1.
    shares : array (…, use) [1]
        Of the uses in the use of the material; they add up to 1.
    dim, use : str
        The dimensions of the substitutes and of the uses.

    Returns
    -------
    array (…) [1]

    Raises
    ------
    MfaError
        If shares do not add up to 1 or a performance is NaN or outside [0, 1].

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials,
    doi:10.2873/769526

    Examples
    --------
    >>> import mfa
    >>> by = ["itself", "silicon"]
    >>> performance = mfa.array([[1.0, 0.8]], "1", use=["anode"], substitute=by)
    >>> taken = mfa.array([[0.5, 0.5]], "1", use=["anode"], substitute=by)
    >>> whole = mfa.array([1.0], "1", use=["anode"])
    >>> float(substitution_index_eu(performance, taken, whole, "substitute", "use"))
    0.9
    """
    data = labelled(performance=performance, subshares=subshares, shares=shares)
    require_dim("performance", data["performance"], dim)
    require_shares("subshares", data["subshares"], dim)
    require_shares("shares", data["shares"], use)
    scores({"performance": data["performance"]}, missing=False)
    each = xr.dot(data["performance"], data["subshares"], dim=dim)
    found = xr.dot(each, data["shares"], dim=use)
    return answer(found, "substitution_index_eu", "1", performance)  # type: ignore[no-any-return]


@indicator()
def substitute_availability_eu(production: Any, criticality: Any, coproduction: Any) -> Any:
    """Return how little a substitute helps against supply risk (its part of SI_SR).

    (SP · SCr · SCo)^(1/3), within [0, 1]; the geometric mean is a reading of
    the guidelines.

    Parameters
    ----------
    production, criticality, coproduction : numbers or arrays (…) [1]
        Within [0, 1], 1 where the substitute is scarce, critical itself, or a by-product.

    Returns
    -------
    number or array (…) [1]

    Raises
    ------
    MfaError
        If labels differ or a score lies outside [0, 1].

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials,
    doi:10.2873/769526

    Examples
    --------
    >>> round(substitute_availability_eu(1, 0.8, 0.8), 4)
    0.8618
    """
    given = {"production": production, "criticality": criticality, "coproduction": coproduction}
    data = scores(given)
    product = data["production"] * data["criticality"] * data["coproduction"]
    return answer(
        xr.apply_ufunc(np.cbrt, product), "substitute_availability_eu", "1", *given.values()
    )


@indicator()
def classify_eu(
    supply_risk: Any,
    economic_importance: Any,
    *,
    strategic: Any = False,
    thresholds: tuple[float, float] = THRESHOLDS,
    decimals: int = 1,
) -> Any:
    """Return whether a material is critical by the thresholds of the EU.

    ``critical`` if SR ≥ 1.0 and EI ≥ 2.8, both rounded to one decimal before
    (a half goes up), or if it is strategic by law, as copper and nickel are;
    ``not evaluable`` if one of them is NaN, ``not critical`` otherwise.

    Parameters
    ----------
    supply_risk, economic_importance : numbers or arrays (…) [1]
        0 or more, the latter at most 10; NaN if not known.
    strategic : bool or array (…) of bool
    thresholds : two numbers
    decimals : int

    Returns
    -------
    text or array (…) of text

    Raises
    ------
    MfaError
        If labels differ or a score lies outside its bounds.

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials,
    doi:10.2873/769526; Regulation (EU) 2024/1252, Annex II

    Examples
    --------
    >>> classify_eu(1.9, 3.9), classify_eu(0.5, 5.7), classify_eu(0.5, 5.7, strategic=True)
    ('critical', 'not critical', 'critical')
    """
    law = int(strategic) if isinstance(strategic, bool | np.bool_) else strategic
    why = "economic importance lies within 0 and 10"
    data = labelled(supply_risk=supply_risk, economic_importance=economic_importance, strategic=law)
    scores({"supply_risk": data["supply_risk"]}, high=np.inf, why="supply risk is 0 or more")
    scores({"economic_importance": data["economic_importance"]}, high=10.0, why=why)
    scores({"strategic": data["strategic"]}, missing=False)
    scale = 10.0**decimals
    names = ("supply_risk", "economic_importance")
    risk, importance = (
        xr.apply_ufunc(np.floor, data[name] * scale + 0.5 + 1e-9) / scale for name in names
    )
    above = (risk >= thresholds[0] - 1e-9) & (importance >= thresholds[1] - 1e-9)
    unknown = risk.isnull() | importance.isnull()
    cases = (data["strategic"] == 1, "critical"), (unknown, NOT_EVALUABLE), (above, "critical")
    found = classed(*cases, otherwise="not critical")
    return answer(found, "classify_eu", None, supply_risk, economic_importance, strategic)
