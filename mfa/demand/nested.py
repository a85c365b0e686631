"""Is a law with more parameters, or with covariates, worth them?  The F test of nested fits."""

from __future__ import annotations

import numpy as np

from mfa.demand.fitted import Fit
from mfa.errors import MfaError

WITHIN = {("logistic", "richards"), ("gompertz", "richards"), ("logistic", "rise_and_decline")}
"""Laws that are a case (or the limit) of another."""


def nested_test(small: Fit, large: Fit) -> dict[str, float]:
    """Test whether a law with more parameters fits better than one it contains.

    F = ((S₁ − S₂) / (p₂ − p₁)) / (S₂ / (n − p₂)) of the sums of squares: logistic within
    Richards, a fit within the same one with covariates, or a shared shape within one for each
    group.

    Returns
    -------
    mapping with ``statistic``, ``degrees`` (p₂ − p₁) and the probability ``p``

    Raises
    ------
    MfaError
        If the fits are not of the same data by least squares, the second has no more parameters,
        or it does not contain the first: another law, scale or covariate.

    Examples
    --------
    Consumption that rises with urbanisation beside income:

    >>> from mfa import demand
    >>> random = np.random.default_rng(0)
    >>> income, towns = np.linspace(1e3, 40e3, 60), random.uniform(0.3, 0.8, 60)
    >>> level = 500.0 * np.exp(0.8 * (towns - 0.5))
    >>> used = demand.logistic(income, saturation=level, midpoint=15e3, rate=3e-4)
    >>> used = used + random.normal(0, 8, 60)
    >>> plain = demand.fit("logistic", income, used)
    >>> shifted = demand.fit("logistic", income, used, covariates={"urbanisation": towns})
    >>> round(shifted.effects["urbanisation"], 2), nested_test(plain, shifted)["p"] < 1e-9
    (0.79, True)
    """
    from scipy.special import fdtrc

    if not isinstance(small, Fit) or not isinstance(large, Fit):
        raise MfaError("the test compares two fits, as demand.fit gives them")
    if small.data_sha256 != large.data_sha256 or small.noise != large.noise:
        raise MfaError(
            "nested fits must be of the same data with the same noise; points that lack a "
            "covariate have to be left out of both"
        )
    if {small.loss, large.loss} != {"linear"} or {small.pooling, large.pooling} != {"free"}:
        raise MfaError(
            "the test needs fits with loss='linear' and pooling='free': "
            "robust and penalised sums are not sums of squares"
        )
    more = small.degrees - large.degrees
    if more <= 0:
        raise MfaError("the second fit must have more parameters than the first")
    _require_within(small, large)
    ratio = np.expm1((small.deviance - large.deviance) / small.count)
    statistic = max(float(ratio) * large.degrees / more, 0.0)
    return {
        "statistic": statistic,
        "degrees": float(more),
        "p": float(fdtrc(more, large.degrees, statistic)),
    }


def _require_within(small: Fit, large: Fit) -> None:
    laws = (small.law, large.law)
    if small.law != large.law and laws not in WITHIN:
        raise MfaError(f"law {small.law!r} is no case of {large.law!r}; compare their criteria")
    if small.scaling.scale != large.scaling.scale:
        raise MfaError("one fit stands over x, the other over ln x; compare their criteria")
    if not set(small.layout.own) <= set(large.layout.own):
        raise MfaError("the first fit has own parameters that the second shares")
    told = {(one.name, one.sha256) for one in large.layout.covariates}
    for one in small.layout.covariates:
        if (one.name, one.sha256) not in told:
            raise MfaError(f"the second fit lacks the covariate {one.name!r} of the first")
