"""Is a law with more parameters worth them?  The F test of nested fits."""

from __future__ import annotations

import numpy as np

from mfa.demand.fitted import Fit
from mfa.errors import MfaError


def nested_test(small: Fit, large: Fit) -> dict[str, float]:
    """Test whether a law with more parameters fits better than one it contains.

    F = ((S₁ − S₂) / (p₂ − p₁)) / (S₂ / (n − p₂)) of the sums of squares, e.g.
    logistic within Richards.

    Returns
    -------
    mapping with ``statistic``, ``degrees`` (p₂ − p₁) and the probability ``p``

    Raises
    ------
    MfaError
        If the fits are not of the same data, or the second has no more parameters.
    """
    from scipy.special import fdtrc

    if small.data_sha256 != large.data_sha256 or small.noise != large.noise:
        raise MfaError("nested fits must be of the same data with the same noise")
    if {small.loss, large.loss} != {"linear"}:
        raise MfaError(
            "the test needs fits with loss='linear': robust sums are not sums of squares"
        )
    more = small.degrees - large.degrees
    if more <= 0:
        raise MfaError("the second fit must have more parameters than the first")
    ratio = np.expm1((small.deviance - large.deviance) / small.count)
    statistic = max(float(ratio) * large.degrees / more, 0.0)
    return {
        "statistic": statistic,
        "degrees": float(more),
        "p": float(fdtrc(more, large.degrees, statistic)),
    }
