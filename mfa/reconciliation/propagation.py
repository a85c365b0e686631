"""Propagation of uncertainty through products: first order, exact, and of lognormal laws."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfa.errors import MfaError
from mfa.reconciliation.elimination import Array


def product(values: Any, uncertainties: Any, *, exact: bool = False) -> tuple[float, float]:
    """Return a product of independent quantities and its standard uncertainty.

    Relative variances add; ``exact=True`` uses Π (m² + s²) − Π m², which holds
    for any laws and also where a value is 0.

    Parameters
    ----------
    values, uncertainties : arrays (factor,)

    Raises
    ------
    MfaError
        If an uncertainty is negative or a number is not finite.

    References
    ----------
    JCGM 100:2008, Guide to the expression of uncertainty in measurement

    Examples
    --------
    A flow of 100 ± 5 times a coefficient of 0.30 ± 0.03:

    >>> value, uncertainty = product([100, 0.3], [5, 0.03])
    >>> round(value, 9), round(uncertainty, 9)
    (30.0, 3.354101966)
    """
    means, spreads = _pair(values, uncertainties)
    whole = float(means.prod())
    if exact:
        variance = float((means**2 + spreads**2).prod() - (means**2).prod())
    else:
        others = [np.delete(means, i).prod() for i in range(len(means))]
        variance = float(((np.array(others) * spreads) ** 2).sum())
    return whole, float(np.sqrt(variance))


def lognormal_product(means: Any, cvs: Any) -> dict[str, float]:
    """Return mean, coefficient of variation and median of a product of lognormal quantities.

    1 + cv² = Π (1 + cvᵢ²);  median = mean / √(1 + cv²).

    Parameters
    ----------
    means : array (factor,), above 0
    cvs : array (factor,)
        Coefficients of variation, 0 or more.

    Raises
    ------
    MfaError
        If a mean is not above 0 or a coefficient negative.

    Examples
    --------
    >>> found = lognormal_product([50, 0.4], [0.2, 0.3])
    >>> round(found["mean"], 9), round(found["cv"], 9), round(found["median"], 6)
    (20.0, 0.365513338, 18.784519)
    """
    centre, spread = _pair(means, cvs)
    if (centre <= 0).any():
        raise MfaError("the mean of a lognormal quantity is above 0")
    square = float((1 + spread**2).prod())
    mean = float(centre.prod())
    return {"mean": mean, "cv": float(np.sqrt(square - 1)), "median": mean / float(np.sqrt(square))}


def lognormal_draws(mean: float, cv: float, size: int, seed: int) -> Array:
    """Return draws of a lognormal quantity with this mean and coefficient of variation.

    s² = ln(1 + cv²), μ = ln mean − s²/2.

    >>> round(float(lognormal_draws(50, 0.2, 100_000, 1).mean()), 0)
    50.0
    """
    centre, spread = _pair([mean], [cv])
    if (centre <= 0).any():
        raise MfaError("the mean of a lognormal quantity is above 0")
    width = np.sqrt(np.log1p(spread[0] ** 2))
    random = np.random.default_rng(seed)
    return random.lognormal(np.log(centre[0]) - width**2 / 2, width, size)


def _pair(values: Any, spreads: Any) -> tuple[Array, Array]:
    first = np.atleast_1d(np.asarray(values, dtype=float))
    second = np.atleast_1d(np.asarray(spreads, dtype=float))
    if first.shape != second.shape or not (np.isfinite(first) & np.isfinite(second)).all():
        raise MfaError("values and uncertainties are as many, and finite")
    if (second < 0).any():
        raise MfaError(f"an uncertainty is negative: {second.min():g}")
    return first, second
