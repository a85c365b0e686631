"""Joint draws of the parameters of a fit from uniform numbers, sample by sample.

Unlike a seeded generator this lets each sample be drawn alone, in any order,
with the same bits: no sum depends on how many samples are drawn together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfa.demand.fit_draws import working_at
from mfa.demand.fitted import Fit


def scores_needed(told: Mapping[str, Any]) -> int:
    """Return how many uniform numbers a sample of a fit takes: one for each column, and one more."""
    return len(told["columns"]) + 1


def parameters_at(told: Mapping[str, Any], u: Any) -> dict[str, Any]:
    """Return the parameters of a fit that stand at uniform numbers.

    Normal in the working parameters (logarithms of K and r) with the joint
    covariance, x + Σ^½ z; along the profile where K is not identified, which the
    first number chooses; one of the draws of a bootstrap.  Within the bounds of the fit.

    Parameters
    ----------
    told : mapping
        The content of the file of a fit.
    u : (sample, :func:`scores_needed`), in (0, 1)

    Returns
    -------
    dict of parameter to (sample,), or (sample, group) where each group has its own

    Examples
    --------
    >>> from mfa import demand
    >>> income = np.linspace(1e3, 30e3, 30)
    >>> rest = np.random.default_rng(0).normal(0, 5, 30)
    >>> law = demand.logistic(income, saturation=500.0, midpoint=8e3, rate=5e-4)
    >>> told = demand.fit("logistic", income, law + rest).to_mapping()
    >>> middle = parameters_at(told, np.full((1, 4), 0.5))
    >>> bool(abs(middle["saturation"][0] / told["parameters"]["saturation"] - 1) < 1e-9)
    True
    """
    fit, u = Fit.from_mapping(told), np.asarray(u, dtype=float)
    working = working_at(fit, u)
    index = fit.layout.index
    wide = fit.scaling.natural(fit.curve, [working[:, index[:, j]] for j in range(index.shape[1])])
    own = set(fit.layout.own)
    return {name: value if name in own else value[:, 0] for name, value in wide.items()}
