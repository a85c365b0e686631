"""Early warning after the US National Science and Technology Council (2016), and the risk triangle.

That the three indicators enter as a geometric mean is certain, how each is
normalised is not published: the functions of R, G and M here are readings,
``risk.normalise`` scales them over the panel, and the cut is an argument.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.quantities import answer, labelled, masses, ratio, refuse, require_years
from mfa.indicators.registry import indicator
from mfa.indicators.shares import (
    NOT_EVALUABLE,
    classed,
    geometric_mean,
    require_choice,
    require_dim,
    scores,
)


@indicator()
def early_warning(r: Any, g: Any, m: Any) -> Any:
    """Return the criticality potential of the early-warning screening (C).

    (R · G · M)^(1/3), within [0, 1].

    Parameters
    ----------
    r, g, m : numbers or arrays (…) [1]
        Supply risk (geopolitical concentration of production), growth of production and
        dynamics of the market (price volatility), each normalised to [0, 1] over the panel
        of minerals and years; NaN where one could not be evaluated.

    Returns
    -------
    number or array (…) [1]; NaN where one of the three is NaN

    Raises
    ------
    MfaError
        If labels differ or an indicator lies outside [0, 1].

    References
    ----------
    McCullough, Nassar (2017), Assessment of Critical Minerals: Updated Application of an Early-Warning
    Screening Methodology, doi:10.1007/s13563-017-0119-6

    Examples
    --------
    >>> round(early_warning(0.6, 0.3, 0.2), 6)
    0.330193
    """
    return geometric_mean("early_warning", {"r": r, "g": g, "m": m})


@indicator()
def production_growth(production: xr.DataArray, *, window: int = 5) -> xr.DataArray:
    """Return the mean growth of production over some years, the raw G of the early warning.

    (P(t) / P(t − window))^(1/window) − 1 per year.  The window of five years is
    a reading of the method, not quoted from it.

    Parameters
    ----------
    production : array (year, …) [t/yr]
    window : int

    Returns
    -------
    array (year, …) [1/yr], above −1; NaN in the first years and where production was 0

    Raises
    ------
    MfaError
        If there is no dimension ``year``, a year is missing, an amount is NaN or negative, or
        the window is not 1 or more years.

    References
    ----------
    McCullough, Nassar (2017), doi:10.1007/s13563-017-0119-6 (the indicator; the form is own definition)

    Examples
    --------
    >>> import mfa
    >>> made = mfa.array([100, 110, 121], "t/yr", year=[2020, 2021, 2022])
    >>> round(float(production_growth(made, window=2).sel(year=2022)), 6)
    0.1
    """
    data = masses(production=production)["production"]
    _require_window(window, 1)
    require_years("production", data)
    times = ratio(data, data.shift(year=window))
    found = times ** (1 / window) - 1
    return answer(found, "production_growth", "1/yr", production)  # type: ignore[no-any-return]


@indicator()
def price_volatility(price: xr.DataArray, *, window: int = 5) -> xr.DataArray:
    """Return the coefficient of variation of the price, the raw M of the early warning.

    Standard deviation (n − 1) over mean of the last years, this one included.
    The window of five years is a reading of the method, not quoted from it.

    Parameters
    ----------
    price : array (year, …) [USD/t]
        Deflated, above 0.
    window : int
        2 or more.

    Returns
    -------
    array (year, …) [1], 0 or more; NaN in the first years

    Raises
    ------
    MfaError
        If there is no dimension ``year``, a year is missing, a price is NaN, 0 or less, or the
        window is shorter than 2 years.

    References
    ----------
    McCullough, Nassar (2017), doi:10.1007/s13563-017-0119-6 (the indicator; the form is own definition)

    Examples
    --------
    >>> import mfa
    >>> price = mfa.array([10.0, 20.0], "USD/t", year=[2020, 2021])
    >>> round(float(price_volatility(price, window=2).sel(year=2021)), 4)
    0.4714
    """
    data = masses(price=price)["price"]
    _require_window(window, 2)
    require_years("price", data)
    refuse(data <= 0, "price", data, "a price is above 0")
    rolled = data.rolling(year=window)
    found = ratio(rolled.std(ddof=1), rolled.mean())
    return answer(found, "price_volatility", "1", price)  # type: ignore[no-any-return]


def _require_window(window: int, least: int) -> None:
    if isinstance(window, bool) or not isinstance(window, int | np.integer) or window < least:
        raise MfaError(f"window: {window!r} is not a whole number of years, {least} or more")


@indicator()
def needs_study(potential: Any, threshold: float) -> Any:
    """Return which minerals go on to the second stage of early warning, a study in depth.

    C ≥ threshold.  The screening of 2016 cut its minerals by clusters
    (:func:`high_cluster`) and gives no number: the threshold is yours.

    Parameters
    ----------
    potential : number or array (…) [1]
        Within [0, 1], or NaN.
    threshold : float
        Within [0, 1].

    Returns
    -------
    text or array (…) of text: ``study``, ``watch`` or ``not evaluable``

    Raises
    ------
    MfaError
        If a potential or the threshold lies outside [0, 1].

    References
    ----------
    National Science and Technology Council (2016), Assessment of Critical Minerals: Screening
    Methodology and Initial Application

    Examples
    --------
    >>> needs_study(0.33, 0.3), needs_study(0.2, 0.3)
    ('study', 'watch')
    """
    data = scores({"potential": potential, "threshold": threshold})
    above = data["potential"] >= data["threshold"]
    cases = (data["potential"].isnull(), NOT_EVALUABLE), (above, "study")
    found = classed(*cases, otherwise="watch")
    return answer(found, "needs_study", None, potential)


@indicator()
def high_cluster(potential: xr.DataArray, dim: str, clusters: int) -> xr.DataArray:
    """Return which minerals form the cluster of the highest criticality potential.

    Ward's hierarchical clusters of C along one dimension, cut into as many as
    said; the linkage and the number are a choice, not quoted from the method.

    Parameters
    ----------
    potential : array (dim) [1]
        One year or a mean over years; NaN belongs to no cluster.
    dim : str
        The dimension of the minerals.
    clusters : int
        2 or more, at most as many as there are minerals with a potential.

    Returns
    -------
    array (dim) of bool

    Raises
    ------
    MfaError
        If there is another dimension, or not that many minerals.

    References
    ----------
    Ward (1963), Hierarchical Grouping to Optimize an Objective Function, doi:10.1080/01621459.1963.10500845

    Examples
    --------
    >>> import mfa
    >>> c = mfa.array([0.1, 0.12, 0.5, 0.55], "1", material=["Cu", "Zn", "Co", "Ga"])
    >>> high_cluster(c, "material", 2).values.tolist()
    [False, False, True, True]
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    data = scores({"potential": potential})["potential"]
    require_dim("potential", data, dim)
    if data.ndim > 1:
        raise MfaError(
            f"potential has the dimensions {list(data.dims)}; select one value per {dim}"
        )
    seen = data.values[~np.isnan(data.values)]
    if not isinstance(clusters, int | np.integer) or not 2 <= clusters <= len(seen):
        raise MfaError(
            f"clusters: {clusters!r} of {len(seen)} minerals with a potential; give 2 or more"
        )
    group = fcluster(linkage(seen[:, None], "ward"), clusters, "maxclust")
    high = data >= seen[group == group[np.argmax(seen)]].min()
    return answer(high, "high_cluster", None, potential)  # type: ignore[no-any-return]


