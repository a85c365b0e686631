"""Supply risk as the U.S. Geological Survey computed it for the list of 2022 (method of 2021).

The survey's inputs of willingness and its functions of normalisation are not
published in full: what is not, is an argument here.  Its list of 2025 rests on
another method, the economic effect of disruptions, and is not what this is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.quantities import (
    answer,
    labelled,
    masses,
    refuse,
    require_units,
)
from mfa.indicators.registry import indicator
from mfa.indicators.shares import (
    geometric_mean,
    require_choice,
    require_dim,
    scores,
    sum_of_squares,
)


@indicator()
def ability_to_supply(policy_perception: Any, *, best: float = 100.0) -> Any:
    """Return the risk that producers of a country are not able to supply (ASI).

    (best − PPI) / best, within [0, 1]; more is riskier.  That the index of the
    Fraser Institute enters like this is a reading of the literature.

    Parameters
    ----------
    policy_perception : number or array (…) [1]
        Policy Perception Index, within [0, best]; NaN stays NaN.
    best : float

    Returns
    -------
    number or array (…) [1]

    Raises
    ------
    MfaError
        If an index lies outside.

    References
    ----------
    Nassar, Fortier (2021), USGS Open-File Report 2021-1045, doi:10.3133/ofr20211045

    Examples
    --------
    >>> ability_to_supply(30)
    0.7
    """
    why = f"the index lies within 0 and {best:g}"
    data = scores({"policy_perception": policy_perception}, 0.0, best, why=why)["policy_perception"]
    return answer((best - data) / best, "ability_to_supply", "1", policy_perception)


@indicator()
def willingness_to_supply(components: xr.DataArray, dim: str, weights: Any) -> xr.DataArray:
    """Return the risk that a country does not want to supply, from its parts (WSI).

    Σ_c w_c · x_c / Σ_c w_c, within [0, 1]; more is riskier.  The parts are ties
    of trade, shared values and military cooperation.  How the survey scales
    and weighs them is not published: scale them to [0, 1], **more ties being
    less**, and say the weights.

    Parameters
    ----------
    components : array (…, dim) [1]
        Within [0, 1]; NaN makes the result NaN unless its weight is 0.
    dim : str
        The dimension of the parts.
    weights : array (dim) [1]
        0 or more, not all 0.

    Returns
    -------
    array (…) [1]

    Raises
    ------
    MfaError
        If a part lies outside, a weight is NaN or negative, or all are 0.

    References
    ----------
    Nassar et al. (2020), Evaluating the Mineral Commodity Supply Risk of the U.S. Manufacturing Sector,
    doi:10.1126/sciadv.aay8647

    Examples
    --------
    >>> import mfa
    >>> part = ["trade", "values", "military"]
    >>> parts = mfa.array([0.6, 0.4, 1.0], "1", part=part)
    >>> float(willingness_to_supply(parts, "part", mfa.array([1, 1, 0], "1", part=part)))
    0.5
    """
    arrays = labelled(components=components, weights=weights)
    require_dim("components", arrays["components"], dim)
    require_dim("weights", arrays["weights"], dim)
    scores({"components": arrays["components"]})
    weight = masses(weights=arrays["weights"])["weights"]
    total = weight.sum(dim)
    refuse(total <= 0, f"weights, summed over {dim!r}", total, "one of them is above 0")
    counted = arrays["components"].where(weight > 0, 0.0)
    found = (counted * weight).sum(dim, skipna=False) / total
    return answer(found, "willingness_to_supply", "1", components)  # type: ignore[no-any-return]


@indicator()
def disruption_potential(
    shares: xr.DataArray, ability: Any, willingness: Any, dim: str, combine: str = "max"
) -> xr.DataArray:
    """Return how likely foreign supply is disrupted, before normalisation (DP).

    Σ_k s_k² · max(ASI_k, WSI_k), or the product of the two as in 2020; within
    [0, 1].  Producers are the foreign ones: a country adds no foreign risk to
    itself, so its own share is left out and the shares may add up to less than 1.

    Parameters
    ----------
    shares : array (…, dim) [1]
        Of world production; they add up to 1 or less.
    ability, willingness : arrays (…, dim) [1]
        Risks within [0, 1]: 1 is not able, not willing.
    dim : str
        The dimension of the producers.
    combine : {"max", "product"}

    Returns
    -------
    array (…) [1]; NaN where all shares are NaN

    Raises
    ------
    MfaError
        If there is no such dimension, a share or risk is NaN or outside [0, 1], shares add
        up to more than 1, or the way to combine is unknown.

    References
    ----------
    Nassar, Fortier (2021), USGS Open-File Report 2021-1045, doi:10.3133/ofr20211045 (max);
    Nassar et al. (2020), doi:10.1126/sciadv.aay8647 (product)

    Examples
    --------
    >>> import mfa
    >>> country = ["CN", "CD", "AU"]
    >>> made = mfa.array([0.6, 0.3, 0.1], "1", country=country)
    >>> able = mfa.array([0.7, 0.4, 0.2], "1", country=country)
    >>> willing = mfa.array([0.5, 0.6, 0.1], "1", country=country)
    >>> round(float(disruption_potential(made, able, willing, "country")), 6)
    0.308
    """
    require_choice("combine", combine, ("max", "product"))
    data = labelled(shares=shares, ability=ability, willingness=willingness)
    risks = {name: data[name] for name in ("ability", "willingness")}
    scores(risks, missing=False)
    able, willing = risks.values()
    weight = able * willing if combine == "product" else xr.apply_ufunc(np.maximum, able, willing)
    found = sum_of_squares(data["shares"], dim, weight, whole=False)
    return answer(found, "disruption_potential", "1", shares)  # type: ignore[no-any-return]


@indicator()
def economic_vulnerability(
    value_added: Any,
    gdp: Any,
    expenditure: Any,
    profit: Any,
    dim: str,
    *,
    at_a_loss: str | float = "refuse",
) -> Any:
    """Return how much of an economy hangs on a mineral, before normalisation (EV).

    Σ_j (VA_j / GDP) · (EXP_j / OP_j) over the industries j that use it: their
    weight in the economy times what they spend on the mineral over their profit.

    Parameters
    ----------
    value_added, expenditure, profit : arrays (…, dim) [USD/yr]
        Of each industry; expenditure on the mineral, operating profit.
    gdp : number or array (…) [USD/yr]
        Above 0.
    dim : str
        The dimension of the industries.
    at_a_loss : "refuse", "leave out" or a number
        What to do with an industry whose profit is 0 or less, for which the ratio says
        nothing: an error, no part in the sum, or this number in place of EXP/OP.

    Returns
    -------
    number or array (…) [1], 0 or more

    Raises
    ------
    MfaError
        If labels or units differ, an amount is NaN or, but for profit, negative, GDP is 0,
        or an industry makes a loss and it is not said what to do.

    References
    ----------
    Nassar et al. (2020), doi:10.1126/sciadv.aay8647; Nassar, Fortier (2021), doi:10.3133/ofr20211045

    Examples
    --------
    >>> import mfa
    >>> j = ["batteries", "alloys"]
    >>> value, spent, earned = (mfa.array(v, "USD/yr", industry=j) for v in ([20, 30], [1, 2], [4, 10]))
    >>> economic_vulnerability(value, 1000, spent, earned, "industry").item()
    0.011
    """
    given = {"value_added": value_added, "gdp": gdp, "expenditure": expenditure}
    data = labelled(**given, profit=profit)
    require_units("value_added", "gdp", **data)
    require_units("expenditure", "profit", **data)
    for name in ("value_added", "expenditure", "profit"):
        require_dim(name, data[name], dim)
    masses(**{name: data[name] for name in given})
    why = "absent is not zero: leave the industry out"
    scores({"profit": data["profit"]}, -np.inf, np.inf, missing=False, why=why)
    refuse(data["gdp"] <= 0, "gdp", data["gdp"], "it has to be above 0")
    loss = data["profit"] <= 0
    if at_a_loss == "refuse":
        why = (
            "EXP/OP says nothing without a profit: at_a_loss='leave out', or a number for the ratio"
        )
        refuse(loss, "profit", data["profit"], why)
    burden = data["expenditure"] / data["profit"].where(~loss)
    burden = burden.where(~loss, _ratio_at_a_loss(at_a_loss))
    found = (data["value_added"] / data["gdp"] * burden).sum(dim)
    return answer(found, "economic_vulnerability", "1", value_added)


def _ratio_at_a_loss(choice: str | float) -> float:
    if isinstance(choice, str):
        require_choice("at_a_loss", choice, ("refuse", "leave out"))
        return 0.0
    if not 0 <= choice < np.inf:
        raise MfaError(
            f"at_a_loss: {choice:g} is no ratio of expenditure to profit; give 0 or more"
        )
    return float(choice)


@indicator()
def supply_risk_usgs(disruption: Any, exposure: Any, vulnerability: Any) -> Any:
    """Return the supply risk of the U.S. Geological Survey (SR).

    (DP · TE · EV)^(1/3), within [0, 1]: 0 as soon as one of the three is 0.

    Parameters
    ----------
    disruption, exposure, vulnerability : numbers or arrays (…) [1]
        Normalised disruption potential, trade exposure and normalised economic
        vulnerability, within [0, 1]; NaN where one could not be evaluated.

    Returns
    -------
    number or array (…) [1]; NaN where one of the three is NaN

    Raises
    ------
    MfaError
        If labels differ or a score lies outside [0, 1].

    References
    ----------
    Nassar, Fortier (2021), USGS Open-File Report 2021-1045, doi:10.3133/ofr20211045

    Examples
    --------
    >>> round(supply_risk_usgs(0.308, 0.65, 0.5), 6)
    0.464314
    """
    given = {"disruption": disruption, "exposure": exposure, "vulnerability": vulnerability}
    return geometric_mean("supply_risk_usgs", given)
