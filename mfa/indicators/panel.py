"""From raw scores of a panel of minerals and years to a list: scale, mean over years, threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.quantities import answer, refuse
from mfa.indicators.registry import indicator
from mfa.indicators.shares import (
    NOT_EVALUABLE,
    classed,
    numbers,
    require_choice,
    require_dim,
    scores,
)

THRESHOLD = 0.40
"""Supply risk from which on a mineral is critical, itself included."""

RECENCY = (1.0, 2.0, 3.0, 4.0)
"""Weights of four years, the last one the heaviest: an assumption, those of the survey are unknown."""

NORMALISATIONS = ("log-minmax", "minmax", "fixed-reference")


@indicator()
def normalise(
    raw: xr.DataArray, method: str = "log-minmax", *, bounds: Sequence[float] | None = None
) -> xr.DataArray:
    """Return raw scores between 0 and 1, over the whole panel of minerals and years.

    ``minmax`` (x − a) / (b − a), ``log-minmax`` (ln x − ln a) / (ln b − ln a),
    with a, b the least and the largest of the panel, for logarithms of what is
    above 0; ``fixed-reference`` is ``minmax`` with bounds that are given.  What
    lies outside given bounds becomes 0 or 1.  Which function the survey uses is
    not published.  The bounds stand in ``attrs["bounds"]``: give them again to
    score a scenario on the scale of history.

    Parameters
    ----------
    raw : array (…) [any unit]
        0 or more; NaN stays NaN.
    method : {"log-minmax", "minmax", "fixed-reference"}
    bounds : two numbers, optional

    Returns
    -------
    array (…) [1], attributes ``method`` and ``bounds``

    Raises
    ------
    MfaError
        If a score is negative or infinite, the method is unknown, bounds are missing or do
        not rise, or all scores of the panel are equal.

    References
    ----------
    Own definition: the raw scores of Nassar, Fortier (2021), doi:10.3133/ofr20211045, are normalised
    there in a way that is not published

    Examples
    --------
    >>> import mfa
    >>> raw = mfa.array([0.01, 0.1, 1.0], "1", material=["Cu", "Ni", "Co"])
    >>> found = normalise(raw)
    >>> found.values.round(3).tolist(), found.attrs["bounds"]
    ([0.0, 0.5, 1.0], (0.01, 1.0))
    """
    require_choice("method", method, NORMALISATIONS)
    data = scores({"raw": raw}, high=np.inf, why="a raw score is 0 or more")["raw"]
    if bounds is None and method == "fixed-reference":
        raise MfaError("method 'fixed-reference' needs bounds=(least, largest)")
    counted = data.where(data > 0) if method == "log-minmax" else data
    if bounds is None:
        if not counted.notnull().any():
            raise MfaError("raw: no score above 0 in the panel; give bounds=(least, largest)")
        bounds = (float(counted.min()), float(counted.max()))
    low, high = numbers("bounds", bounds, 2)
    if not (low < high < np.inf) or (method == "log-minmax" and low <= 0):
        raise MfaError(
            f"bounds {low:g}, {high:g}: the second is the larger, and for logarithms both are above 0; "
            "a panel of one value has no scale: give bounds=(least, largest)"
        )
    if method == "log-minmax":
        logs = xr.apply_ufunc(np.log, counted.fillna(low).clip(min=low))
        found = ((logs - np.log(low)) / (np.log(high) - np.log(low))).where(data.notnull())
    else:
        found = (data - low) / (high - low)
    result: xr.DataArray = answer(found.clip(0, 1), "normalised", "1", raw)
    if not isinstance(raw, xr.DataArray):
        raise MfaError("raw: one number is no panel; give an array of minerals and years")
    return result.assign_attrs(method=method, bounds=(low, high))


@indicator()
def recency_weighted(
    score: xr.DataArray, *, dim: str = "year", weights: Sequence[float] = RECENCY
) -> xr.DataArray:
    """Return the mean of a score over years, later ones counting more.

    Σ_t w_t · x_t / Σ_t w_t.  The survey weighs 2015 to 2018 by recency; its
    weights are not published, 1, 2, 3, 4 is an assumption.

    Parameters
    ----------
    score : array (dim, …) [1]
    dim : str
    weights : numbers, one for each label of the dimension
        0 or more, not all 0.

    Returns
    -------
    array (…) [1]; NaN where a year is NaN

    Raises
    ------
    MfaError
        If there are not as many labels as weights, or a weight is negative.

    References
    ----------
    Nassar, Fortier (2021), USGS Open-File Report 2021-1045, doi:10.3133/ofr20211045

    Examples
    --------
    >>> import mfa
    >>> recency_weighted(mfa.array([0.2, 0.3, 0.4, 0.5], "1", year=[2015, 2016, 2017, 2018])).item()
    0.4
    """
    data = scores({"score": score}, -np.inf, np.inf)["score"]
    require_dim("score", data, dim)
    weight = np.asarray(numbers("weights, one for each year,", weights, len(weights)))
    if (
        weight.shape != (data.sizes[dim],)
        or not (weight >= 0).all()
        or not 0 < weight.sum() < np.inf
    ):
        raise MfaError(
            f"weights {list(weights)} for the {data.sizes[dim]} labels of {dim!r}: give one for each, "
            "0 or more and not all 0; select the years that count first"
        )
    found = (data * xr.DataArray(weight / weight.sum(), dims=dim)).sum(dim, skipna=False)
    return answer(found, "recency_weighted", data.attrs.get("units"), score)  # type: ignore[no-any-return]


@indicator()
def screen_usgs(
    supply_risk: Any, single_domestic_producer: Any = False, *, threshold: float = THRESHOLD
) -> Any:
    """Return whether a mineral is critical by the rule of the U.S. Geological Survey.

    ``critical`` if SR ≥ 0.40, or whatever SR is if the country has exactly one
    producer, a single point of failure; ``not evaluable`` if SR is NaN, to be
    judged in words; ``not critical`` otherwise.

    Parameters
    ----------
    supply_risk : number or array (…) [1]
        Within [0, 1], or NaN; a mean over years, not a single one.
    single_domestic_producer : bool or array (…) of bool
    threshold : float

    Returns
    -------
    text or array (…) of text

    Raises
    ------
    MfaError
        If labels differ, or a score or the threshold lies outside [0, 1].

    References
    ----------
    Nassar, Fortier (2021), USGS Open-File Report 2021-1045, doi:10.3133/ofr20211045

    Examples
    --------
    >>> screen_usgs(0.40), screen_usgs(0.39), screen_usgs(0.1, True), screen_usgs(float("nan"))
    ('critical', 'not critical', 'critical', 'not evaluable')
    """
    if not 0 <= threshold <= 1:
        raise MfaError(f"threshold: {threshold:g} lies outside 0 and 1")
    single = single_domestic_producer
    if isinstance(single, bool | np.bool_):
        single = int(single)
    data = scores({"supply_risk": supply_risk, "single_domestic_producer": single})
    risk, alone = data["supply_risk"], data["single_domestic_producer"]
    refuse((alone != 0) & (alone != 1), "single_domestic_producer", alone, "it is true or false")
    critical = (alone == 1) | (risk >= threshold - 1e-12)
    cases = (critical, "critical"), (risk.isnull(), NOT_EVALUABLE)
    found = classed(*cases, otherwise="not critical")
    return answer(found, "screen_usgs", None, supply_risk, single_domestic_producer)
