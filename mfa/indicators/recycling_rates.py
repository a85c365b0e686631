"""Recycling rates: how much of what is discarded comes back, and how much of what is used it is.

All of them divide a part by its whole, per year and per cell: a part above its
whole is an error, because a flow was then given a role that it does not play.
Where the whole is 0 a rate is undefined: NaN.
"""

from __future__ import annotations

from typing import Any

import xarray as xr

from mfa.indicators.quantities import (
    ROUNDING,
    answer,
    labelled,
    masses,
    ratio,
    refuse,
    require_one_of,
    require_units,
    share,
    total,
)
from mfa.indicators.registry import indicator


def _rate(name: str, **inputs: Any) -> Any:
    """Return the first input over the second; the names are those of the caller."""
    arrays = masses(**inputs)
    require_units(*arrays, **arrays)
    part, whole = arrays
    return answer(share(part, whole, arrays), name, "1", *inputs.values())


@indicator()
def collection_rate(collected: Any, end_of_life: Any) -> Any:
    """Return the share of the metal reaching end of life that is collected (EoL-CR).

    collected / end_of_life, within [0, 1].

    Parameters
    ----------
    collected, end_of_life : numbers or arrays (…) [t/yr]
        Metal in discarded products that enters recycling; metal in all discarded products
        (what leaves hibernation counts in the year in which it leaves).

    Returns
    -------
    number or array (…) [1]; NaN where nothing reaches end of life

    Raises
    ------
    MfaError
        If labels or units differ, a mass is NaN or negative, or more is collected than discarded.

    References
    ----------
    Graedel et al. (2011), What Do We Know About Metal Recycling Rates?, doi:10.1111/j.1530-9290.2011.00342.x

    Examples
    --------
    >>> collection_rate(60, 100)
    0.6
    """
    return _rate("collection_rate", collected=collected, end_of_life=end_of_life)


@indicator()
def process_efficiency(recycled: Any, collected: Any) -> Any:
    """Return the share of the collected metal that is functionally recycled (recycling process efficiency rate).

    recycled / collected, within [0, 1]; separation × refining.

    Parameters
    ----------
    recycled, collected : numbers or arrays (…) [t/yr]
        Secondary metal that serves its function again; metal that enters recycling.

    Returns
    -------
    number or array (…) [1]; NaN where nothing is collected

    Raises
    ------
    MfaError
        If labels or units differ, a mass is NaN or negative, or more is recycled than collected.

    References
    ----------
    Graedel et al. (2011), What Do We Know About Metal Recycling Rates?, doi:10.1111/j.1530-9290.2011.00342.x

    Examples
    --------
    >>> process_efficiency(51.3, 60)
    0.855
    """
    return _rate("process_efficiency", recycled=recycled, collected=collected)


@indicator()
def eol_recycling_rate(recycled: Any, end_of_life: Any) -> Any:
    """Return the share of the metal reaching end of life that is functionally recycled (EoL-RR).

    recycled / end_of_life = collection_rate × process_efficiency, within [0, 1].

    Parameters
    ----------
    recycled, end_of_life : numbers or arrays (…) [t/yr]
        Old scrap that becomes a metal with the same function; metal in all discarded products.

    Returns
    -------
    number or array (…) [1]; NaN where nothing reaches end of life

    Raises
    ------
    MfaError
        If labels or units differ, a mass is NaN or negative, or more is recycled than discarded.

    References
    ----------
    Graedel et al. (2011), What Do We Know About Metal Recycling Rates?, doi:10.1111/j.1530-9290.2011.00342.x

    Examples
    --------
    >>> eol_recycling_rate(51.3, 100)
    0.513
    """
    return _rate("eol_recycling_rate", recycled=recycled, end_of_life=end_of_life)


@indicator()
def nonfunctional_recycling_rate(downcycled: Any, end_of_life: Any) -> Any:
    """Return the share of the metal reaching end of life that becomes a tramp element elsewhere.

    downcycled / end_of_life, within [0, 1]: collected, kept, and lost to its function.

    Parameters
    ----------
    downcycled, end_of_life : numbers or arrays (…) [t/yr]
        Old scrap that ends in another metal's cycle; metal in all discarded products.

    Returns
    -------
    number or array (…) [1]; NaN where nothing reaches end of life

    Raises
    ------
    MfaError
        If labels or units differ, a mass is NaN or negative, or more is downcycled than discarded.

    References
    ----------
    Graedel et al. (2011), What Do We Know About Metal Recycling Rates?, doi:10.1111/j.1530-9290.2011.00342.x

    Examples
    --------
    >>> nonfunctional_recycling_rate(5, 100)
    0.05
    """
    return _rate("nonfunctional_recycling_rate", downcycled=downcycled, end_of_life=end_of_life)