@indicator()
def alarm(score: xr.DataArray, raise_at: float, clear_at: float) -> xr.DataArray:
    """Return in which years an alarm is on: raised at one threshold, cleared at a lower one.

    On from the first year with x ≥ raise_at until x < clear_at, so that a score
    that trembles about one threshold does not ring every other year.

    Parameters
    ----------
    score : array (year, …) [1]
        NaN, a year that could not be evaluated, leaves the alarm as it was.
    raise_at, clear_at : float
        clear_at ≤ raise_at.

    Returns
    -------
    array (year, …) of bool

    Raises
    ------
    MfaError
        If there is no dimension ``year``, a year is missing, or the thresholds are the wrong
        way round.

    References
    ----------
    Own definition: two thresholds (hysteresis) as in alarm systems

    Examples
    --------
    >>> import mfa
    >>> risk = mfa.array([0.3, 0.42, 0.39, 0.34, 0.39], "1", year=[2020, 2021, 2022, 2023, 2024])
    >>> alarm(risk, raise_at=0.40, clear_at=0.35).values.tolist()
    [False, True, True, False, False]
    """
    data = scores({"score": score}, -np.inf, np.inf)["score"]
    require_years("score", data)
    if not clear_at <= raise_at:
        raise MfaError(
            f"clear_at={clear_at:g} is above raise_at={raise_at:g}; it has to be at most that"
        )
    turn = (data >= raise_at) | (data < clear_at)
    state = xr.apply_ufunc(
        _state_of_the_last_turn, data >= raise_at, turn, input_core_dims=[["year"]] * 2,
        output_core_dims=[["year"]],
    )  # fmt: skip
    return answer(state, "alarm", None, score)  # type: ignore[no-any-return]


def _state_of_the_last_turn(on: Any, turn: Any) -> Any:
    """Return along the last axis whether the last turn, this one included, was on; off before any."""
    at = np.maximum.accumulate(np.where(turn, np.arange(turn.shape[-1]), -1), axis=-1)
    return (at >= 0) & np.take_along_axis(on, at.clip(min=0), axis=-1)


@indicator()
def risk_triangle(
    hazard: Any, exposure: Any, vulnerability: Any, *, combine: str = "geometric"
) -> Any:
    """Return the risk of a supply chain: hazard, exposure and vulnerability together.

    (H · E · V)^(1/3), or their product; within [0, 1], and 0 as soon as one
    side of the triangle is 0.  In the supply risk of the U.S. Geological Survey
    disruption potential, trade exposure and economic vulnerability play the roles.

    Parameters
    ----------
    hazard, exposure, vulnerability : numbers or arrays (…) [1]
        Within [0, 1]; NaN where one could not be evaluated.
    combine : {"geometric", "product"}

    Returns
    -------
    number or array (…) [1]; NaN where one of the three is NaN

    Raises
    ------
    MfaError
        If labels differ, a side lies outside [0, 1], or the way to combine is unknown.

    References
    ----------
    Nassar et al. (2020), doi:10.1126/sciadv.aay8647; Crichton (1999), The Risk Triangle

    Examples
    --------
    >>> round(risk_triangle(0.8, 0.5, 0.4), 6), risk_triangle(0.8, 0, 0.4)
    (0.542884, 0.0)
    """
    require_choice("combine", combine, ("geometric", "product"))
    given = {"hazard": hazard, "exposure": exposure, "vulnerability": vulnerability}
    if combine == "geometric":
        return geometric_mean("risk_triangle", given)
    sides = labelled(**scores(given))
    found = sides["hazard"] * sides["exposure"] * sides["vulnerability"]
    return answer(found, "risk_triangle", "1", *given.values())
