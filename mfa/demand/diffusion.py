"""How technologies spread: Bass, Fisher–Pry, and shares of several that sum to one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfa.demand.growth_laws import LARGEST, logistic, same_labels, steepness, with_unit
from mfa.errors import MfaError


def bass(t: Any, *, innovation: Any, imitation: Any, market: Any) -> Any:
    """Return cumulative adoption, m F(t), F = (1 − e^{−(p+q)t}) / (1 + (q/p) e^{−(p+q)t}).

    Parameters
    ----------
    t : number or array [yr]
        Years since launch; 0 before it.
    innovation : number or array, above 0 [1/yr]
        Coefficient p of those who adopt by themselves; typically 0.03.
    imitation : number or array, 0 or more [1/yr]
        Coefficient q of those who follow; typically 0.38.
    market : number or array [unit of the result]
        All who will ever adopt, m.

    Returns
    -------
    array, the dimensions of ``t`` and of the parameters, [unit of market]

    Raises
    ------
    MfaError
        If p is not above 0 or q is negative.

    References
    ----------
    Bass, F. M. (1969), Management Science 15, 215–227, doi:10.1287/mnsc.15.5.215; typical
    coefficients: Sultan, Farley, Lehmann (1990), J. Marketing Research 27, 70–77,
    doi:10.1177/002224379002700107

    Examples
    --------
    >>> round(float(bass(5.0, innovation=0.03, imitation=0.38, market=100.0)), 6)
    33.119864
    """
    left = _left(t, innovation, imitation, market)
    return with_unit(market * (1.0 - left) / (1.0 + imitation / innovation * left), market)


def bass_rate(t: Any, *, innovation: Any, imitation: Any, market: Any) -> Any:
    """Return new adopters a year, m (p+q)²/p · e^{−(p+q)t} / (1 + (q/p) e^{−(p+q)t})².

    Parameters are those of :func:`bass`; 0 before the launch.  [unit of market / yr]

    Examples
    --------
    In the first moment innovators only:

    >>> round(float(bass_rate(0.0, innovation=0.03, imitation=0.38, market=100.0)), 9)
    3.0
    """
    left, total = _left(t, innovation, imitation, market), innovation + imitation
    rate = market * total**2 / innovation * left / (1.0 + imitation / innovation * left) ** 2
    return with_unit(rate * (np.asarray(t) >= 0 if not hasattr(t, "dims") else t >= 0), market)


class BassPeak(NamedTuple):
    """When sales peak, what has been adopted by then, and how many adopt a year."""

    time: Any
    cumulative: Any
    rate: Any


def bass_peak(*, innovation: Any, imitation: Any, market: Any) -> BassPeak:
    """Return the peak of sales: t* = ln(q/p)/(p+q), F(t*) = ½ − p/2q, rate m (p+q)²/4q.

    Where q ≤ p sales only fall: the peak is the launch, with m p a year.

    Examples
    --------
    >>> found = bass_peak(innovation=0.03, imitation=0.38, market=100.0)
    >>> round(float(found.time), 6), round(float(found.cumulative), 6), round(float(found.rate), 6)
    (6.192619, 46.052632, 11.059211)
    """
    _left(0.0, innovation, imitation, market)
    follows = np.maximum(imitation, innovation)
    time = np.log(follows / innovation) / (innovation + imitation)
    rate = bass_rate(time, innovation=innovation, imitation=imitation, market=market)
    return BassPeak(time, market * (0.5 - innovation / (2.0 * follows)), rate)


def fisher_pry(t: Any, *, midpoint: Any, rate: Any) -> Any:
    """Return the share of a new technology that replaces an old one, f/(1−f) = e^{k(t−t₀)}.

    Parameters
    ----------
    t : number or array [year]
    midpoint : number or array [year]
        When half is replaced, t₀.
    rate : number or array [1/yr]
        Speed k; from 10 to 90 % takes ln 81 / k.

    References
    ----------
    Fisher, J. C., Pry, R. H. (1971), Technological Forecasting and Social Change 3, 75–88,
    doi:10.1016/S0040-1625(71)80005-7

    Examples
    --------
    >>> round(float(fisher_pry(2030.0 + np.log(9.0), midpoint=2030, rate=1.0)), 6)
    0.9
    """
    return logistic(t, saturation=1.0, midpoint=midpoint, rate=rate)


def technology_shares(
    x: Any, *, midpoint: Any, rate: Any, dim: str = "technology", scale: str = "linear"
) -> Any:
    """Return shares of rival technologies that sum to one, s_k = e^{z_k} / Σ e^{z_j}.

    z_k = r_k (x − x_k), or r_k ln(x / x_k) with ``scale="log"``.  Two
    technologies, one with rate 0, are Fisher–Pry substitution (linear) or the
    log-logistic 1 / (1 + (x / x₀)^{−r}) (log).

    Parameters
    ----------
    x : number or array
        Years, or with the log scale anything above 0 (years since a launch, cost, size).
    midpoint, rate : DataArray, at least one with the dimension ``dim``
        Where each technology is even with one of z = 0, and how fast it gains.
    dim : str
        The dimension over which the shares sum to one.
    scale : {"linear", "log"}

    Returns
    -------
    DataArray, the dimensions of ``x`` and of the parameters, [1]

    Raises
    ------
    MfaError
        If neither parameter has the dimension.

    References
    ----------
    Marchetti, C., Nakicenovic, N. (1979), IIASA RR-79-13; McFadden, D. (1974), Conditional
    logit analysis of qualitative choice behavior, Frontiers in Econometrics, 105–142.

    Examples
    --------
    >>> from mfa.dims import array
    >>> kinds = ["old", "new"]
    >>> found = technology_shares(20.0, midpoint=array([10.0, 10.0], technology=kinds),
    ...                           rate=array([0.0, 2.0], technology=kinds), scale="log")
    >>> found.round(6).values.tolist()
    [0.2, 0.8]
    """
    same_labels(x=x, midpoint=midpoint, rate=rate)
    z = steepness(x, midpoint, rate, scale)
    if dim not in getattr(z, "dims", ()):
        raise MfaError(f"neither midpoint nor rate has the dimension {dim!r} to share out")
    weight = np.exp(z - z.max(dim))
    return with_unit(weight / weight.sum(dim), None)


def _left(t: Any, innovation: Any, imitation: Any, market: Any) -> Any:
    same_labels(t=t, innovation=innovation, imitation=imitation, market=market)
    if not (np.asarray(innovation) > 0).all() or not (np.asarray(imitation) >= 0).all():
        raise MfaError("innovation must be above 0 and imitation 0 or more")
    return np.exp(-np.minimum((innovation + imitation) * np.maximum(t, 0.0), LARGEST))