@indicator()
def recycled_content(old_scrap: Any, new_scrap: Any, total_input: Any) -> Any:
    """Return the share of scrap, old and new, in all metal that enters production (RC, or RIR).

    (old_scrap + new_scrap) / total_input, within [0, 1].

    Parameters
    ----------
    old_scrap, new_scrap, total_input : numbers or arrays (…) [t/yr]
        Metal from discarded products, metal from fabrication and manufacture, and all metal,
        primary and scrap, that enters the production of the metal.

    Returns
    -------
    number or array (…) [1]; NaN where nothing is produced

    Raises
    ------
    MfaError
        If labels or units differ, a mass is NaN or negative, the two scraps have different
        dimensions, or there is more scrap than input.

    References
    ----------
    Graedel et al. (2011), What Do We Know About Metal Recycling Rates?, doi:10.1111/j.1530-9290.2011.00342.x

    Examples
    --------
    >>> recycled_content(20, 15, 100)
    0.35
    """
    arrays = masses(old_scrap=old_scrap, new_scrap=new_scrap, total_input=total_input)
    require_units(*arrays, **arrays)
    whole = arrays.pop("total_input")
    sums = {"old_scrap + new_scrap": total(**arrays), "total_input": whole}
    found = share("old_scrap + new_scrap", "total_input", sums)
    return answer(found, "recycled_content", "1", old_scrap, new_scrap, total_input)


@indicator()
def eol_recycling_input_rate(old_scrap: Any, total_input: Any) -> Any:
    """Return the share of old scrap in all metal that enters production (EoL-RIR of the EU).

    old_scrap / total_input, within [0, 1]: new scrap is in the input, not in the part.

    Parameters
    ----------
    old_scrap, total_input : numbers or arrays (…) [t/yr]
        Metal from discarded products; all metal, primary and scrap, that enters production.

    Returns
    -------
    number or array (…) [1]; NaN where nothing is produced

    Raises
    ------
    MfaError
        If labels or units differ, a mass is NaN or negative, or there is more scrap than input.

    References
    ----------
    European Commission (2017), Methodology for Establishing the EU List of Critical Raw Materials

    Examples
    --------
    >>> eol_recycling_input_rate(20, 100)
    0.2
    """
    return _rate("eol_recycling_input_rate", old_scrap=old_scrap, total_input=total_input)


@indicator()
def old_scrap_ratio(old_scrap: Any, new_scrap: Any) -> Any:
    """Return the share of old scrap in all scrap that is recycled (OSR).

    old_scrap / (old_scrap + new_scrap), within [0, 1].

    Parameters
    ----------
    old_scrap, new_scrap : numbers or arrays (…) [t/yr]
        Metal from discarded products; metal from fabrication and manufacture.

    Returns
    -------
    number or array (…) [1]; NaN where there is no scrap

    Raises
    ------
    MfaError
        If labels, dimensions or units differ, or a mass is NaN or negative.

    References
    ----------
    Graedel et al. (2011), What Do We Know About Metal Recycling Rates?, doi:10.1111/j.1530-9290.2011.00342.x

    Examples
    --------
    >>> old_scrap_ratio(30, 10)
    0.75
    """
    arrays = masses(old_scrap=old_scrap, new_scrap=new_scrap)
    require_units(*arrays, **arrays)
    found = ratio(arrays["old_scrap"], total(**arrays))
    return answer(found, "old_scrap_ratio", "1", old_scrap, new_scrap)


@indicator()
def mean_number_of_uses(recycling_rate: Any) -> Any:
    """Return how often an atom of metal is used on average before it is lost (cumulative circularity).

    1 + r + r² + … = 1 / (1 − r), with r the EoL recycling rate of a cycle that
    goes on as it is; 1 or more.

    Parameters
    ----------
    recycling_rate : number or array (…) [1]
        EoL-RR within [0, 1]; NaN, as where nothing reached end of life, stays NaN.

    Returns
    -------
    number or array (…) [1]; NaN where the rate is 1, for then nothing is ever lost

    Raises
    ------
    MfaError
        If a rate lies outside [0, 1], or has another unit than 1.

    References
    ----------
    Yamada et al. (2006), Application of Markov Chain Model to Calculate the Average Number of Times of
    Use of a Material in Society, International Journal of Life Cycle Assessment 11

    Examples
    --------
    >>> mean_number_of_uses(0.75)
    4.0
    """
    rate = labelled(recycling_rate=recycling_rate)["recycling_rate"]
    require_one_of(("1",), "recycling_rate", rate)
    refuse((rate < 0) | (rate > 1 + ROUNDING), "recycling_rate", rate, "a rate lies within 0 and 1")
    found = ratio(xr.ones_like(rate), (1 - rate).clip(min=0)).where(rate.notnull())
    return answer(found, "mean_number_of_uses", "1", recycling_rate)
