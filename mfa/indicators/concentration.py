"""Concentration of supply: how few producers there are, and how they are governed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.quantities import answer, labelled, ratio
from mfa.indicators.registry import indicator
from mfa.indicators.shares import (
    NOT_EVALUABLE,
    classed,
    numbers,
    require_choice,
    require_shares,
    scores,
    sum_of_squares,
)

GUIDELINES = {"2023": (0.10, 0.18), "2010": (0.15, 0.25)}
"""Limits between the classes of concentration, as remembered of the two merger guidelines."""

CLASSES = ("unconcentrated", "moderately concentrated", "highly concentrated")

BOUND = "bound"
"""The dimension of an interval; its labels are ``low`` and ``high``."""


@indicator()
def herfindahl(shares: xr.DataArray, dim: str) -> xr.DataArray:
    """Return the Herfindahl–Hirschman index of shares (HHI).

    Σ_k s_k², within [1/n, 1]; × 10,000 in the points of the merger guidelines.

    Parameters
    ----------
    shares : array (…, dim) [1]
        Of the producers; they add up to 1.  ``risk.shares`` makes them from amounts.
    dim : str
        The dimension of the producers.

    Returns
    -------
    array (…) [1]; NaN where all shares are NaN, for nothing is produced

    Raises
    ------
    MfaError
        If there is no such dimension, or a share is negative, NaN beside others, or they do
        not add up to 1.

    References
    ----------
    Hirschman (1964), The Paternity of an Index, American Economic Review 54

    Examples
    --------
    >>> import mfa
    >>> float(herfindahl(mfa.array([0.5, 0.3, 0.2], "1", country=["CN", "CD", "ID"]), "country"))
    0.38
    """
    data = labelled(shares=shares)["shares"]
    return answer(sum_of_squares(data, dim), "herfindahl", "1", shares)  # type: ignore[no-any-return]


@indicator()
def herfindahl_bounds(shares: xr.DataArray, dim: str, rest: str) -> xr.DataArray:
    """Return between which values an HHI lies if one of the shares is a lump of unknown producers.

    With R the share of the lump and m the smallest share that is named, the
    lump adds nothing if it is many small ones, and at most, if nobody in it is
    larger than those who are named, ⌊R/m⌋ m² + (R − ⌊R/m⌋ m)².  The index
    with the lump as one producer, R², can lie above that.

    Parameters
    ----------
    shares : array (…, dim) [1]
    dim : str
        The dimension of the producers.
    rest : str
        The label of the lump.

    Returns
    -------
    array (bound, …) [1], labels ``low``, ``high`` and ``one producer``

    Raises
    ------
    MfaError
        As :func:`herfindahl`, and if there is no such label or no other.

    References
    ----------
    Own definition, from the convexity of the index of Hirschman (1964)

    Examples
    --------
    >>> import mfa
    >>> made = mfa.array([0.5, 0.3, 0.2], "1", country=["CN", "CD", "others"])
    >>> [round(v, 2) for v in herfindahl_bounds(made, "country", "others").values.tolist()]
    [0.34, 0.38, 0.38]
    """
    data = labelled(shares=shares)["shares"]
    require_shares("shares", data, dim)
    names = data[dim].values.tolist() if dim in data.coords else []
    if rest not in names or len(names) < 2:
        raise MfaError(f"shares: {rest!r} has to be one of two or more labels of {dim!r}: {names}")
    lump = data.sel({dim: rest}, drop=True)
    named = data.drop_sel({dim: rest})
    low = xr.dot(named, named, dim=dim)
    smallest = named.where(named > 0).min(dim)
    whole = xr.apply_ufunc(np.floor, ratio(lump, smallest) + 1e-9)
    most = whole * smallest**2 + (lump - whole * smallest).clip(min=0) ** 2
    high = low + most.where(smallest.notnull(), lump**2)
    label = xr.DataArray(["low", "high", "one producer"], dims=BOUND, name=BOUND)
    found = xr.concat([low, high, low + lump**2], label.assign_coords({BOUND: label}))
    return answer(found, "herfindahl_bounds", "1", shares)  # type: ignore[no-any-return]


@indicator()
def normalised_herfindahl(shares: xr.DataArray, dim: str) -> xr.DataArray:
    """Return the HHI between 0, all producers equal, and 1, one producer.

    (HHI − 1/n) / (1 − 1/n) with n the producers whose share is above 0.

    Parameters
    ----------
    shares : array (…, dim) [1]
    dim : str
        The dimension of the producers.

    Returns
    -------
    array (…) [1]; 1 where there is one producer, NaN where there is none

    Raises
    ------
    MfaError
        As :func:`herfindahl`.

    References
    ----------
    Hall, Tideman (1967), Measures of Concentration, doi:10.1080/01621459.1967.10482897 (the index);
    the normalisation is own definition, as in common use

    Examples
    --------
    >>> import mfa
    >>> float(normalised_herfindahl(mfa.array([0.5, 0.5], "1", country=["CN", "CD"]), "country"))
    0.0
    """
    index = herfindahl(shares, dim)
    count = (shares > 0).sum(dim)
    least = ratio(xr.ones_like(index), count)
    found = ratio(index - least, 1 - least).clip(0, 1)
    return answer(found.where(count != 1, 1.0), "normalised_herfindahl", "1", shares)  # type: ignore[no-any-return]


@indicator()
def effective_number(herfindahl: Any) -> Any:
    """Return how many producers of equal size would be as concentrated.

    1 / HHI, 1 or more.

    Parameters
    ----------
    herfindahl : number or array (…) [1]
        Above 0, at most 1; NaN stays NaN.

    Returns
    -------
    number or array (…) [1]

    Raises
    ------
    MfaError
        If an index lies outside; points are divided by 10,000 first.

    References
    ----------
    Adelman (1969), Comment on the "H" Concentration Measure as a Numbers-Equivalent, doi:10.2307/1926955

    Examples
    --------
    >>> round(effective_number(0.38), 4)
    2.6316
    """
    index = _index(herfindahl)
    return answer(ratio(xr.ones_like(index), index), "effective_number", "1", herfindahl)


@indicator()
def concentration_class(
    herfindahl: Any, *, guidelines: str = "2023", limits: Sequence[float] | None = None
) -> Any:
    """Return whether a market is unconcentrated, moderately or highly concentrated.

    Up to the first limit unconcentrated, above the second highly concentrated.
    The limits, 0.10 and 0.18 in 2023 and 0.15 and 0.25 in 2010, are given as
    remembered of the guidelines: look them up before you quote them.

    Parameters
    ----------
    herfindahl : number or array (…) [1]
        Within [0, 1]; NaN stays unclassified.
    guidelines : {"2023", "2010"}
    limits : two numbers, optional
        Instead of those of the guidelines.

    Returns
    -------
    text or array (…) of text, ``not evaluable`` where the index is NaN

    Raises
    ------
    MfaError
        If an index lies outside, the guidelines are unknown or the limits do not rise.

    References
    ----------
    U.S. Department of Justice and Federal Trade Commission, Horizontal Merger Guidelines (2010);
    Merger Guidelines (2023)

    Examples
    --------
    >>> concentration_class(0.38), concentration_class(0.2, guidelines="2010")
    ('highly concentrated', 'moderately concentrated')
    """
    require_choice("guidelines", guidelines, GUIDELINES)
    low, high = numbers("limits", limits or GUIDELINES[guidelines], 2)
    if not 0 <= low < high <= 1:
        raise MfaError(f"limits {low:g}, {high:g} do not rise between 0 and 1")
    index = _index(herfindahl)
    cases = (index.isnull(), NOT_EVALUABLE), (index > high, CLASSES[2]), (index > low, CLASSES[1])
    found = classed(*cases, otherwise=CLASSES[0])
    return answer(found, "concentration_class", None, herfindahl)


@indicator()
def gini(shares: xr.DataArray, dim: str) -> xr.DataArray:
    """Return the Gini coefficient of shares: twice the area between the Lorenz curve and equality.

    Σ_k (2k − n − 1) s_(k) / n with the n shares in rising order, within
    [0, 1 − 1/n].  A label with the share 0 is a producer here: unlike the HHI,
    the coefficient depends on who is listed.

    Parameters
    ----------
    shares : array (…, dim) [1]
    dim : str
        The dimension of the producers.

    Returns
    -------
    array (…) [1]; NaN where all shares are NaN

    Raises
    ------
    MfaError
        As :func:`herfindahl`.

    References
    ----------
    Gini (1921), Measurement of Inequality of Incomes, doi:10.2307/2223319

    Examples
    --------
    >>> import mfa
    >>> float(gini(mfa.array([1.0, 0.0], "1", country=["CN", "CD"]), "country"))
    0.5
    """
    data = labelled(shares=shares)["shares"]
    require_shares("shares", data, dim)
    count = data.sizes[dim]
    weight = (2 * np.arange(1, count + 1) - count - 1) / count
    found = xr.apply_ufunc(
        lambda values: np.sort(values, axis=-1) @ weight, data, input_core_dims=[[dim]]
    )
    return answer(found, "gini", "1", shares)  # type: ignore[no-any-return]


@indicator()
def largest_share(shares: xr.DataArray, dim: str) -> xr.DataArray:
    """Return the share of the largest producer (CR1).

    max_k s_k, within [1/n, 1].

    Parameters
    ----------
    shares : array (…, dim) [1]
    dim : str
        The dimension of the producers.

    Returns
    -------
    array (…) [1]; NaN where all shares are NaN

    Raises
    ------
    MfaError
        As :func:`herfindahl`.

    References
    ----------
    Hall, Tideman (1967), Measures of Concentration, doi:10.1080/01621459.1967.10482897

    Examples
    --------
    >>> import mfa
    >>> float(largest_share(mfa.array([0.7, 0.3], "1", country=["CN", "CD"]), "country"))
    0.7
    """
    data = labelled(shares=shares)["shares"]
    require_shares("shares", data, dim)
    return answer(data.max(dim), "largest_share", "1", shares)  # type: ignore[no-any-return]


def _index(herfindahl: Any) -> xr.DataArray:
    why = "an index lies within 0 and 1; divide points by 10,000"
    return scores({"herfindahl": herfindahl}, why=why)["herfindahl"]
